/** Deciding on accounts, money from outside, keys and join tokens. */

import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { WORLD } from "#exchange/core/ledger/account-names.ts";
import { reject } from "#exchange/core/rejections.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import { formatMicros } from "#protocol/money.ts";

const NAME_CHARACTERS_MAX = 64;
/** A billion dollars: larger single deposits are refused as mistakes. */
export const DEPOSIT_MICROS_MAX = 1_000_000_000_000_000n;

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
  const account = turn.state.counters.account + 1;
  turn.emit({
    type: "account-opened",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    name: command.name,
    mode: command.mode,
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
  if (!turn.state.accounts.has(account)) return noAccount(account);
  if (amountMicros <= 0n || amountMicros > DEPOSIT_MICROS_MAX) {
    return reject(
      "invalid-amount",
      `amount ${formatMicros(amountMicros)}, expected more than 0 and at most ${formatMicros(DEPOSIT_MICROS_MAX)}`,
    );
  }
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
      postings: [{ kind: "move", from: WORLD, to: into, amount: amountMicros }],
    });
  }
  return accept({ balanceMicros: turn.state.ledger.balance(into).toString() });
}

export function addApiKey(
  turn: Turn,
  command: Command<"add-api-key">,
): Decision<CommandResult<"add-api-key">> {
  const { account, keyId, secretHash, label } = command;
  if (!turn.state.accounts.has(account)) return noAccount(account);
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
  if (!turn.state.accounts.has(account)) return noAccount(account);
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
  if (!turn.state.accounts.has(account)) return noAccount(account);
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
