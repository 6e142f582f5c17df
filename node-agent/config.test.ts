import { expect, test } from "vitest";
import { createIdentity, createJoinToken } from "#protocol/signing.ts";
import { type AgentFlags, type Environment, loadAgentConfig } from "./config.ts";

const TOKEN = createJoinToken(createIdentity().publicKey);

function config(env: Environment, flags: AgentFlags = {}) {
  const loaded = loadAgentConfig(env, flags);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.config;
}

test("an exchange is all that has to be named", () => {
  expect(config({}, { exchange: "ws://127.0.0.1:8080" })).toEqual({
    exchangeUrl: "ws://127.0.0.1:8080",
    joinToken: null,
    backendUrl: null,
    backendApiKey: undefined,
    dataDir: "./data/agent",
    symbol: "text-lite",
    price: "0.50",
    quantity: "1",
    slots: 4,
    name: "node",
    logLevel: "info",
  });
});

test("a flag wins over its variable", () => {
  const env = {
    GRIDSPOT_EXCHANGE: "ws://env",
    GRIDSPOT_JOIN_TOKEN: TOKEN,
    GRIDSPOT_AGENT_DATA_DIR: "/env",
    BACKEND_URL: "http://env",
  };
  expect(config(env)).toMatchObject({
    exchangeUrl: "ws://env",
    joinToken: TOKEN,
    dataDir: "/env",
    backendUrl: "http://env",
  });
  const flags = { exchange: "wss://flag", dataDir: "/flag", backend: "http://flag" };
  expect(config(env, flags)).toMatchObject({
    exchangeUrl: "wss://flag",
    dataDir: "/flag",
    backendUrl: "http://flag",
  });
});

test("a variable without a value is one that is not set, as in .env.example", () => {
  const env = { GRIDSPOT_EXCHANGE: "ws://x", GRIDSPOT_JOIN_TOKEN: "", BACKEND_API_KEY: " " };
  expect(config(env)).toMatchObject({ joinToken: null, backendApiKey: undefined });
});

test("without a folder of its own the agent's key goes under the common one", () => {
  const env = { GRIDSPOT_EXCHANGE: "ws://x", GRIDSPOT_DATA_DIR: "/data/" };
  expect(config(env).dataDir).toBe("/data/agent");
});

test("every problem is told at once, by its flag", () => {
  const loaded = loadAgentConfig(
    { GRIDSPOT_LOG_LEVEL: "loud" },
    {
      exchange: "http://x/path",
      join: "gsj_secret",
      backend: "localhost",
      instrument: "Text Lite",
      price: "0.5e1",
      units: "0",
      slots: "0",
      name: "n".repeat(65),
    },
  );
  const problems = loaded.ok ? [] : loaded.problems;
  const named = ["--exchange", "--join", "--backend", "--instrument", "--price", "--units"];
  for (const name of [...named, "--slots", "--name", "GRIDSPOT_LOG_LEVEL"]) {
    expect(problems.filter((problem) => problem.startsWith(name))).toHaveLength(1);
  }
  expect(problems).toHaveLength(9);
  // A join token is a secret, even a mistyped one.
  expect(problems.join()).not.toContain("gsj_secret");
});

test.each(["", "ws://", "ws://[", "ws://user@host", "ws://host/path", "ws://host?x=1"])(
  '"%s" is no exchange',
  (exchange) => {
    expect(loadAgentConfig({}, { exchange }).ok).toBe(false);
  },
);
