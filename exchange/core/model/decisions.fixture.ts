/** The naive market's front door: lets time pass, then answers a command by the rules. */

import { DEPOSIT_MICROS_MAX } from "#exchange/core/accounts/accounts.ts";
import type { Command, CommandType } from "#exchange/core/commands.ts";
import { REFERENCE_KEPT_MS } from "#exchange/core/policy.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import { dueAbsences } from "./absence.fixture.ts";
import { amend } from "./amending.fixture.ts";
import { cutToCapacity } from "./capacity.fixture.ts";
import * as deliveries from "./deliveries.fixture.ts";
import * as ends from "./delivery-ends.fixture.ts";
import { cancelWhere } from "./groups.fixture.ts";
import * as halts from "./halts.fixture.ts";
import { clockMs } from "./halts.fixture.ts";
import { expire } from "./lots.fixture.ts";
import * as m from "./market.fixture.ts";
import * as orders from "./orders.fixture.ts";
import * as phases from "./phases.fixture.ts";
import * as quoting from "./quoting.fixture.ts";
import * as settings from "./settings.fixture.ts";
import { runTriggered } from "./stops.fixture.ts";
import * as supply from "./supply.fixture.ts";
import { close } from "./trading.fixture.ts";
import * as transfers from "./transfers.fixture.ts";
import { dueSweeps } from "./transfers.fixture.ts";
import * as withdrawals from "./withdrawals.fixture.ts";
import { dueWithdrawals } from "./withdrawals.fixture.ts";

type Model = m.Model;

interface Due {
  atMs: number;
  /** Of what falls due in the same millisecond: sweeps, orders, Lots, deliveries, graces, absences. */
  rank: number;
  id: number;
  run: () => void;
}

const isHalted = (model: Model, symbol: string): boolean =>
  model.halts.some((halt) => halt.symbol === symbol && halt.toMs === null);

/** All that will happen by itself, as things stand. A Lot that is drawn on waits for its delivery. */
function dueItems(model: Model): Due[] {
  const idle = model.lots
    .filter((lot) => m.reservedOn(model, lot.number) === 0)
    .filter((lot) => lot.expiresMs <= clockMs(model, lot.symbol) || !isHalted(model, lot.symbol));
  const items: Due[] = [
    ...dueSweeps(model),
    ...dueWithdrawals(model),
    ...model.orders.map((order) => ({
      ...{ atMs: order.expiresMs ?? Number.POSITIVE_INFINITY, rank: -1, id: order.number },
      run: () => {
        model.tally.add(`state: ${order.stage} order expired`);
        close(model, order);
      },
    })),
    ...idle.map((lot) => ({
      ...{ atMs: lot.expiresMs, rank: 0, id: lot.number, run: () => expire(model, lot) },
    })),
    ...[...model.switches].map(([account, atMs]) => ({
      ...{ atMs, rank: -0.5, id: account },
      run: () => {
        model.switches.delete(account);
        const ended = cancelWhere(model, account, () => true);
        if (ended > 0) model.tally.add("state: switch went off");
      },
    })),
    ...model.markets.flatMap((market) => [
      {
        ...{ atMs: market.closesMs ?? Number.POSITIVE_INFINITY, rank: -0.4, id: market.number },
        run: () => phases.closeMarket(model, market),
      },
      {
        ...{ atMs: market.endsMs ?? Number.POSITIVE_INFINITY, rank: -0.3, id: market.number },
        run: () => phases.uncross(model, market),
      },
    ]),
    ...model.deliveries.map((delivery) => ({
      ...{ atMs: delivery.timeoutMs, rank: 1, id: delivery.number },
      run: () => {
        model.tally.add("state: reservation timed out");
        ends.giveBack(model, delivery, null);
      },
    })),
    ...model.graces.map(({ account, endsMs }) => ({
      ...{ atMs: endsMs, rank: 2, id: account, run: () => supply.endGrace(model, account) },
    })),
    ...dueAbsences(model).map(({ account, atMs, run }) => ({ atMs, rank: 3, id: account, run })),
  ];
  const finite = items.filter(({ atMs }) => atMs < m.NEVER_MS);
  return finite.sort((a, b) => a.atMs - b.atMs || a.rank - b.rank || a.id - b.id);
}

