import { execFile } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LoadResult, problemOf } from "./load.ts";
import { compilePrograms, compilerProblem } from "./native-programs.ts";

/** What a server answers to each request, in pieces. */
let pieces: readonly string[] = [];
let status = 200;
const server = http.createServer((request, response) => {
  request.resume();
  response.writeHead(status, { "content-type": "text/event-stream" });
  for (const piece of pieces) response.write(piece);
  response.end();
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function load(deltas: number): Promise<LoadResult> {
  const { loadGenerator } = compilePrograms();
  const { port } = server.address() as AddressInfo;
  const flags = { port, deltas, body: "{}", open: 2, "measure-ms": 200, "drain-ms": 5_000 };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { stdout } = await promisify(execFile)(loadGenerator, args);
  return JSON.parse(stdout) as LoadResult;
}

const event = (content: string) => `data: {"choices":[{"delta":{"content":"${content}"}}]}\n\n`;
const whole = [event(" quick"), event(" equal"), "data: [DONE]\n\n"];

// What is compiled for itself is tested where it can be; CI has a compiler.
describe.skipIf(compilerProblem() !== null && process.env.CI === undefined)(
  "the load generator",
  () => {
    test("finds nothing wrong with answers that carry exactly their deltas", async () => {
      pieces = whole;
      const result = await load(2);
      expect(result.answered).toBeGreaterThan(0);
      expect(problemOf(result)).toBeNull();
    });

    test("counts deltas and the end however they are cut", async () => {
      pieces = [...whole.join("")];
      expect(problemOf(await load(2))).toBeNull();
    });

    test.each([
      ["a delta too few", [event(" quick"), "data: [DONE]\n\n"]],
      ["a delta too many", [event(" quick"), ...whole]],
      ["no end", whole.slice(0, 2)],
    ])("tells of %s", async (_what, answer) => {
      pieces = answer;
      const result = await load(2);
      expect(result.wrong).toBeGreaterThan(0);
      expect(problemOf(result)).toContain("had not exactly their deltas");
    });

    test("tells of refusals, with their words", async () => {
      status = 429;
      pieces = ["slow down"];
      const result = await load(2);
      status = 200;
      expect(problemOf(result)).toContain("slow down");
    });
  },
);
