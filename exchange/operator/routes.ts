/** The exchange operator's API: accounts, deposits, keys and join tokens, behind the operator's token. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
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
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import { formatMicros, parseDecimal } from "#protocol/money.ts";
import { createJoinToken, type Identity, secretHash } from "#protocol/signing.ts";
import { backupRoute } from "./backup-route.ts";
import { deliveryRoute } from "./delivery-route.ts";
import { fundsRoute } from "./funds-route.ts";
import { statusRoute } from "./status-route.ts";
import { supplierRoute } from "./supplier-route.ts";

const CLOSED = { additionalProperties: false };
const AccountId = Type.String({ maxLength: 80 });
const Label = Type.String({ minLength: 1, maxLength: 64 });
const JOIN_TOKEN_SECONDS_DEFAULT = 900;
const JOIN_TOKEN_SECONDS_MAX = 604_800;
const JOIN_TOKEN_NODES_MAX = 1000;

const accountBody = bodyReader(
  Type.Object(
    {
      name: Label,
      mode: Type.Optional(Type.Enum(["easy", "advanced"])),
      auto_transfer_enabled: Type.Optional(Type.Boolean()),
    },
    CLOSED,
  ),
);
const depositBody = bodyReader(
  Type.Object(
    {
      account_id: AccountId,
      amount: Type.String({ maxLength: 32 }),
      to: Type.Optional(Type.Enum(["available", "bond"])),
      reference: Type.String({ minLength: 1, maxLength: 100 }),
    },
    CLOSED,
  ),
);
const joinTokenBody = bodyReader(
  Type.Object(
    {
      account_id: AccountId,
      nodes_max: Type.Optional(Type.Integer({ minimum: 1, maximum: JOIN_TOKEN_NODES_MAX })),
      expires_in_seconds: Type.Optional(
        Type.Integer({ minimum: 1, maximum: JOIN_TOKEN_SECONDS_MAX }),
      ),
    },
    CLOSED,
  ),
);
const keyBody = bodyReader(
  Type.Object(
    {
      account_id: AccountId,
      label: Label,
      kind: Type.Optional(Type.Enum(["api", "signing"])),
      environment: Type.Optional(Type.Enum(["live", "test"])),
      public_key: Type.Optional(Type.String({ maxLength: 200 })),
    },
    CLOSED,
  ),
);

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
  app.addHook("onRequest", async (request) => {
    if (!isOperator(request, operatorToken)) throw new Refused("operator-token-invalid");
  });

  backupRoute(app, backups);
  fundsRoute(app, shell);
  statusRoute(app, shell);
  supplierRoute(app, shell);
  deliveryRoute(app, history);

  app.post("/accounts", async (request, reply) => {
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

  app.get("/accounts", () =>
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
  app.get("/integrity", () =>
    shell.read((state) => ({
      data: {
        seq: state.seq,
        state_sha256: createHash("sha256").update(encodeState(state)).digest("hex"),
      },
    })),
  );

  app.post("/deposits", async (request, reply) => {
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

  app.post("/join-tokens", async (request, reply) => {
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

  app.post("/keys", async (request, reply) => {
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
