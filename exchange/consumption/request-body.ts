/** Reading request bodies under limits: of one body, and of all bodies that are held at a time. */
import type { IncomingMessage } from "node:http";

/** Largest request body of any instrument. */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Bytes of request bodies in memory at a time, of all requests that are open. */
const BODIES_BYTES_MAX = 512 * 1024 * 1024;
/** In the place of a body that was dropped. */
export const NO_BODY: Buffer = Buffer.alloc(0);

export type ReadBody =
  /** Call `drop` when nobody needs the body any more; `bytes` is empty then. Again, it does nothing. */
  | { ok: true; bytes: Buffer; drop: () => void }
  | { ok: false; reason: "too-large" | "no-room" | "gone" };

/** Builds a reader of bodies that share one budget. */
export function createBodyReader(
  bodiesBytesMax: number = BODIES_BYTES_MAX,
): (request: IncomingMessage) => Promise<ReadBody> {
  let heldBytes = 0;

  return (request) =>
    new Promise((resolve) => {
      let parts: Buffer[] = [];
      let bytes = 0;
      const drop = () => {
        heldBytes -= bytes;
        bytes = 0;
      };
      const fail = (reason: "too-large" | "no-room" | "gone") => {
        request.off("data", take);
        drop();
        resolve({ ok: false, reason });
      };
      const take = (part: Buffer) => {
        bytes += part.length;
        heldBytes += part.length;
        if (bytes > BODY_BYTES_MAX) fail("too-large");
        else if (heldBytes > bodiesBytesMax) fail("no-room");
        else parts.push(part);
      };
      if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) {
        fail("too-large");
        return;
      }
      request.on("data", take);
      request.on("end", () => {
        const body = {
          ok: true as const,
          bytes: joined(parts),
          drop() {
            body.bytes = NO_BODY;
            drop();
          },
        };
        // The listeners live as long as the request, which is as long as its answer.
        parts = [];
        resolve(body);
      });
      request.on("error", () => fail("gone"));
      request.on("close", () => {
        if (!request.complete) fail("gone");
      });
    });
}

/**
 * The parts as one. A body that came whole stays as it is, in memory of its own: a copy would lie in
 * the pool that small buffers share, and hold 64 KiB of it for as long as its answer is streamed.
 */
function joined(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
}
