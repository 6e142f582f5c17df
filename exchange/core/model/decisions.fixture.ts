/** The naive market's front door: lets time pass, then answers a command by the rules. */

import { DEPOSIT_MICROS_MAX } from "#exchange/core/accounts/accounts.ts";
import type { Command, CommandType } from "#exchange/core/commands.ts";
import { REFERENCE_KEPT_MS } from "#exchange/core/policy.ts";
import * as deliveries from "./deliveries.fixture.ts";
import * as m from "./market.fixture.ts";
import * as orders from "./orders.fixture.ts";
import * as supply from "./supply.fixture.ts";

type Model = m.Model;

/** What runs by itself before a command is decided. */
function passTime(model: Model): void {
  for (const delivery of model.deliveries.filter((d) => d.timeoutMs <= model.nowMs)) {
    model.tally.add("state: reservation timed out");
    deliveries.endDelivery(model, delivery);
  }
  for (const lot of [...model.lots]) deliveries.endIfDone(model, lot);
  for (const grace of model.graces.filter((g) => g.endsMs <= model.nowMs)) {
    supply.endGrace(model, grace.account);
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
    ...model.lots.map((lot) => lot.expiresMs),
    ...model.deliveries.map((delivery) => delivery.timeoutMs),
    ...model.graces.map((grace) => grace.endsMs),
    ...model.clientIds.map((id) => id.atMs + model.policy.clientIdKeptMs),
    ...[...model.references.values()].map(({ atMs }) => atMs + referenceKeptMs(model)),
  ];
  return [...new Set(times.filter((ms) => ms > model.nowMs))].sort((a, b) => a - b);
}

function deposit(model: Model, command: Command<"deposit">): m.Outcome {
  const { account, amountMicros, to, reference } = command;
  const content = [account, to, amountMicros].join(" ");
  const known = model.references.get(reference)?.content;
  const owner = model.accounts.find((a) => a.number === account);
  const isAmount = amountMicros > 0n && amountMicros <= DEPOSIT_MICROS_MAX;
  if (known !== undefined && known !== content) return m.refused("reference-reused");
  if (owner === undefined) return m.refused("account-not-found");
  if (!isAmount) return m.refused("invalid-amount");
  if (known !== undefined) model.tally.add("state: deposit sent again");
  else {
    model.references.set(reference, { content, atMs: model.nowMs });
    model.deposited += amountMicros;
    owner[to] += amountMicros;
  }
  return m.accepted({ balanceMicros: `${owner[to]}` });
}

function openAccount(model: Model, command: Command<"open-account">): m.Outcome {
  const number = model.accounts.length + 1;
  const { mode } = command;
  model.accounts.push({ number, mode, available: 0n, bond: 0n, pending: 0n });
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
  "adopt-policy": (model, { policy }) => {
    model.policy = policy;
    for (const { account, symbol } of [...model.supplies]) {
      if (m.canServe(model, account, symbol)) supply.cutToCapacity(model, account, symbol);
    }
    return m.accepted({ version: policy.version });
  },
  "connect-node": supply.connect,
  "disconnect-node": supply.disconnect,
  "issue-supply": supply.issueUnits,
  "transfer-issued": supply.transferUnits,
  "place-order": orders.place,
  "cancel-order": orders.cancel,
  "cancel-orders": orders.cancelAll,
  "reserve-delivery": deliveries.reserve,
  "retry-delivery": deliveries.retry,
  "settle-delivery": deliveries.settle,
  "release-delivery": deliveries.release,
  resume: supply.resume,
  tick: () => m.accepted({ more: false }),
};

/** Answers a command at a time, and changes the model as an accepted one changes the market. */
export function decide(model: Model, command: Command, nowMs: number): m.Outcome {
  model.nowMs = nowMs;
  // The outage must toll before anything that fell due in it expires.
  if (command.type !== "resume") passTime(model);
  const rule = RULES[command.type] as ((model: Model, command: Command) => m.Outcome) | undefined;
  if (rule === undefined) throw new Error(`the model has no rule for ${command.type}`);
  return rule(model, command);
}
