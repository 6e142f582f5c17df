/**
 * A market with a cheap supplier that plays scripts, an honest dear one, and buyers that come once: what
 * a script does to everybody's money is told apart by comparing before and after.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pino } from "pino";
import { until } from "#crash/until.ts";
import { startWorld } from "#demo/world.ts";
import { quietSla } from "#exchange/core/core.fixture.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import {
  createScriptedSupplier,
  type Script,
  type ScriptedSupplier,
  type StreamVoice,
} from "./cheating-supplier.ts";
import { type DeliveryFact, DeliveryFacts } from "./delivery-facts.ts";
import { answerWords, questionText } from "./numbered-answer.ts";
import { type Read, readAnswer } from "./read-answer.ts";

/** Who is late is judged, however busy the machine is. */
const NEVER_SLOW = { lateMs: () => 0, isSlow: () => false, close() {} };
const SYMBOL = "text-lite";
const QUESTION = { name: "q", words: 8 };
/** What a buyer must have got when somebody served it. */
export const ANSWER = answerWords(QUESTION).join("");
export const OUTPUT_TOKENS_MAX = 100;
/** Whatever is not a timeout of the exchange's happens within this time. */
export const SOON_MS_MAX = 10_000;
const POLL_MS = 20;

interface Scores {
  integrity: { kind: string; recorded: number }[];
}

/** Micro-dollars: what a buyer has left in money and Lots, and what the others got or lost. */
export interface Money {
  buyer: bigint;
  cheat: bigint;
  honest: bigint;
  cover: bigint;
}

export interface Answer extends Read {
  status: number;
  account: number;
  delivery: DeliveryFact;
}

export interface Played {
  money: Money;
  answer: Answer;
  /** What was written while it played. */
  journal: CoreEvent[];
  /** What an operator sees of the request: the verdict on each attempt, the last one last. */
  attempts: SeenAttempt[];
}

export interface SeenAttempt {
  supplier_id: string;
  verdict: string;
  cause: string;
  why: string;
}

export interface CheatedMarket {
  readonly cheat: ScriptedSupplier;
  /** Its account, as an operator names it. */
  readonly cheatId: string;
  readonly facts: DeliveryFacts;
  /** A buyer that is new to the market asks, and so buys from the cheapest, which is the cheat. */
  ask(): Promise<Answer>;
  /** Says the first word, and goes on when the buyer has it: from then on nobody else can answer. */
  begin(voice: StreamVoice, words: readonly string[]): Promise<void>;
  /** What the suppliers and the fund have now. */
  moneyNow(): Omit<Money, "buyer">;
  /** The verdicts on an answer's attempts, as an operator sees them. */
  attemptsAt(answer: Answer): Promise<SeenAttempt[]>;
  /** How often a breach of that kind by the cheat was recorded, as an operator sees it; waits for the first. */
  breaches(kind: string): Promise<number>;
  /** What a buyer has left of its deposit, in money and in Lots. */
  leftOf(account: number): bigint;
  /** Plays a script to one request. */
  play(script: Script): Promise<Played>;
  close(): Promise<void>;
}

