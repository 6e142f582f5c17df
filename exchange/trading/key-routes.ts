/** The caller's signing keys: create, list, revoke. An API key may do so as well as a signature. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { CoreState, SigningKey } from "#exchange/core/state.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import { readPublicKey, signingKeyId } from "#exchange/public-key.ts";
import { described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { SigningKeyAnswer } from "./schemas/account.ts";
import { callerOf, readData } from "./scope.ts";

/** How much of a fingerprint is shown after its creation, as published. */
const FINGERPRINT_PREFIX_CHARACTERS = 8;
const CLOSED = { additionalProperties: false };

const readKeyBody = bodyReader(
  Type.Object(
    {
      signing_key: Type.Object(
        {
          label: Type.String({ minLength: 1, maxLength: 64 }),
          public_key: Type.String({
            minLength: 1,
            maxLength: 200,
            description: "base64 of the 32 raw bytes",
          }),
        },
        CLOSED,
      ),
    },
    CLOSED,
  ),
);

const CREATE = described({
  tag: "keys",
  summary: "Registers an Ed25519 public key; shows its fingerprint, once",
  body: readKeyBody.schema,
  status: 201,
  answer: SigningKeyAnswer,
  errors: ["invalid-public-key", "key-exists"],
});
const LIST = described({
  tag: "keys",
  summary: "The caller's signing keys, with the first 8 characters of their fingerprints",
  answer: Type.Array(SigningKeyAnswer),
});
const REVOKE = described({
  tag: "keys",
  summary: "Revokes a signing key; it opens nothing from then on",
  status: 204,
  answer: null,
  errors: ["key-not-found"],
});

export async function keyRoutes(app: FastifyInstance, { shell }: { shell: Shell }): Promise<void> {
  app.post("/signing-keys", CREATE, async (request, reply) => {
    const account = callerOf(request);
    const { label, public_key } = readKeyBody(request.body).signing_key;
    const { publicKey, fingerprint } = readPublicKey(public_key);
    const key = { account, fingerprint, publicKey, label };
    await runCommand(shell, reply, { type: "add-signing-key", ...key });
    const { createdAtMs = shell.state.nowMs } = shell.state.signingKeys.get(fingerprint) ?? {};
    return reply.status(201).send({ data: { ...keyView({ ...key, createdAtMs }), fingerprint } });
  });
  app.get("/signing-keys", LIST, (request, reply) =>
    readData(shell, reply, (state) => keysOf(state, callerOf(request)).map(keyView)),
  );
  app.delete<{ Params: { id: string } }>("/signing-keys/:id", REVOKE, async (request, reply) => {
    const account = callerOf(request);
    const { id } = request.params;
    const key = keysOf(shell.state, account).find((each) => signingKeyId(each.fingerprint) === id);
    if (key === undefined) {
      const shown = id.slice(0, 80);
      throw new Refused("key-not-found", `no "${shown}" in GET /v1/signing-keys of this account`);
    }
    await runCommand(shell, reply, { type: "revoke-key", account, key: key.fingerprint });
    return reply.status(204).send();
  });
}

function keysOf(state: CoreState, account: number): SigningKey[] {
  return [...state.signingKeys.values()].filter((key) => key.account === account);
}

function keyView({ fingerprint, label, createdAtMs }: SigningKey): object {
  return {
    id: signingKeyId(fingerprint),
    label,
    fingerprint_prefix: fingerprint.slice(0, FINGERPRINT_PREFIX_CHARACTERS),
    is_active: true,
    created_at: new Date(createdAtMs).toISOString(),
  };
}
