/** The exchange operator's API: accounts, deposits, keys and join tokens, behind the operator's token. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { createApiKey } from "#exchange/api-key.ts";
import type { Backups } from "#exchange/backup/backups.ts";
import type { Clock } from "#exchange/clock.ts";
import {
  available,
  bond,
  EXCHANGE_ACCOUNT,
  pendingPay,
} from "#exchange/core/ledger/account-names.ts";
import { encodeState } from "#exchange/core/snapshot.ts";
import type { Account, CoreState } from "#exchange/core/state.ts";
import type { History } from "#exchange/history/history.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import { readPublicKey } from "#exchange/public-key.ts";
import { markProof } from "#exchange/reference/described.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import { formatMicros, parseDecimal } from "#protocol/money.ts";
import { createJoinToken, type Identity, secretHash } from "#protocol/signing.ts";
import { backupRoute } from "./backup-route.ts";
import { accountBody, depositBody, joinTokenBody, keyBody } from "./bodies.ts";
import { deliveryHaltRoute } from "./delivery-halt-route.ts";
import { deliveryRoute } from "./delivery-route.ts";
import * as say from "./descriptions.ts";
import { fundsRoute } from "./funds-route.ts";
import { statusRoute } from "./status-route.ts";
import { supplierRoute } from "./supplier-route.ts";
import { withdrawalRoute } from "./withdrawal-route.ts";

const JOIN_TOKEN_SECONDS_DEFAULT = 900;

export interface OperatorDependencies {
  shell: Shell;
  clock: Clock;
  identity: Identity;
  operatorToken: string;
  backups: Backups;
  history: Pick<History, "deliveryByRequestId" | "lastSeq">;
}

export async function operatorRoutes(
  app: FastifyInstance,
  { shell, clock, identity, operatorToken, backups, history }: OperatorDependencies,
): Promise<void> {
  markProof(app, "operator");
  app.addHook("onRequest", async (request) => {
    if (!isOperator(request, operatorToken)) throw new Refused("operator-token-invalid");
  });

  backupRoute(app, backups);
  deliveryHaltRoute(app, shell);
  fundsRoute(app, shell);
  statusRoute(app, shell);
  supplierRoute(app, shell);
  withdrawalRoute(app, shell);
  deliveryRoute(app, history);

  app.post("/accounts", say.OPEN_ACCOUNT, async (request, reply) => {
    const { name, mode = "easy", auto_transfer_enabled: autoTransfer } = accountBody(request.body);
    const { account } = await runCommand(shell, reply, {
      type: "open-account",
      name,
      mode,
      ...(autoTransfer === undefined ? {} : { autoTransfer }),
    });
    return reply
      .status(201)
      .send({ data: { account_id: publicId("account", account), name, mode } });
  });

  app.get("/accounts", say.ACCOUNTS, () =>
    shell.read((state) => ({
      data: accountsOf(state).map((account) => ({
        account_id: publicId("account", account.number),
        name: account.name,
        mode: account.mode,
        available: formatMicros(state.ledger.free(available(account.number))),
        bond: formatMicros(state.ledger.balance(bond(account.number))),
        pending: formatMicros(state.ledger.balance(pendingPay(account.number))),
      })),
    })),
  );

  // Costly: encodes and hashes the whole state on the event loop. For comparing with a replay of the
  // journal up to `seq`; not for a monitor that asks every second.
  app.get("/integrity", say.INTEGRITY, () =>
    shell.read((state) => ({
      data: {
        seq: state.seq,
        state_sha256: createHash("sha256").update(encodeState(state)).digest("hex"),
      },
    })),
  );

  app.post("/deposits", say.DEPOSIT, async (request, reply) => {
    const { account_id, amount, to = "available", reference } = depositBody(request.body);
    const parsed = parseDecimal(amount, 6);
    if (!parsed.ok) throw new Refused("invalid-amount", `amount ${parsed.reason}`);
    const { balanceMicros } = await runCommand(shell, reply, {
      type: "deposit",
      account: accountOf(account_id),
      amountMicros: parsed.value,
      to,
      reference,
    });
    return reply.status(201).send({ data: { balance: formatMicros(BigInt(balanceMicros)) } });
  });

  app.post("/join-tokens", say.JOIN_TOKEN, async (request, reply) => {
    const body = joinTokenBody(request.body);
    const token = createJoinToken(identity.publicKey);
    const seconds = body.expires_in_seconds ?? JOIN_TOKEN_SECONDS_DEFAULT;
    const expiresAtMs = clock.nowMs() + seconds * 1000;
    await runCommand(shell, reply, {
      type: "create-join-token",
      account: accountOf(body.account_id),
      tokenHash: secretHash(token),
      nodesMax: body.nodes_max ?? 1,
      expiresAtMs,
    });
    return reply
      .status(201)
      .send({ data: { token, expires_at: new Date(expiresAtMs).toISOString() } });
  });

  app.post("/keys", say.ADD_KEY, async (request, reply) => {
    const body = keyBody(request.body);
    const account = accountOf(body.account_id);
    const { label } = body;
    if (body.kind === "signing") {
      if (body.public_key === undefined) {
        throw new Refused("validation-error", "public_key is missing; a signing key needs it");
      }
      const read = readPublicKey(body.public_key);
      const command = { type: "add-signing-key" as const, account, label, ...read };
      const { fingerprint } = await runCommand(shell, reply, command);
      return reply.status(201).send({ data: { fingerprint, label } });
    }
    if (body.public_key !== undefined) {
      throw new Refused("validation-error", 'public_key needs kind "signing"');
    }
    const { key, keyId, hash } = createApiKey(body.environment ?? "live");
    await runCommand(shell, reply, {
      type: "add-api-key",
      account,
      keyId,
      secretHash: hash,
      label,
    });
    return reply.status(201).send({ data: { key, key_id: keyId, label } });
  });
}

/** All but the exchange's own, whose money is in its funds. */
function accountsOf(state: CoreState): Account[] {
  return [...state.accounts.values()].filter(({ number }) => number !== EXCHANGE_ACCOUNT);
}

function isOperator(request: FastifyRequest, token: string): boolean {
  const sent = Buffer.from(secretHash(request.headers.authorization ?? ""));
  return timingSafeEqual(sent, Buffer.from(secretHash(`Bearer ${token}`)));
}

function accountOf(id: string): number {
  const account = parsePublicId("account", id);
  if (account === null) throw new Refused("account-not-found", `"${id}" is no account id`);
  return account;
}
