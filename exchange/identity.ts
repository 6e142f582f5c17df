/** The exchange's own secrets in its data directory: its signing key and the operator's token, mode 0600. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { syncPath } from "#exchange/journal/archive.ts";
import { createIdentity, type Identity } from "#protocol/signing.ts";

export interface ExchangeSecrets {
  identity: Identity;
  operatorToken: string;
}

const KEY_BYTES = 32;

/**
 * Loads the secrets, making what is missing; but an exchange whose journal has come to event
 * `journalSeq` has had a key, and gets no other one unasked. Throws in words.
 */
export function loadExchangeSecrets(dataDir: string, journalSeq: number): ExchangeSecrets {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const keyFile = keyFileOf(dataDir);
  if (journalSeq > 0 && !existsSync(keyFile)) {
    throw new Error(
      `${keyFile} is missing, and the journal beside it ends at event ${journalSeq}. Agents know the exchange by this key and serve no other. Put the copy back that you keep apart from the backups, and start again; if there is none, gridspot exchange new-key --data-dir ${dataDir} makes another, and says what agents have to do then.`,
    );
  }
  const seed = readOrMake(keyFile, makeSeed);
  const operatorToken = readOrMake(
    join(dataDir, "operator.token"),
    () => `gso_${randomBytes(24).toString("base64url")}`,
  );
  return { identity: identityOf(keyFile, seed), operatorToken };
}

/** Makes a key where there is none; returns the lines to print. Throws when there is one. */
export function makeNewKey(dataDir: string): string[] {
  const keyFile = keyFileOf(dataDir);
  if (!existsSync(dataDir)) {
    throw new Error(`${dataDir} does not exist; name the data directory of an exchange`);
  }
  if (existsSync(keyFile)) {
    throw new Error(
      `${keyFile} is there already. To give the exchange another identity, move it away first, and keep it: agents serve the exchange that has it.`,
    );
  }
  const identity = identityOf(keyFile, readOrMake(keyFile, makeSeed));
  return [
    `${keyFile} made; the exchange's public key is ${identity.publicKey.toString("base64url")} from its next start on`,
    "Every agent refuses it until its operator has checked this key with you, has deleted exchange.pub in the agent's data directory, and has started it with a new join token.",
  ];
}

const keyFileOf = (dataDir: string) => join(dataDir, "exchange.key");
const makeSeed = () => randomBytes(KEY_BYTES).toString("base64url");

function identityOf(keyFile: string, text: string): Identity {
  const seed = Buffer.from(text, "base64url");
  if (seed.length === KEY_BYTES) return createIdentity(seed);
  throw new Error(
    `${keyFile} holds ${seed.length} bytes, expected ${KEY_BYTES} in base64url: it is damaged, or no key. Put the copy back that you keep apart from the backups, and start again.`,
  );
}

function readOrMake(file: string, make: () => string): string {
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  const secret = make();
  writeFileSync(`${file}.new`, `${secret}\n`, { mode: 0o600 });
  // Agents remember a key from its first use: it must not be gone after a power cut.
  syncPath(`${file}.new`);
  renameSync(`${file}.new`, file);
  syncPath(join(file, ".."));
  return secret;
}
