/**
 * The published framing: Phoenix map frames `{topic, event, payload, ref}` as text. What is sent to
 * many is put into the bytes of a WebSocket frame once; a server's frames are the same for everybody.
 */
import { shown } from "#exchange/request-body.ts";

export const TRADING_TOPIC = "ws:trading";
export const PHOENIX_TOPIC = "phoenix";

/** Longest topic, event or ref; nothing of ours is nearly as long. */
const WORD_CHARACTERS_MAX = 100;

export interface Frame {
  topic: string;
  event: string;
  payload: Record<string, unknown>;
  /** As it came, to be sent back. */
  ref: string | number | null;
}

export type FrameResult =
  | { ok: true; frame: Frame }
  | { ok: false; message: string; ref: Frame["ref"] };

/** Reads a client's frame. Unknown fields are passed over, as Phoenix does. */
export function readFrame(text: string): FrameResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse(`the frame is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  if (!isObject(value)) {
    return refuse(`the frame is ${shown(value)}, expected {"topic","event","payload","ref"}`);
  }
  const { topic, event, payload = {}, ref = null } = value;
  if (!isWord(ref) && typeof ref !== "number" && ref !== null) {
    return refuse(`ref is ${shown(ref)}, expected a short string`);
  }
  if (!isWord(topic)) return refuse(`topic is ${shown(topic)}, expected "${TRADING_TOPIC}"`, ref);
  if (!isWord(event)) return refuse(`event is ${shown(event)}, expected a short string`, ref);
  if (!isObject(payload)) return refuse(`payload is ${shown(payload)}, expected an object`, ref);
  return { ok: true, frame: { topic, event, payload, ref } };
}

function refuse(message: string, ref: Frame["ref"] = null): FrameResult {
  return { ok: false, message, ref };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWord(value: unknown): value is string {
  return typeof value === "string" && value.length <= WORD_CHARACTERS_MAX;
}

/** An event of ours on the trading topic, ready for the wire. It answers nothing, so its ref is "". */
export function eventBytes(event: string, payload: object): Buffer {
  return wireBytes(JSON.stringify({ topic: TRADING_TOPIC, event, payload, ref: "" }));
}

/** The answer to a client's frame, ready for the wire. */
export function replyBytes(
  { topic, ref }: Pick<Frame, "topic" | "ref">,
  status: "ok" | "error",
  response: object,
): Buffer {
  return wireBytes(
    JSON.stringify({ topic, event: "phx_reply", payload: { status, response }, ref }),
  );
}

/** FIN and the opcode of text (RFC 6455 section 5.2). */
const FINAL_TEXT = 0x81;
const LENGTH_IN_16_BITS = 126;
const LENGTH_IN_64_BITS = 127;

/** A text as one unmasked WebSocket frame, as servers send it. */
export function wireBytes(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length < LENGTH_IN_16_BITS ? 2 : length < 0x1_0000 ? 4 : 10;
  const bytes = Buffer.allocUnsafeSlow(head + length);
  bytes[0] = FINAL_TEXT;
  if (head === 2) bytes[1] = length;
  else if (head === 4) {
    bytes[1] = LENGTH_IN_16_BITS;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = LENGTH_IN_64_BITS;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  bytes.write(text, head);
  return bytes;
}
