import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createHttpServer } from "./http-server.ts";

const server = createHttpServer(
  (request, response) => {
    request.on("error", () => {});
    request.resume();
    request.once("end", () => response.end("whole"));
  },
  { headersTimeoutMs: 30, requestTimeoutMs: 60, checkMs: 10 },
);
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test.each([
  ["a body that comes byte by byte", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n{"],
  ["headers that never end", "POST / HTTP/1.1\r\nhost: x\r\n"],
])("%s is given up in time, and the connection with it", async (_what, beginning) => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
  let said = "";
  socket.on("data", (part) => {
    said += part;
  });
  socket.write(beginning);
  await once(socket, "close");
  expect(said).toMatch(/^HTTP\/1.1 408 Request Timeout/);
});
