/** The caller's API keys for the consumption API: create, list, show, revoke. The secret is shown once. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { createApiKey } from "#exchange/api-key.ts";
import type { ApiKey, CoreState } from "#exchange/core/state.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { ApiKeyAnswer } from "./schemas/account.ts";
import { callerOf, readData } from "./scope.ts";

const CLOSED = { additionalProperties: false };
const NeverExpires = Type.Optional(
  Type.Null({ description: "keys do not expire by themselves; revoke them" }),
);

const readNewKey = bodyReader(
  Type.Object(
    {
      api_key: Type.Object(
        { name: Type.String({ minLength: 1, maxLength: 64 }), expires_at: NeverExpires },
        CLOSED,
      ),
    },
    CLOSED,
  ),
);
const readKeyChange = bodyReader(
  Type.Object({ api_key: Type.Object({ is_active: Type.Literal(false) }, CLOSED) }, CLOSED),
);

const LIST = described({
  tag: "keys",
  summary: "The caller's API keys, without their secrets",
  answer: Type.Array(ApiKeyAnswer),
});
const CREATE = described({
  tag: "keys",
  summary: "Makes an API key and shows it, once",
  body: readNewKey.schema,
  status: 201,
  answer: ApiKeyAnswer,
});
const SHOW = described({
  tag: "keys",
  summary: "One API key",
  answer: ApiKeyAnswer,
  errors: ["key-not-found"],
});
const CHANGE = described({
  tag: "keys",
  summary: "Takes an API key out of use; that is the only change there is",
  body: readKeyChange.schema,
  answer: ApiKeyAnswer,
  errors: ["key-not-found"],
});
const REVOKE = described({
  tag: "keys",
  summary: "Revokes an API key; requests it began are still settled",
  status: 204,
  answer: null,
  errors: ["key-not-found"],
});

interface ById {
  Params: { id: string };
}

export async function apiKeyRoutes(
  app: FastifyInstance,
  { shell }: { shell: Shell },
): Promise<void> {
  app.get("/api-keys", LIST, (request, reply) =>
    readData(shell, reply, (state) => keysOf(state, callerOf(request)).map(keyView)),
  );
  app.post("/api-keys", CREATE, async (request, reply) => {
    const account = callerOf(request);
    const { name } = readNewKey(request.body).api_key;
    const { key, keyId, hash } = createApiKey("live");
    const added = { account, keyId, secretHash: hash, label: name };
    await runCommand(shell, reply, { type: "add-api-key", ...added });
    const { createdAtMs = shell.state.nowMs } = shell.state.apiKeys.get(keyId) ?? {};
    return reply.status(201).send({ data: { ...keyView({ ...added, createdAtMs }), key } });
  });
  app.get<ById>("/api-keys/:id", SHOW, (request, reply) =>
    readData(shell, reply, (state) =>
      keyView(keyNamed(state, callerOf(request), request.params.id)),
    ),
  );
  app.put<ById>("/api-keys/:id", CHANGE, async (request, reply) => {
    const account = callerOf(request);
    const key = keyNamed(shell.state, account, request.params.id);
    readKeyChange(request.body);
    await runCommand(shell, reply, { type: "revoke-key", account, key: key.keyId });
    return { data: { ...keyView(key), is_active: false } };
  });
  app.delete<ById>("/api-keys/:id", REVOKE, async (request, reply) => {
    const account = callerOf(request);
    const { keyId } = keyNamed(shell.state, account, request.params.id);
    await runCommand(shell, reply, { type: "revoke-key", account, key: keyId });
    return reply.status(204).send();
  });
}

function keysOf(state: CoreState, account: number): ApiKey[] {
  return [...state.apiKeys.values()].filter((key) => key.account === account);
}

function keyNamed(state: CoreState, account: number, id: string): ApiKey {
  const key = state.apiKeys.get(id);
  if (key !== undefined && key.account === account) return key;
  const shown = id.slice(0, 80);
  throw new Refused("key-not-found", `no "${shown}" in GET /v1/api-keys of this account`);
}

function keyView({ keyId, label, createdAtMs }: ApiKey): object {
  return {
    id: keyId,
    name: label,
    // What the secret begins with after `gs_live_` or `gs_test_`.
    key_prefix: keyId,
    is_active: true,
    expires_at: null,
    created_at: new Date(createdAtMs).toISOString(),
  };
}
