/**
 * The core: a deterministic state machine for the whole market. Commands are decided on the state,
 * decisions are events, and only applying an event changes anything.
 */
import {
  addApiKey,
  addSigningKey,
  createJoinToken,
  deposit,
  fundExchange,
  openAccount,
  revokeKey,
} from "./accounts/accounts.ts";
import { changeSettings } from "./accounts/change-settings.ts";
import { adoptPolicy, listInstrument } from "./accounts/configuration.ts";
import { completeWithdrawal, rejectWithdrawal, requestWithdrawal } from "./accounts/withdrawals.ts";
import { applyEvent } from "./apply/apply.ts";
import { haltDelivery, resumeDelivery } from "./clearing/halts.ts";
import { retryDelivery } from "./clearing/remedy.ts";
import { reserveDelivery } from "./clearing/reservation.ts";
import { releaseDelivery, settleDelivery } from "./clearing/settlement.ts";
import { transferToConsumption, transferToTrading } from "./clearing/transfers.ts";
import type { Command, CommandResult, CommandType } from "./commands.ts";
import type { Core, Executed } from "./core-port.ts";
import type { CoreEvent } from "./events.ts";
import { amendOrder } from "./market/amending.ts";
import { placeOrders } from "./market/batch.ts";
import { cancelOrder, cancelOrders, cancelSessionOrders } from "./market/cancelling.ts";
import { cancelAfter } from "./market/dead-man.ts";
import { placeOrder } from "./market/orders.ts";
import { setQuoteGroup } from "./market/quote-groups.ts";
import { replaceQuotes } from "./market/quotes.ts";
import { haltTrading, resumeTrading } from "./market/trading-phase.ts";
import { runTriggered } from "./market/triggering.ts";
import { resume } from "./resumption.ts";
import { recordIntegrity } from "./sla/integrity.ts";
import { createEmptyState, decodeState, encodeState } from "./snapshot.ts";
import type { CoreState } from "./state.ts";
import { issueSupply, transferIssued } from "./supply/issuance.ts";
import { connectNode, disconnectNode, enrolNode } from "./supply/nodes.ts";
import { leaveSignOfLife, runDue } from "./timers.ts";
import { accept, type Decision, type Turn } from "./turn.ts";

type Deciders = {
  [T in CommandType]: (turn: Turn, command: Command<T>) => Decision<CommandResult<T>>;
};

const DECIDERS: Deciders = {
  "list-instrument": listInstrument,
  "adopt-policy": adoptPolicy,
  "open-account": openAccount,
  "change-settings": changeSettings,
  "request-withdrawal": requestWithdrawal,
  "complete-withdrawal": completeWithdrawal,
  "reject-withdrawal": rejectWithdrawal,
  deposit,
  "fund-exchange": fundExchange,
  "add-api-key": addApiKey,
  "add-signing-key": addSigningKey,
  "revoke-key": revokeKey,
  "create-join-token": createJoinToken,
  "enrol-node": enrolNode,
  "connect-node": connectNode,
  "disconnect-node": disconnectNode,
  "issue-supply": issueSupply,
  "transfer-issued": transferIssued,
  "halt-delivery": haltDelivery,
  "resume-delivery": resumeDelivery,
  "transfer-to-consumption": transferToConsumption,
  "transfer-to-trading": transferToTrading,
  "place-order": placeOrder,
  "place-orders": placeOrders,
  "replace-quotes": replaceQuotes,
  "set-quote-group": setQuoteGroup,
  "cancel-after": cancelAfter,
  "cancel-session-orders": cancelSessionOrders,
  "halt-trading": haltTrading,
  "resume-trading": resumeTrading,
  "amend-order": amendOrder,
  "cancel-order": cancelOrder,
  "cancel-orders": cancelOrders,
  "reserve-delivery": reserveDelivery,
  "retry-delivery": retryDelivery,
  "settle-delivery": settleDelivery,
  "release-delivery": releaseDelivery,
  "record-integrity": recordIntegrity,
  resume,
  tick: () => accept({ more: false }),
};

/** Builds a core on an empty state, or on one restored from a snapshot. */
export function createCore(state: CoreState = createEmptyState()): Core {
  // Also of commands that left no event: what fell due in one was looked at and is not looked at again,
  // so a clock that is set back must not make it undone.
  let latestMs = 0;
  return {
    state,
    execute(command, nowMs) {
      latestMs = Math.max(latestMs, state.nowMs, nowMs);
      return execute(state, command, latestMs);
    },
    apply: (event) => applyEvent(state, event),
    snapshot: () => new TextEncoder().encode(encodeState(state)),
  };
}

/** Builds a core from the bytes of `snapshot()`. */
export function restoreCore(bytes: Uint8Array): Core {
  return createCore(decodeState(new TextDecoder().decode(bytes)));
}

class CoreTurn implements Turn {
  readonly state: CoreState;
  readonly nowMs: number;
  readonly #events: CoreEvent[];

  constructor(state: CoreState, nowMs: number, events: CoreEvent[]) {
    this.state = state;
    this.nowMs = nowMs;
    this.#events = events;
  }

  nextSeq(): number {
    return this.state.seq + 1;
  }

  emit(event: CoreEvent): void {
    applyEvent(this.state, event);
    this.#events.push(event);
  }
}

function execute<T extends CommandType>(
  state: CoreState,
  command: Command<T>,
  nowMs: number,
): Executed<T> {
  const events: CoreEvent[] = [];
  const turn = new CoreTurn(state, nowMs, events);
  // The outage must toll before anything that fell due in it expires.
  const more = command.type === "resume" ? false : runDue(turn);
  // Also what earlier turns left: it was there before this command.
  runTriggered(turn);
  const decide = DECIDERS[command.type] as unknown as (
    turn: Turn,
    command: Command<T>,
  ) => Decision<CommandResult<T>>;
  const decided = decide(turn, command);
  if (!decided.ok) return { ok: false, rejection: decided.rejection, events };
  const hasTriggered = runTriggered(turn);
  if (command.type === "tick") {
    leaveSignOfLife(turn);
    return { ok: true, result: { more: more || hasTriggered } as CommandResult<T>, events };
  }
  return { ok: true, result: decided.result, events };
}
