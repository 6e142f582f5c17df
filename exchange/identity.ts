/** The exchange's own secrets in its data directory: its signing key and the operator's token, mode 0600. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createIdentity, type Identity } from "#protocol/signing.ts";

export interface ExchangeSecrets {
  identity: Identity;
  operatorToken: string;
}

/** Loads the secrets, making what is missing. */
export function loadExchangeSecrets(dataDir: string): ExchangeSecrets {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const seed = readOrMake(join(dataDir, "exchange.key"), () =>
    randomBytes(32).toString("base64url"),
  );
  const operatorToken = readOrMake(
    join(dataDir, "operator.token"),
    () => `gso_${randomBytes(24).toString("base64url")}`,
  );
  return { identity: createIdentity(Buffer.from(seed, "base64url")), operatorToken };
}

function readOrMake(file: string, make: () => string): string {
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  const secret = make();
  writeFileSync(`${file}.new`, `${secret}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return secret;
}
