/** A market with one supplier and one buyer, and words for many deliveries: for tests of the SLA. */
import type { Command } from "#exchange/core/commands.ts";
import { createTestMarket, DOLLAR, policy, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { Standing } from "#exchange/core/sla/standing.ts";
import type { Measured } from "#exchange/core/sla/verdict.ts";

/** Prompt and output of each delivery: 1,000 tokens in all, at 1.00 per Unit 1,000 micro-dollars. */
const PROMPT = 400;
const OUTPUT = 600;

export type SlaNumbers = Partial<MarketPolicy["sla"]>;

/** The buyer's Units are bought before; it trades by hand, so that nobody else serves it. */
export function createServingMarket(sla: SlaNumbers = {}, units = 10, bondMicros?: bigint) {
  const market = createTestMarket({ sla: { ...policy.sla, ...sla } });
  const { account: supplier, node } = market.supplier(
    "S",
    bondMicros === undefined ? {} : { bondMicros },
  );
  const buyer = market.account("B", 1_000_000_000n, "advanced");
  const buyUnits = (quantity: number) => {
    market.ask(supplier, DOLLAR, quantity * UNIT);
    market.run(market.order(buyer, { quantity: quantity * UNIT }));
  };
  buyUnits(units);
  const serve = (fields: Partial<Command<"settle-delivery">> = {}, from = buyer) => {
    const { delivery } = market.reserve(from, PROMPT, OUTPUT);
    market.run({
      type: "settle-delivery",
      delivery,
      attempt: 1,
      promptTokens: PROMPT,
      completionTokens: OUTPUT,
      firstTokenMs: 10,
      durationMs: 20,
      measured: { firstTokenMs: null, tokensPerSecond: null },
      reportedTokens: null,
      outputSha256: null,
      finishReason: "stop",
      cause: "done",
      ...fields,
    });
    return delivery;
  };
  const end = (verdict: "failed" | "excused", cause: string, from = buyer) => {
    const { delivery } = market.reserve(from, PROMPT, OUTPUT);
    const how = { delivery, attempt: 1, verdict, cause, completionTokens: 0 };
    market.run({ type: "release-delivery", ...how });
  };
  return {
    market,
    supplier,
    node,
    buyer,
    buyUnits,
    end,
    serve,
    /** Good deliveries, one after another in the same instant. */
    good(times = 1, from = buyer) {
      for (let n = 0; n < times; n += 1) serve({}, from);
    },
    measured: (measured: Measured) => serve({ measured }),
    /** Failures that count for 912 tokens each: the prompt and 512 of output. */
    fail(times = 1, from = buyer) {
      for (let n = 0; n < times; n += 1) end("failed", "backend-failed", from);
    },
    get standing(): Standing {
      const standing = market.state.suppliers.get(supplier)?.instruments.get(SYMBOL);
      if (standing === undefined) throw new Error("the supplier has no standing yet");
      return standing;
    },
    events: <T extends string>(type: T) =>
      market.events.filter((event) => event.type === type) as Extract<
        (typeof market.events)[number],
        { type: T }
      >[],
  };
}

/** Nothing is paused, so that windows can be filled with failures. */
export const UNPAUSED: SlaNumbers = {
  breakerFailures: 1e9,
  throttleRequestsMin: 1e9,
  suspensionRequestsMin: 1e9,
};