/** What runs by itself before a command is decided. */
function passTime(model: Model): void {
  for (;;) {
    const [first] = dueItems(model);
    if (first === undefined || first.atMs > model.nowMs) break;
    first.run();
  }
  const { clientIdKeptMs } = model.policy;
  const kept = model.clientIds.filter((id) => id.atMs + clientIdKeptMs > model.nowMs);
  if (kept.length < model.clientIds.length) model.tally.add("state: client order id forgotten");
  model.clientIds = kept;
  for (const [reference, { atMs }] of model.references) {
    if (atMs + referenceKeptMs(model) > model.nowMs) continue;
    model.tally.add("state: deposit reference forgotten");
    model.references.delete(reference);
  }
}

const referenceKeptMs = ({ policy }: Model) => policy.depositReferenceKeptMs ?? REFERENCE_KEPT_MS;

/** The next moments at which something is due, soonest first. */
export function dueTimes(model: Model): number[] {
  const times = [
    ...dueItems(model).map((item) => item.atMs),
    ...model.lots.map((lot) => lot.expiresMs),
    ...model.clientIds.map((id) => id.atMs + model.policy.clientIdKeptMs),
    ...[...model.references.values()].map(({ atMs }) => atMs + referenceKeptMs(model)),
  ];
  const isAhead = (ms: number) => ms > model.nowMs && Number.isFinite(ms);
  return [...new Set(times.filter(isAhead))].sort((a, b) => a - b);
}

function deposit(model: Model, command: Command<"deposit">): m.Outcome {
  const { account, amountMicros, to, reference } = command;
  const codes = referenceProblems(model, [account, to, amountMicros].join(" "), command);
  const owner = model.accounts.find((a) => a.number === account);
  if (owner === undefined) codes.push("account-not-found");
  if (owner === undefined || codes.length > 0) return m.refused(...codes);
  if (takeIn(model, [account, to, amountMicros].join(" "), reference)) {
    model.deposited += amountMicros;
    owner[to] += amountMicros;
    if (to === "bond") payDebt(model, owner, amountMicros);
  }
  return m.accepted({ balanceMicros: `${owner[to]}` });
}

/** New bond pays what is still owed first, to the guaranty fund. */
function payDebt(model: Model, owner: m.ModelAccount, amountMicros: bigint): void {
  const paid = m.smaller(owner.debt, amountMicros);
  if (paid > 0n)
    model.tally.add(`state: debt paid by new bond${paid < owner.debt ? " in part" : ""}`);
  owner.debt -= paid;
  owner.bond -= paid;
  model.guaranty += paid;
}

function fund(model: Model, command: Command<"fund-exchange">): m.Outcome {
  const { fund, amountMicros, reference } = command;
  const content = ["exchange", fund, amountMicros].join(" ");
  const codes = referenceProblems(model, content, command);
  if (codes.length > 0) return m.refused(...codes);
  if (takeIn(model, content, reference)) {
    model.deposited += amountMicros;
    if (fund === "cover") model.exchange.available += amountMicros;
    else model.guaranty += amountMicros;
  }
  const balance = fund === "cover" ? model.exchange.available : model.guaranty;
  return m.accepted({ balanceMicros: `${balance}` });
}

function referenceProblems(
  model: Model,
  content: string,
  { amountMicros, reference }: Pick<Command<"deposit">, "amountMicros" | "reference">,
): RejectionCode[] {
  const codes: RejectionCode[] = [];
  const known = model.references.get(reference)?.content;
  if (known !== undefined && known !== content) codes.push("reference-reused");
  if (amountMicros <= 0n || amountMicros > DEPOSIT_MICROS_MAX) codes.push("invalid-amount");
  return codes;
}

