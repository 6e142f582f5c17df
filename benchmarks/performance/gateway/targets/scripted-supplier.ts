/**
 * A supplier without a backend: links like an agent, and answers by script on the schedule that the
 * request names. It costs so little that the exchange before it is what a load saturates.
 */
import { createHash, type Hash, randomBytes } from "node:crypto";
import { pino } from "pino";
import { loadExchangePin, loadIdentity } from "#agent/identity.ts";
import { openLink } from "#agent/link/handshake.ts";
import { AgentSession } from "#agent/link/session.ts";
import { encodeRecord, FLAG_FINAL, type LinkRecord, RecordType } from "#protocol/link-records.ts";

/** The stub's words, one mark each, and how many deltas go to a stamp. */
const WORDS =
  "quick question equal require quality quiet unique request sequence liquid square acquire".split(
    " ",
  );
const DELTAS_PER_STAMP = 16;
/** Answers are due in steps of this: coarse, but one timer serves thousands of streams. */
const STEP_MS = 1;
const SLOTS = 4_096;
const TOKENS_PER_WINDOW = 1_000_000_000;
const NOTHING = Buffer.alloc(0);

interface Answer {
  stream: number;
  sequence: number;
  isStreamed: boolean;
  firstTokenMs: number;
  deltas: number;
  gapMs: number;
  sent: number;
  bytes: number;
  digest: Hash;
}

const flag = (name: string) => process.argv[process.argv.indexOf(`--${name}`) + 1] ?? "";
const log = pino();
const open = new Map<number, Answer>();
const due = new Map<number, Answer[]>();
let step = Math.floor(performance.now() / STEP_MS);

const word = (number: number) => ` ${WORDS[number % WORDS.length]}`;

function wholeAnswer(deltas: number): Buffer {
  const content = Array.from({ length: deltas }, (_, number) => word(number)).join("");
  const choice = { index: 0, message: { role: "assistant", content }, finish_reason: "stop" };
  return Buffer.from(JSON.stringify({ object: "chat.completion", choices: [choice] }));
}
const wholeAnswers = new Map<number, Buffer>();

function later(answer: Answer, ms: number): void {
  const at = Math.max(step + 1, Math.ceil((performance.now() + ms) / STEP_MS));
  const others = due.get(at);
  if (others === undefined) due.set(at, [answer]);
  else others.push(answer);
}

function put(session: AgentSession, answer: Answer, type: RecordType, payload: Buffer): void {
  const options = {
    flags: type === RecordType.body ? FLAG_FINAL : 0,
    count: type === RecordType.delta ? 1 : 0,
  };
  const record = encodeRecord(type, answer.stream, answer.sequence, payload, options);
  // As an agent sends them: the first text at once, more of it with others.
  const departure = answer.bytes === 0 ? "now" : "patient";
  session.sendRecord(record, type === RecordType.delta ? departure : "turn");
  answer.sequence += 1;
  if (type !== RecordType.delta && type !== RecordType.body) return;
  answer.bytes += payload.length;
  answer.digest.update(payload);
}

function end(session: AgentSession, answer: Answer): void {
  const { deltas, bytes } = answer;
  const report = {
    finishReason: "stop",
    reportedPromptTokens: 57,
    reportedCompletionTokens: deltas,
    outputBytes: bytes,
    outputSha256: answer.digest.digest("hex"),
  };
  put(session, answer, RecordType.end, Buffer.from(JSON.stringify(report)));
  open.delete(answer.stream);
}

function sendNext(session: AgentSession, answer: Answer): void {
  if (!open.has(answer.stream)) return;
  const { deltas } = answer;
  if (!answer.isStreamed) {
    const whole = wholeAnswers.get(deltas) ?? wholeAnswer(deltas);
    wholeAnswers.set(deltas, whole);
    put(session, answer, RecordType.body, whole);
    end(session, answer);
    return;
  }
  do {
    const isStamped = answer.sent % DELTAS_PER_STAMP === 0;
    const stamp = isStamped ? ` T${String(process.hrtime.bigint()).padStart(16, "0")}` : "";
    put(session, answer, RecordType.delta, Buffer.from(word(answer.sent) + stamp));
    answer.sent += 1;
  } while (answer.gapMs === 0 && answer.sent < deltas);
  if (answer.sent === deltas) end(session, answer);
  else later(answer, answer.gapMs);
}

function begin(record: LinkRecord, session: AgentSession): void {
  const answer = open.get(record.stream);
  const text = Buffer.from(record.payload).toString("latin1");
  const match = /stub-t(\d+)-n(\d+)-g(\d+)/.exec(text);
  if (answer === undefined || match === null) return;
  const [firstTokenMs = 0, deltas = 1, gapMicros = 0] = match.slice(1).map(Number);
  Object.assign(answer, { firstTokenMs, deltas, gapMs: gapMicros / 1_000 });
  put(session, answer, RecordType.accepted, NOTHING);
  if (firstTokenMs === 0) sendNext(session, answer);
  else later(answer, firstTokenMs);
}

function onRecord(record: LinkRecord, session: AgentSession): void {
  const { stream } = record;
  if (record.type === RecordType.requestHead) {
    const { streamed } = JSON.parse(Buffer.from(record.payload).toString()) as {
      streamed: boolean;
    };
    const counts = { sequence: 0, sent: 0, bytes: 0, firstTokenMs: 0, deltas: 1, gapMs: 0 };
    const digest = createHash("sha256");
    open.set(stream, { stream, isStreamed: streamed, digest, ...counts });
  } else if (record.type === RecordType.requestBody) begin(record, session);
  else if (record.type === RecordType.cancel) open.delete(stream);
}

const dataDir = flag("data-dir");
const joinToken = flag("join");
const identity = loadIdentity(dataDir);
const link = await openLink(
  { exchangeUrl: flag("exchange"), nodeName: flag("name"), joinToken, build: "scripted-supplier" },
  { identity, pin: loadExchangePin(dataDir, joinToken) },
);
const session = new AgentSession(link.welcome, {
  onRecord,
  onFill: () => {},
  onGoAway: () => {},
  onResumed: () => {},
  onCancel: () => {},
  onClose({ code, reason }) {
    log.error({ code, reason }, "link closed");
    // If it is the exchange that ended, its own words should be the first.
    setTimeout(() => process.exit(1), 2_000);
  },
  activeDeliveries: () => open.size,
  runningAttempts: () => [],
});
session.join(link);
const measurement = { requests: 3, errors: 0, firstTokenMsP50: 20, tokensPerSecondP50: 100_000 };
const supplied = { capacityTokensPerWindow: TOKENS_PER_WINDOW, measurement };
session.send({
  type: "supply",
  slots: SLOTS,
  instruments: [{ symbol: "text-lite", ...supplied }],
});
const clientOrderId = randomBytes(9).toString("base64url").replaceAll("-", ".");
const ask = { symbol: "text-lite", price: "0.10", quantity: "200", clientOrderId };
await session.call("place-ask", ask);
log.info("ask placed");
process.on("SIGTERM", () => process.exit(0));
setInterval(() => {
  const now = Math.floor(performance.now() / STEP_MS);
  for (; step < now; step += 1) {
    const ready = due.get(step + 1) ?? [];
    due.delete(step + 1);
    for (const answer of ready) sendNext(session, answer);
  }
}, STEP_MS);
