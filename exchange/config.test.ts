import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadExchangeConfig } from "./config.ts";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../config/${name}`, import.meta.url), "utf8"));
const files = { instruments: read("instruments.json"), policy: read("policy.json") };

test("the shipped files load with the documented defaults", () => {
  const loaded = loadExchangeConfig({}, files);
  expect(loaded).toMatchObject({
    ok: true,
    config: { dataDir: "./data", host: "127.0.0.1", port: 8080, logLevel: "info" },
  });
});

test("the demo instruments are sound too", () => {
  expect(loadExchangeConfig({}, { ...files, instruments: read("instruments.demo.json") }).ok).toBe(
    true,
  );
});

test("every problem is reported at once, with what came and what was expected", () => {
  const [first] = files.instruments;
  const loaded = loadExchangeConfig(
    { GRIDSPOT_PORT: "http", GRIDSPOT_LOG_LEVEL: "loud" },
    {
      instruments: [
        { ...first, tickMicrosPerUnit: 33 },
        { ...first, colour: "red" },
      ],
      policy: { ...files.policy, takerFeeBps: -1 },
    },
  );
  expect(loaded.ok).toBe(false);
  const text = loaded.ok ? "" : loaded.problems.join("\n");
  for (const part of [
    'GRIDSPOT_PORT is "http"',
    'GRIDSPOT_LOG_LEVEL is "loud"',
    "0.33 micro-dollars",
    "entry 1",
    "/takerFeeBps",
  ]) {
    expect(text).toContain(part);
  }
});