export async function startCheatedMarket(): Promise<CheatedMarket> {
  const dir = mkdtempSync(join(tmpdir(), "gridspot-cheat-"));
  const world = await startWorld(
    { dataDir: dir, port: 0, sla: quietSla },
    { log: pino({ level: "silent" }), load: NEVER_SLOW },
  );
  const { shell } = world.exchange;
  const events: CoreEvent[] = [];
  const facts = new DeliveryFacts();
  let buyers = 0;
  let hasBegun = false;

  // What was adopted before anybody could listen: whoever recounts needs it.
  const { policy } = shell.state;
  facts.take({ type: "policy-adopted", policy } as unknown as CoreEvent);
  for (const { instrument } of shell.state.instruments.values()) {
    facts.take({ type: "instrument-listed", instrument } as unknown as CoreEvent);
  }
  shell.subscribe((batch) => {
    events.push(...batch);
    for (const event of batch) facts.take(event);
  });
  await world.operator("exchange-funds", { fund: "cover", amount: "100", reference: "cover" });
  const cheat = await openSupplier("cheat", "40.00");
  const honest = await openSupplier("honest", "44.00");

  async function openSupplier(name: string, price: string) {
    const id = await world.openAccount(name, "advanced");
    await world.deposit(id, "1000", "bond");
    const supplier = createScriptedSupplier({
      ...{ name, price, dataDir: dir, symbol: SYMBOL, units: "5" },
      ...{ exchangeUrl: world.url.replace("http", "ws"), joinToken: await world.joinToken(id) },
    });
    await supplier.link();
    return { supplier, id, account: parsePublicId("account", id) ?? 0 };
  }

  const deliveryOf = (requestId: string) =>
    [...facts.deliveries.values()].find((delivery) => delivery.requestId === requestId);

  async function ask(): Promise<Answer> {
    buyers += 1;
    const id = await world.openAccount(`buyer-${buyers}`, "easy");
    await world.deposit(id, "10", "available");
    const authorization = `Bearer ${await world.apiKey(id)}`;
    hasBegun = false;
    const response = await fetch(`${world.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({
        model: SYMBOL,
        messages: [{ role: "user", content: questionText(QUESTION) }],
        max_tokens: OUTPUT_TOKENS_MAX,
        stream: true,
        stream_options: { include_usage: true },
      }),
    });
    hasBegun = true;
    const requestId = response.headers.get("x-gridspot-request-id") ?? "";
    const read = readAnswer(await response.text());
    await until(() => deliveryOf(requestId)?.end !== "open", SOON_MS_MAX);
    const delivery = deliveryOf(requestId);
    if (delivery === undefined) throw new Error(`request ${requestId} was never reserved`);
    const account = parsePublicId("account", id) ?? 0;
    return { ...read, status: response.status, account, delivery };
  }

  /** Asks the operator's API until the answer holds, or for long enough. */
  async function seen<T>(path: string, holds: (data: T) => boolean): Promise<T> {
    const untilMs = performance.now() + SOON_MS_MAX;
    for (;;) {
      const data = (await world.operator(path)) as unknown as T;
      if (holds(data) || performance.now() > untilMs) return data;
      await pause(POLL_MS);
    }
  }

  /** The request as an operator finds it, once it is judged. */
  const seenRequest = ({ account, delivery }: Answer) =>
    seen<{ attempts: SeenAttempt[] }>(
      `accounts/${publicId("account", account)}/requests/${delivery.requestId}`,
      ({ attempts }) => attempts.length > 0,
    );

  async function breaches(kind: string): Promise<number> {
    const find = ({ integrity }: Scores) => integrity.find((each) => each.kind === kind);
    const scores = await seen<Scores>(`suppliers/${cheat.id}/scores`, (data) => !!find(data));
    return find(scores)?.recorded ?? 0;
  }

  function moneyNow() {
    const { postings } = facts.money;
    const payOf = (account: number) => postings.balance(`${account}:pending`);
    return {
      cheat: payOf(cheat.account) + postings.balance(`${cheat.account}:bond`),
      honest: payOf(honest.account),
      cover: postings.balance("exch:cover"),
    };
  }

  function leftOf(account: number): bigint {
    const { postings } = facts.money;
    let left = postings.balance(`${account}:avail`);
    for (const event of events) {
      if (event.type !== "trade" || event.buyer !== account) continue;
      left += postings.balance(`lot${event.lot}:escrow`);
    }
    return left;
  }

  return {
    cheatId: cheat.id,
    attemptsAt: async (answer) => (await seenRequest(answer)).attempts,
    ...{ cheat: cheat.supplier, facts, ask, moneyNow, leftOf, breaches },
    async begin(voice, words) {
      voice.accept();
      voice.text(words[0] as string);
      await until(() => hasBegun, SOON_MS_MAX);
    },
    async play(script) {
      await cheat.supplier.link();
      cheat.supplier.play(script);
      const before = moneyNow();
      const first = events.length;
      const answer = await ask();
      const after = moneyNow();
      const money: Money = {
        buyer: leftOf(answer.account),
        cheat: after.cheat - before.cheat,
        honest: after.honest - before.honest,
        cover: after.cover - before.cover,
      };
      const { attempts } = await seenRequest(answer);
      return { money, answer, journal: events.slice(first), attempts };
    },
    async close() {
      await cheat.supplier.close();
      await honest.supplier.close();
      await world.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
