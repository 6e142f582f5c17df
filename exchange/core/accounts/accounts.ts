/** Deciding on accounts, money from outside, keys and join tokens. */

import type { Command, CommandResult } from "#exchange/core/commands.ts";
import {
  COVER,
  EXCHANGE_ACCOUNT,
  GUARANTY,
  RECEIVABLES,
  WORLD,
} from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import { formatMicros } from "#protocol/money.ts";
import { modeManagedProblem, settingsOfMode } from "./settings.ts";

const NAME_CHARACTERS_MAX = 64;
/** A billion dollars: larger single deposits are refused as mistakes. */
export const DEPOSIT_MICROS_MAX = 1_000_000_000_000_000n;

/** The exchange's own account takes no keys, nodes or deposits: it has funds, see `fundExchange`. */
function isSomebodys({ state }: Turn, account: number): boolean {
  return account !== EXCHANGE_ACCOUNT && state.accounts.has(account);
}

export function openAccount(
  turn: Turn,
  command: Command<"open-account">,
): Decision<CommandResult<"open-account">> {
  if (command.name.length === 0 || command.name.length > NAME_CHARACTERS_MAX) {
    return reject(
      "invalid-name",
      `name has ${command.name.length} characters, expected 1 to ${NAME_CHARACTERS_MAX}`,
    );
  }
  const { mode } = command;
  const autoTransfer = command.autoTransfer ?? settingsOfMode(mode).autoTransfer;
  const managed = autoTransfer ? null : modeManagedProblem(mode, { autoTransfer });
  if (managed !== null) return managed;
  const account = turn.state.counters.account + 1;
  turn.emit({
    type: "account-opened",
    version: 2,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    name: command.name,
    mode,
    autoTransfer,
  });
  return accept({ account });
}

/** Takes money in. The same reference with the same content is answered again and booked once. */
export function deposit(
  turn: Turn,
  command: Command<"deposit">,
): Decision<CommandResult<"deposit">> {
  const { account, amountMicros, to, reference } = command;
  const { names } = turn.state.ledger;
  const into = to === "bond" ? names.bond(account) : names.available(account);
  const digest = `${account}|${to}|${amountMicros}`;
  const known = turn.state.references.get(reference)?.digest;
  if (known !== undefined && known !== digest) {
    return reject("reference-reused", `reference "${reference}" belongs to another deposit`);
  }
  if (!isSomebodys(turn, account)) return noAccount(account);
  if (amountMicros <= 0n || amountMicros > DEPOSIT_MICROS_MAX) return badAmount(amountMicros);
  if (known === undefined) {
    turn.emit({
      type: "funds-deposited",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      account,
      amountMicros,
      to,
      reference,
      digest,
      postings: [
        { kind: "move", from: WORLD, to: into, amount: amountMicros },
        ...(to === "bond" ? debtPostings(turn, account, amountMicros) : []),
      ],
    });
  }
  return accept({ balanceMicros: turn.state.ledger.balance(into).toString() });
}

/** New bond pays first what is still owed: to the fund that stood in, or would have. */
function debtPostings({ state }: Turn, account: number, amountMicros: bigint): Posting[] {
  const { ledger } = state;
  const debt = -ledger.balance(ledger.names.owed(account));
  const amount = debt < amountMicros ? debt : amountMicros;
  if (amount <= 0n) return [];
  return [
    { kind: "move", from: ledger.names.bond(account), to: GUARANTY, amount },
    { kind: "move", from: RECEIVABLES, to: ledger.names.owed(account), amount },
  ];
}

/** Takes money in for one of the exchange's funds, once per reference. */
export function fundExchange(
  turn: Turn,
  command: Command<"fund-exchange">,
): Decision<CommandResult<"fund-exchange">> {
  const { fund, amountMicros, reference } = command;
  const into = fund === "cover" ? COVER : GUARANTY;
  const digest = `exchange|${fund}|${amountMicros}`;
  const known = turn.state.references.get(reference)?.digest;
  if (known !== undefined && known !== digest) {
    return reject("reference-reused", `reference "${reference}" belongs to another deposit`);
  }
  if (amountMicros <= 0n || amountMicros > DEPOSIT_MICROS_MAX) return badAmount(amountMicros);
  if (known === undefined) {
    turn.emit({
      type: "exchange-funded",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      fund,
      amountMicros,
      reference,
      digest,
      postings: [{ kind: "move", from: WORLD, to: into, amount: amountMicros }],
    });
  }
  return accept({ balanceMicros: turn.state.ledger.balance(into).toString() });
}

function badAmount(amountMicros: bigint): ReturnType<typeof reject> {
  return reject(
    "invalid-amount",
    `amount ${formatMicros(amountMicros)}, expected more than 0 and at most ${formatMicros(DEPOSIT_MICROS_MAX)}`,
  );
}

export function addApiKey(
  turn: Turn,
  command: Command<"add-api-key">,
): Decision<CommandResult<"add-api-key">> {
  const { account, keyId, secretHash, label } = command;
  if (!isSomebodys(turn, account)) return noAccount(account);
  if (turn.state.apiKeys.has(keyId)) return reject("key-exists", `key ${keyId} exists already`);
  turn.emit({
    type: "api-key-added",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    keyId,
    secretHash,
    label,
  });
  return accept({ keyId });
}

export function addSigningKey(
  turn: Turn,
  command: Command<"add-signing-key">,
): Decision<CommandResult<"add-signing-key">> {
  const { account, fingerprint, publicKey, label } = command;
  if (!isSomebodys(turn, account)) return noAccount(account);
  if (turn.state.signingKeys.has(fingerprint)) {
    return reject("key-exists", `a key with fingerprint ${fingerprint} is registered already`);
  }
  turn.emit({
    type: "signing-key-added",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    fingerprint,
    publicKey,
    label,
  });
  return accept({ fingerprint });
}

export function revokeKey(
  turn: Turn,
  command: Command<"revoke-key">,
): Decision<CommandResult<"revoke-key">> {
  const { account, key } = command;
  const owner =
    turn.state.apiKeys.get(key)?.account ?? turn.state.signingKeys.get(key)?.account ?? null;
  if (owner !== account) return reject("key-not-found", `account has no key ${key}`);
  turn.emit({
    type: "key-revoked",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    key,
  });
  return accept({ key });
}

export function createJoinToken(
  turn: Turn,
  command: Command<"create-join-token">,
): Decision<CommandResult<"create-join-token">> {
  const { account, tokenHash, nodesMax, expiresAtMs } = command;
  if (!isSomebodys(turn, account)) return noAccount(account);
  if (turn.state.joinTokens.has(tokenHash)) return reject("key-exists", "the token exists already");
  turn.emit({
    type: "join-token-created",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    tokenHash,
    nodesMax,
    expiresAtMs,
  });
  return accept({ tokenHash });
}

function noAccount(account: number): ReturnType<typeof reject> {
  return reject("account-not-found", `account ${account} does not exist`);
}
