/**
 * Many readers in a process of their own: plain sockets that upgrade, say what is to be said, and from
 * then on count frames and forget them, so that they cost the machine as little as possible.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { FromReaders, ReaderWish } from "./words.ts";

const tell = (message: FromReaders) => void process.send?.(message);
/** A masked frame with a key of zeros: the text as it is (RFC 6455 section 5.3). */
function masked(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = Buffer.from([0x81, 0x80 | 126, length >> 8, length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.from(text)]);
}

/** Calls back for each whole frame. */
function countFrames(socket: Socket, onFrame: () => void): void {
  let pending: Buffer | null = null;
  let toSkip = 0;
  socket.on("data", (data: Buffer) => {
    let bytes: Buffer = pending === null ? data : Buffer.concat([pending, data]);
    pending = null;
    while (bytes.length > 0) {
      if (toSkip > 0) {
        const skipped = Math.min(toSkip, bytes.length);
        toSkip -= skipped;
        bytes = bytes.subarray(skipped);
        if (toSkip === 0) onFrame();
        continue;
      }
      if (bytes.length < 10 && bytes.length < headLength(bytes)) {
        pending = bytes;
        return;
      }
      const head = headLength(bytes);
      const short = (bytes[1] as number) & 0x7f;
      const length =
        head === 2 ? short : head === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
      toSkip = length;
      bytes = bytes.subarray(head);
    }
  });
}

function headLength(bytes: Buffer): number {
  if (bytes.length < 2) return 10;
  const short = (bytes[1] as number) & 0x7f;
  return short < 126 ? 2 : short === 126 ? 4 : 10;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    "GET /v1/ HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  if (!answer.toString().startsWith("HTTP/1.1 101")) throw new Error(answer.toString());
  return socket;
}

async function run({ port, readers, opening, openingFrames }: ReaderWish): Promise<void> {
  let frames = 0;
  let awaited = readers * openingFrames;
  let isOpening = true;
  const onFrame = (): void => {
    frames += 1;
    if (frames < awaited) return;
    frames = 0;
    awaited = readers;
    tell(isOpening ? { type: "ready" } : { type: "got" });
    isOpening = false;
  };
  for (let count = 0; count < readers; count += 1) {
    const socket = await open(port);
    countFrames(socket, onFrame);
    for (const text of opening) socket.write(masked(text));
  }
  if (openingFrames > 0) return;
  isOpening = false;
  awaited = readers;
  tell({ type: "ready" });
}

process.on("message", (wish: ReaderWish) => void run(wish));
process.on("disconnect", () => process.exit(0));
