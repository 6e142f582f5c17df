/**
 * The published framing: Phoenix map frames `{topic, event, payload, ref}` as text. What is sent to
 * many is put into the bytes of a WebSocket frame once; a server's frames are the same for everybody.
 */
import { shown } from "#exchange/request-body.ts";

export const TRADING_TOPIC = "ws:trading";
export const PHOENIX_TOPIC = "phoenix";

/** Longest topic, event or ref; nothing of ours is nearly as long. */
const WORD_CHARACTERS_MAX = 100;

/** Deepest nesting; a subscription has three levels. */
const NESTING_MAX = 16;

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
  if (isNestedBeyond(text, NESTING_MAX)) {
    return refuse(`the frame is nested more than ${NESTING_MAX} deep`);
  }
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

/** Whether brackets are open that deep anywhere; those inside strings may count, which is no harm. */
function isNestedBeyond(text: string, levels: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === OPEN_BRACKET || code === OPEN_BRACE) depth += 1;
    else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth -= 1;
    if (depth > levels) return true;
  }
  return false;
}

const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

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

/** FIN and an opcode (RFC 6455 section 5.2). */
const FINAL_TEXT = 0x81;
const FINAL_PONG = 0x8a;
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

/** The answer to a ping; its data is what the ping had, at most 125 bytes. */
export function pongBytes(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([FINAL_PONG, data.length]), data]);
}
