/** The naive market's rules of deliveries: reservation, another supplier, payment, giving back. */
import type { Command, ReserveDelivery } from "#exchange/core/commands.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import { causeOfAbsence } from "./absence.fixture.ts";
import * as charges from "./charges.fixture.ts";
import { buyCover, type Cover, chargeMaxOf, endCover, findCover } from "./cover.fixture.ts";
import { countDraws, isTooFast } from "./halts.fixture.ts";
import { isPoison } from "./health.fixture.ts";
import { endLots } from "./lots.fixture.ts";
import * as m from "./market.fixture.ts";
import * as sources from "./sources.fixture.ts";

type Model = m.Model;
type Wish = sources.Wish;

type Source =
  | { own: sources.OwnLots }
  | { away: sources.OwnLots; cause: string; cover: Cover }
  | { asks: sources.Asks };

/** Who serves: Lots; of a supplier that is away, with cover; else in Auto Mode asks. Or why nobody does. */
function findSource(model: Model, wish: Wish): Source | RejectionCode {
  const own = sources.ownLots(model, wish, []);
  if (own !== null) return { own };
  const uncovered: number[] = [];
  for (;;) {
    const away = sources.ownLots(model, wish, uncovered, false);
    if (away === null) break;
    const { supplier, parts } = away;
    const cause = causeOfAbsence(model, supplier, wish.symbol);
    const cover = findCover(model, {
      ...{ wish, cause, supplier, parts, paying: parts, agreed: 0n, failed: [supplier] },
    });
    if (cover !== null) return { away, cause, cover };
    uncovered.push(supplier);
  }
  const asks = sources.autoAsks(model, wish, []);
  // Units enough, but nobody there: that is no matter of buying more.
  if (asks === "no-units" && uncovered.length > 0) return "no-supplier";
  return typeof asks === "string" ? asks : { asks };
}

const carries = (model: Model, wish: Wish): boolean => typeof findSource(model, wish) !== "string";

/**
 * Without a maximum: the most output that can be carried, from the default down to the policy's
 * least. What can be carried changes only where a supplier's Lots or a number of increments end. With
 * cover it may end at any token and begin again, as other suppliers sell it: there `shown` is taken when
 * one token more could not be carried, and a refusal when the least could not.
 */
function fitOutput(model: Model, wish: Wish, shown: number | null): Wish {
  const { account, symbol, prompt, choices } = wish;
  const { defaultMaxOutputTokens: most, incrementTokens } = m.instrumentOf(model, symbol);
  const least = Math.min(model.policy.defaultMaxOutputTokensMin, most);
  const isAway = sources.drawable(model, wish, false).length > 0;
  const fits = (output: number) => carries(model, { ...wish, output });
  if (isAway && !fits(most)) {
    if (!fits(least)) return { ...wish, output: least };
    if (shown !== null && fits(shown) && !fits(shown + 1)) return { ...wish, output: shown };
  }
  const lots = sources.drawable(model, { account, symbol, prompt, choices, output: 0 });
  const ends = lots.map(({ supplier }) =>
    m.count(lots.filter((l) => l.supplier === supplier).map((l) => m.freeTokens(model, l))),
  );
  for (let end = incrementTokens; end < prompt + choices * most; end += incrementTokens) {
    ends.push(end);
  }
  const outputs = ends.map((end) => Math.floor((end - prompt) / choices));
  const sensible = outputs.filter((output) => output > least && output < most);
  for (const output of [most, ...sensible.sort((a, b) => b - a)]) {
    if (fits(output)) return { ...wish, output };
  }
  return { ...wish, output: least };
}

export const isCount = (value: number, least: number) =>
  Number.isSafeInteger(value) && value >= least;

/** `shownOutput` is what the core says the output was reduced to. */
export function reserve(
  model: Model,
  command: ReserveDelivery,
  shownOutput: number | null,
): m.Outcome {
  const { account, symbol, promptTokens: prompt, maxOutputTokens, choices } = command;
  const codes: RejectionCode[] = [];
  if (!model.accounts.some((a) => a.number === account)) codes.push("account-not-found");
  if (model.keys.get(command.keyId) !== account) codes.push("key-not-found");
  if (!model.instruments.some((i) => i.symbol === symbol)) codes.push("instrument-not-found");
  const open = model.deliveries.filter((d) => d.account === account).length;
  if (open >= model.policy.openDeliveriesPerAccountMax) codes.push("too-many-deliveries");
  const tokens = prompt + choices * (maxOutputTokens ?? 1);
  if (![prompt, maxOutputTokens ?? 1].every((each) => isCount(each, 0)) || !isCount(choices, 1)) {
    codes.push("invalid-quantity");
  } else if (!isCount(tokens, 1)) codes.push("invalid-quantity");
  if (model.halts.some((each) => each.symbol === symbol && each.toMs === null)) {
    codes.push("delivery-halted");
  }
  if (codes.length > 0) return m.refused(...codes);

  const asked = { account, symbol, prompt, output: maxOutputTokens ?? 0, choices };
  const wish = maxOutputTokens === null ? fitOutput(model, asked, shownOutput) : asked;
  const source = findSource(model, wish);
  if (typeof source === "string") return m.refused(source);
  if (
    maxOutputTokens === null &&
    wish.output < m.instrumentOf(model, symbol).defaultMaxOutputTokens
  )
    model.tally.add("state: output reduced to what can be carried");
  const own = "own" in source ? source.own : "away" in source ? source.away : null;
  if (own !== null && isTooFast(model, own.parts)) return m.refused("draw-rate-exceeded");
  model.counts.delivery += 1;
  const delivery: m.ModelDelivery = {
    ...{ ...wish, number: model.counts.delivery, attempt: 1, supplier: 0, parts: [] },
    ...{ owed: null, failures: [], key: command.keyId },
    timeoutMs: model.nowMs + model.policy.deliveryTimeMsMax,
  };
  model.deliveries.push(delivery);
  if (!("away" in source)) {
    const taken = "own" in source ? source.own : sources.buyLots(model, wish, source.asks);
    if (taken.parts.length > 1) model.tally.add("state: reservation over several Lots");
    return serve(model, delivery, taken);
  }
  model.tally.add(`state: covered from the start: ${source.cause}`);
  serve(model, delivery, source.away);
  return coverWith(model, delivery, source.cause, source.cover);
}

