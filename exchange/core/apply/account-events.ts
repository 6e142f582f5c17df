/** What account, key and configuration events do to the state. */
import { settingsOfMode } from "#exchange/core/accounts/settings.ts";
import { EXCHANGE_ACCOUNT } from "#exchange/core/ledger/account-names.ts";
import { createOrderBook } from "#exchange/core/market/order-book.ts";
import { StopIndex } from "#exchange/core/market/stop-index.ts";
import { OPEN_TRADING } from "#exchange/core/market/trading-phase.ts";
import { accountOf } from "#exchange/core/turn.ts";
import type { Appliers } from "./apply.ts";

export const accountAppliers: Appliers<
  | "instrument-listed"
  | "policy-adopted"
  | "account-opened"
  | "settings-changed"
  | "funds-deposited"
  | "exchange-funded"
  | "api-key-added"
  | "signing-key-added"
  | "key-revoked"
  | "join-token-created"
  | "client-id-recorded"
  | "client-ids-forgotten"
  | "references-forgotten"
  | "join-tokens-forgotten"
  | "time-passed"
> = {
  "instrument-listed": (state, { number, instrument }) => {
    const listed = state.instruments.get(instrument.symbol);
    if (listed !== undefined) {
      listed.instrument = instrument;
      return;
    }
    state.counters.instrument = number;
    state.instruments.set(instrument.symbol, {
      number,
      instrument,
      book: createOrderBook(),
      lastPriceTicks: null,
      lastQuantity: null,
      lastTradeAtMs: null,
      totalQuantity: 0,
      totalTrades: 0,
      recentFills: [],
      spans: [],
      trading: { ...OPEN_TRADING },
      stops: new StopIndex(),
    });
  },
  "policy-adopted": (state, { policy }) => {
    state.policy = policy;
    state.clientIdsDueMs = 0;
    state.referencesDueMs = 0;
  },
  "account-opened": (state, { account, name, mode, autoTransfer, atMs }) => {
    state.counters.account = account;
    state.accounts.set(account, {
      number: account,
      name,
      mode,
      settings: { ...settingsOfMode(mode), autoTransfer },
      spending: null,
      openedAtMs: atMs,
      openOrders: new Set(),
      lots: new Set(),
      openDeliveries: 0,
      sweepsAtMs: null,
    });
  },
  "settings-changed": (state, { account, mode, settings }) => {
    Object.assign(accountOf(state, account), { mode, settings });
  },
  "funds-deposited": (state, { reference, digest, atMs }) => {
    state.references.set(reference, { digest, atMs });
  },
  "exchange-funded": (state, { reference, digest, atMs }) => {
    state.references.set(reference, { digest, atMs });
    if (state.accounts.has(EXCHANGE_ACCOUNT)) return;
    state.accounts.set(EXCHANGE_ACCOUNT, {
      number: EXCHANGE_ACCOUNT,
      name: "exchange",
      mode: "advanced",
      // Cover serves at once.
      settings: { ...settingsOfMode("advanced"), autoTransfer: true },
      spending: null,
      openedAtMs: atMs,
      openOrders: new Set(),
      lots: new Set(),
      openDeliveries: 0,
      sweepsAtMs: null,
    });
  },
  "api-key-added": (state, { account, keyId, secretHash, label, atMs }) => {
    state.apiKeys.set(keyId, { keyId, account, secretHash, label, createdAtMs: atMs });
  },
  "signing-key-added": (state, { account, fingerprint, publicKey, label, atMs }) => {
    state.signingKeys.set(fingerprint, {
      fingerprint,
      account,
      publicKey,
      label,
      createdAtMs: atMs,
    });
  },
  "key-revoked": (state, { key }) => {
    state.apiKeys.delete(key);
    state.signingKeys.delete(key);
  },
  "join-token-created": (state, { account, tokenHash, nodesMax, expiresAtMs }) => {
    state.joinTokens.set(tokenHash, { tokenHash, account, nodesLeft: nodesMax, expiresAtMs });
    state.joinTokensDueMs = Math.min(state.joinTokensDueMs, expiresAtMs);
  },
  "client-id-recorded": (state, { account, clientId, digest, result, atMs }) => {
    state.clientIds.set(`${account}:${clientId}`, { digest, result, atMs });
    state.clientIdCounts.set(account, (state.clientIdCounts.get(account) ?? 0) + 1);
  },
  "client-ids-forgotten": (state, { keys }) => {
    for (const key of keys) {
      state.clientIds.delete(key);
      const account = Number.parseInt(key, 10);
      const left = (state.clientIdCounts.get(account) ?? 0) - 1;
      if (left > 0) state.clientIdCounts.set(account, left);
      else state.clientIdCounts.delete(account);
    }
  },
  "references-forgotten": (state, { references }) => {
    for (const reference of references) state.references.delete(reference);
  },
  "join-tokens-forgotten": (state, { tokenHashes }) => {
    for (const tokenHash of tokenHashes) state.joinTokens.delete(tokenHash);
  },
  // The frame's time is all it carries.
  "time-passed": () => {},
};