/** Whether this money is new: a reference is booked once. */
function takeIn(model: Model, content: string, reference: string): boolean {
  if (model.references.has(reference)) {
    model.tally.add("state: deposit sent again");
    return false;
  }
  model.references.set(reference, { content, atMs: model.nowMs });
  return true;
}

function openAccount(model: Model, command: Command<"open-account">): m.Outcome {
  const { mode, autoTransfer = mode === "easy" } = command;
  const number = model.accounts.length + 1;
  model.accounts.push(m.createAccount(number, mode, autoTransfer));
  return m.accepted({ account: number });
}

/** Join tokens carry the number of their account; what they check is not this model's matter. */
function enrol(model: Model, command: Command<"enrol-node">): m.Outcome {
  const number = model.nodes.length + 1;
  const account = Number(command.tokenHash);
  model.nodes.push({ number, account, session: null, supplies: [] });
  return m.accepted({ node: number, account });
}

type Rules = { [T in CommandType]?: (model: Model, command: Command<T>) => m.Outcome };

const RULES: Rules = {
  "open-account": openAccount,
  "create-join-token": (_model, { tokenHash }) => m.accepted({ tokenHash }),
  "enrol-node": enrol,
  "add-api-key": (model, { account, keyId }) => {
    model.keys.set(keyId, account);
    return m.accepted({ keyId });
  },
  "revoke-key": (model, { key }) => {
    model.keys.delete(key);
    model.tally.add("state: key revoked");
    return m.accepted({ key });
  },
  deposit,
  "fund-exchange": fund,
  "adopt-policy": (model, { policy }) => {
    model.policy = policy;
    for (const { account, symbol } of [...model.supplies]) {
      if (m.canServe(model, account, symbol)) cutToCapacity(model, account, symbol);
    }
    return m.accepted({ version: policy.version });
  },
  "connect-node": supply.connect,
  "disconnect-node": supply.disconnect,
  "issue-supply": supply.issueUnits,
  "transfer-issued": supply.transferUnits,
  "halt-delivery": halts.halt,
  "resume-delivery": halts.resume,
  "request-withdrawal": withdrawals.request,
  "complete-withdrawal": withdrawals.complete,
  "reject-withdrawal": withdrawals.refuse,
  "change-settings": settings.change,
  "transfer-to-consumption": transfers.toConsumption,
  "transfer-to-trading": transfers.toTrading,
  "place-order": orders.place,
  "replace-quotes": quoting.replaceQuotes,
  "set-quote-group": quoting.setGroup,
  "cancel-after": quoting.cancelAfter,
  "cancel-session-orders": quoting.endSession,
  "halt-trading": phases.halt,
  "resume-trading": phases.resumeMarket,
  "amend-order": amend,
  "cancel-order": orders.cancel,
  "cancel-orders": orders.cancelAll,
  "retry-delivery": deliveries.retry,
  "settle-delivery": ends.settle,
  "release-delivery": ends.release,
  resume: supply.resume,
  tick: () => m.accepted({ more: false }),
};

/**
 * Answers a command at a time, and changes the model as an accepted one changes the market.
 * `shown` is the core's own answer: looked at only where several would be right.
 */
export function decide(model: Model, command: Command, nowMs: number, shown: unknown): m.Outcome {
  model.nowMs = nowMs;
  // The outage must toll before anything that fell due in it expires.
  if (command.type !== "resume") passTime(model);
  runTriggered(model);
  const outcome = answer(model, command, shown);
  if (outcome.ok) runTriggered(model);
  return outcome;
}

function answer(model: Model, command: Command, shown: unknown): m.Outcome {
  if (command.type === "reserve-delivery") {
    const { maxOutputTokens } = (shown ?? {}) as { maxOutputTokens?: number };
    return deliveries.reserve(model, command, maxOutputTokens ?? null);
  }
  if (command.type === "place-orders") return quoting.placeAll(model, command, shown);
  const rule = RULES[command.type] as ((model: Model, command: Command) => m.Outcome) | undefined;
  if (rule === undefined) throw new Error(`the model has no rule for ${command.type}`);
  return rule(model, command);
}
