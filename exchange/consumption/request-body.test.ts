import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createBodyReader, type ReadBody } from "./request-body.ts";

/** Sends a body to a reader over a real socket, in these parts. */
async function read(parts: readonly string[]): Promise<ReadBody> {
  const readBody = createBodyReader();
  const read = new Promise<ReadBody>((resolve) => {
    server.on("request", async (request, response) => {
      resolve(await readBody(request));
      response.end();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const request = http.request({ port, method: "POST", headers: { "content-type": "text/plain" } });
  request.on("response", (response) => response.resume()).on("error", () => {});
  for (const part of parts) await new Promise<void>((sent) => request.write(part, () => sent()));
  request.end();
  return read.finally(() => server.close());
}
let server = http.createServer();

test.each([[["whole"]], [["a ", "few ", "parts"]], [[]]])(
  "%j is read as it was sent",
  async (parts) => {
    server = http.createServer();
    const body = await read(parts);
    expect(body.ok && body.bytes.toString()).toBe(parts.join(""));
  },
);

test("a small body holds no shared memory while its answer is streamed", async () => {
  server = http.createServer();
  const body = await read(["x".repeat(600)]);
  expect(body.ok && body.bytes.buffer.byteLength).toBeLessThan(Buffer.poolSize);
});

test("a body that was dropped is held no longer, and dropped once", async () => {
  server = http.createServer();
  const body = await read(["a ", "few ", "parts"]);
  if (!body.ok) throw new Error(body.reason);
  body.drop();
  body.drop();
  expect(body.bytes.length).toBe(0);
});
