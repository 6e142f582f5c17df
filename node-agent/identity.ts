/** The node's key and the exchange it trusts: made once, kept in the data directory with mode 0600. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createIdentity, type Identity, JOIN_TOKEN, joinTokenPin } from "#protocol/signing.ts";

/** Loads the key of a data directory, or makes it. */
export function loadIdentity(dataDir: string): Identity {
  const file = join(dataDir, "node.key");
  if (existsSync(file)) {
    return createIdentity(Buffer.from(readFileSync(file, "utf8").trim(), "base64url"));
  }
  const identity = createIdentity();
  writeSecret(file, identity.seed.toString("base64url"));
  return identity;
}

/** Which exchange a node talks to: pinned on first contact, checked ever after. */
export interface ExchangePin {
  /** Why this key is not the exchange's, or null when it is. */
  problem(exchangePublicKey: string): string | null;
  /** Remembers the key after the first welcome. */
  remember(exchangePublicKey: string): void;
}

export function loadExchangePin(dataDir: string, joinToken: string | null): ExchangePin {
  const file = join(dataDir, "exchange.pub");
  let pinned = existsSync(file) ? readFileSync(file, "utf8").trim() : null;
  return {
    problem(key) {
      if (pinned !== null) {
        if (pinned === key) return null;
        return `the exchange shows key ${key}, this node was enrolled with ${pinned}; if the exchange really changed its key, delete ${file}`;
      }
      if (joinToken === null || !JOIN_TOKEN.test(joinToken)) {
        return "first contact needs a join token of the form gsj_…, made by the exchange's operator";
      }
      const named = joinToken.slice(joinToken.length - 16);
      if (named === joinTokenPin(Buffer.from(key, "base64url"))) return null;
      return "the join token was made by another exchange than the one that answers here";
    },
    remember(key) {
      if (pinned !== null) return;
      writeSecret(file, key);
      pinned = key;
    },
  };
}

function writeSecret(file: string, text: string): void {
  mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
