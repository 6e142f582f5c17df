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

test("public hosts are a list, compared in lower case; what is no host is named", () => {
  const hosts = (GRIDSPOT_PUBLIC_HOSTS: string) =>
    loadExchangeConfig({ GRIDSPOT_PUBLIC_HOSTS }, files);
  expect(hosts(" Exchange.Example:8080, other.example ")).toMatchObject({
    config: { publicHosts: ["exchange.example:8080", "other.example"] },
  });
  expect(hosts("https://exchange.example")).toMatchObject({
    problems: [expect.stringMatching(/"https:\/\/exchange.example", expected hosts like/)],
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
