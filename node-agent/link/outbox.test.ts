import { expect, test } from "vitest";
import type { WebSocket } from "ws";
import { Outbox } from "./outbox.ts";

const FULL_BYTES = 5 * 1024 * 1024;

/** A socket whose buffer is as full as the test says, and whose writes end when it says. */
function stuckSocket() {
  const written: (() => void)[] = [];
  const socket = {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    send: (_message: Buffer, onWritten: () => void) => written.push(onWritten),
  };
  return { socket, written, outbox: new Outbox(socket as unknown as WebSocket) };
}

test("there is room until the socket is full, and again when half of it is written", async () => {
  const { socket, written, outbox } = stuckSocket();
  expect(outbox.room()).toBe(null);
  outbox.push(Buffer.from("a"));
  outbox.push(Buffer.from("b"));
  outbox.flush();
  outbox.push(Buffer.from("c"));
  outbox.flush();
  socket.bufferedAmount = FULL_BYTES;
  let hasRoom = false;
  const room = outbox.room()?.then(() => {
    hasRoom = true;
  });
  socket.bufferedAmount = FULL_BYTES / 2;
  written[0]?.();
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  socket.bufferedAmount = 0;
  written[1]?.();
  await room;
  expect(hasRoom).toBe(true);
});

test("whoever waits for room goes when the link ends", async () => {
  const { socket, outbox } = stuckSocket();
  socket.bufferedAmount = FULL_BYTES;
  const room = outbox.room();
  outbox.end();
  await room;
});
