/** What follows from verdicts, counted a second time: verdicts themselves, standing, windows and pay. */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import type { SlaPolicy } from "#exchange/core/sla/policy.ts";
import type { JudgedAttempt } from "#exchange/core/sla/verdict.ts";
import type { Instrument } from "#protocol/instrument.ts";
import type { DeliveryFact } from "./delivery-facts.ts";
import type { ExpectedMoney } from "./expected-money.ts";
import { priceOf, totalTokens } from "./plain-prices.ts";
import { PlainStanding } from "./plain-standing.ts";
import { PlainWindows } from "./plain-windows.ts";

/** Causes that are nobody's failure, of attempts that another took over or nobody. */
export const EXCUSED_ATTEMPTS: readonly string[] = ["busy", "exchange-slow"];
const POISON = "poison-request";
/** Told in a report. */
const COUNTED: readonly string[] = [
  ...["breaker-opened", "supplier-suspended", "window-closed", "supplier-paid"],
  "holdback-released",
];
const WHOLE_BPS = 10_000;

export class SlaFacts {
  readonly standing = new PlainStanding();
  readonly windows: PlainWindows;
  /** How often each kind of what follows from verdicts came. */
  readonly counts = new Map<string, number>();
  readonly #instruments = new Map<string, Instrument>();
  /** What was asked for, and how it ended, while it is open. */
  readonly #asked = new Map<number, { prompt: number; output: number }>();
  readonly #ended = new Map<number, EventOf<"delivery-settled"> | EventOf<"delivery-released">>();
  #sla: SlaPolicy | null = null;
  #problems: string[] = [];

  constructor(money: ExpectedMoney) {
    this.windows = new PlainWindows(money);
  }

  /** To be told after the deliveries were, and before the event's postings are moved. */
  take(event: CoreEvent, deliveries: ReadonlyMap<number, DeliveryFact>): void {
    if (event.type === "policy-adopted") this.#sla = event.policy.sla;
    if (event.type === "instrument-listed") {
      this.#instruments.set(event.instrument.symbol, event.instrument);
    }
    if (event.type === "delivery-reserved") {
      const { delivery, promptTokens, maxOutputTokens, choices } = event;
      this.#asked.set(delivery, { prompt: promptTokens, output: choices * maxOutputTokens });
    }
    if (event.type === "delivery-settled" || event.type === "delivery-released") {
      this.#ended.set(event.delivery, event);
    }
    if (COUNTED.includes(event.type)) {
      this.counts.set(event.type, (this.counts.get(event.type) ?? 0) + 1);
    }
    const sla = this.#sla;
    if (sla === null) return;
    if (event.type === "delivery-judged") this.#judged(event, deliveries.get(event.delivery), sla);
    const promised = (symbol: string) => this.#instrument(symbol);
    this.standing.take(event, sla, promised);
    this.windows.take(event, sla, promised);
  }

  takeProblems(): string[] {
    const problems = [...this.standing.takeProblems(), ...this.windows.takeProblems()];
    return [...problems, ...this.#problems.splice(0)];
  }

  #instrument(symbol: string): Instrument {
    const instrument = this.#instruments.get(symbol);
    if (instrument === undefined) throw new Error(`the journal never listed ${symbol}`);
    return instrument;
  }

  #judged(event: EventOf<"delivery-judged">, fact: DeliveryFact | undefined, sla: SlaPolicy): void {
    const { delivery, attempts, symbol } = event;
    const asked = this.#asked.get(delivery);
    const ended = this.#ended.get(delivery);
    this.#asked.delete(delivery);
    this.#ended.delete(delivery);
    if (fact === undefined || asked === undefined || ended === undefined) {
      this.#problems.push(`delivery ${delivery} was judged and is unknown or open`);
      return;
    }
    const { tickMicrosPerUnit } = this.#instrument(symbol);
    const counted = asked.prompt + Math.min(asked.output, sla.imputedOutputTokens);
    const isPoison = ended.type === "delivery-released" && ended.cause === POISON;
    const expected: Pick<JudgedAttempt, "supplier" | "verdict" | "tokens" | "valueMicros">[] =
      fact.failures.map(({ supplier, cause, parts }) => ({
        supplier,
        verdict: isPoison || EXCUSED_ATTEMPTS.includes(cause) ? "excused" : "failed",
        tokens: counted,
        valueMicros:
          (priceOf(parts, totalTokens(parts), tickMicrosPerUnit) * BigInt(counted)) /
          BigInt(totalTokens(parts)),
      }));
    const last = attempts.at(-1);
    if (ended.type === "delivery-settled") {
      const slownessBps = last === undefined ? 0 : this.#slowness(last, ended, symbol, sla);
      expected.push({
        supplier: fact.server,
        verdict: slownessBps >= sla.slowBpsMin ? "slow" : "good",
        tokens: ended.usedTokens,
        valueMicros: ended.costMicros,
      });
    } else {
      expected.push({
        supplier: fact.server,
        verdict:
          ended.verdict === "excused" || EXCUSED_ATTEMPTS.includes(ended.cause)
            ? "excused"
            : "failed",
        tokens: counted,
        valueMicros: priceOf(fact.paying, counted, tickMicrosPerUnit),
      });
    }
    const shown = (each: (typeof expected)[number]) =>
      `${each.supplier} ${each.verdict} ${each.tokens} for ${each.valueMicros}`;
    const [is, wanted] = [attempts.map(shown).join(), expected.map(shown).join()];
    if (is !== wanted) {
      this.#problems.push(`delivery ${delivery} was judged "${is}", expected "${wanted}"`);
    }
  }

  /** In basis points beyond the limits, at most the whole. */
  #slowness(
    { firstTokenMs, tokensPerSecond }: JudgedAttempt,
    { promptTokens, completionTokens }: EventOf<"delivery-settled">,
    symbol: string,
    sla: SlaPolicy,
  ): number {
    const { firstTokenMsMax, tokensPerSecondMin } = this.#instrument(symbol);
    const further = Math.max(0, promptTokens - sla.promptTokensFree);
    const limitMs =
      firstTokenMsMax + Math.floor((further * sla.firstTokenMicrosPerPromptToken) / 1_000);
    const late = firstTokenMs === null ? 0 : (firstTokenMs - limitMs) / limitMs;
    const isScored = tokensPerSecond !== null && completionTokens >= sla.scoredOutputTokensMin;
    const dragging = isScored ? (tokensPerSecondMin - tokensPerSecond) / tokensPerSecondMin : 0;
    return Math.min(WHOLE_BPS, Math.floor(Math.max(0, late, dragging) * WHOLE_BPS));
  }
}