/** These Lots serve from now on; told is which Lots pay. */
function serve(
  model: Model,
  delivery: m.ModelDelivery,
  { supplier, parts }: sources.OwnLots,
): m.Outcome {
  countDraws(model, parts, 1);
  delivery.supplier = supplier;
  delivery.parts = parts;
  return m.accepted({
    delivery: delivery.number,
    attempt: delivery.attempt,
    supplier,
    promptTokens: delivery.prompt,
    maxOutputTokens: delivery.output,
    reservedTokens: sources.tokensFor(delivery),
    parts: m.payingParts(delivery).map(({ lot, tokens, ticks }) => ({
      ...{ lot, tokens, priceTicks: ticks },
    })),
  });
}

/** Writes a failure down and sets aside what it may cost, of what is there; cover that failed is undone. */
function fail(model: Model, delivery: m.ModelDelivery, cause: string, chargeMax: bigint): void {
  const { supplier, symbol, parts } = delivery;
  const worth = charges.worthOfParts(model, symbol, parts);
  const held = charges.payable(model, supplier, chargeMax);
  delivery.failures.push({ supplier, cause, worth, chargeMax, held });
  delivery.attempt += 1;
  if (delivery.owed !== null) endCover(model, delivery, 0);
}

/** The exchange's Lots serve; the buyer's stay reserved and will pay. */
function coverWith(model: Model, delivery: m.ModelDelivery, cause: string, cover: Cover) {
  const { supplier, parts, owed } = delivery;
  if (owed !== null) model.tally.add("state: second cover bought");
  fail(model, delivery, cause, cover.chargeMax);
  delivery.owed = owed ?? { supplier, parts };
  delivery.parts = [];
  const bought = buyCover(model, delivery, cover);
  return serve(model, delivery, { supplier: cover.asks.supplier, parts: bought });
}

/** Other Lots of the buyer serve and pay. */
function moveTo(
  model: Model,
  delivery: m.ModelDelivery,
  cause: string,
  others: sources.OwnLots,
): m.Outcome {
  const { symbol, parts } = delivery;
  const left = m.payingParts(delivery);
  countDraws(model, left, -1);
  if (delivery.owed !== null) model.tally.add("state: other Lots after cover");
  fail(model, delivery, cause, chargeMaxOf(model, symbol, others.parts, parts));
  delivery.owed = null;
  const outcome = serve(model, delivery, others);
  if (endLots(model, left) > 0) model.tally.add("state: Lot ended by a retry");
  return outcome;
}

type Named = { delivery: number; attempt: number };
export function find(model: Model, { delivery: number, attempt }: Named) {
  const delivery = model.deliveries.find((d) => d.number === number);
  if (delivery === undefined) return m.refused("delivery-not-found");
  return delivery.attempt === attempt ? delivery : m.refused("delivery-closed");
}

export function retry(model: Model, command: Command<"retry-delivery">): m.Outcome {
  const found = find(model, command);
  if ("ok" in found) return found;
  if (!model.keys.has(found.key)) return m.refused("key-not-found");
  const { cause } = command;
  const { failures, supplier, parts } = found;
  if (isPoison(model, found, cause)) return m.refused("poison-request");
  if (found.attempt >= model.policy.attemptsMax) return m.refused("no-supplier");
  const failed = [...failures.map((failure) => failure.supplier), supplier];
  const own = sources.ownLots(model, found, failed);
  if (own !== null) return moveTo(model, found, cause, own);
  const agreed = m.sum(charges.failuresSincePayer(found).map((failure) => failure.chargeMax));
  const cover = findCover(model, {
    ...{ wish: found, cause, supplier, parts, paying: m.payingParts(found), agreed, failed },
  });
  if (cover !== null) return coverWith(model, found, cause, cover);
  const asks = sources.autoAsks(model, found, failed);
  if (asks === "no-units") return m.refused("no-supplier");
  if (typeof asks === "string") return m.refused(asks);
  model.tally.add("state: purchase after a failure");
  return moveTo(model, found, cause, sources.buyLots(model, found, asks));
}
