import { afterEach, expect, test } from "vitest";
import { type BackendServer, startBackendServer } from "./backend-server.fixture.ts";
import { detectBackend, inspectBackend } from "./detect.ts";

let server: BackendServer;
afterEach(() => server.close());

/** A server with these answers and 404 for the rest; a number is a status. */
async function serve(routes: Record<string, object | number>): Promise<void> {
  server = await startBackendServer(({ path }, response) => {
    const answer = routes[path] ?? 404;
    response.writeHead(typeof answer === "number" ? answer : 200);
    response.end(typeof answer === "number" ? "no" : JSON.stringify(answer));
  });
}
const models = (...rows: object[]) => ({ object: "list", data: rows });

test.each<[string, Record<string, object>, object]>([
  [
    "vllm",
    {
      "/v1/models": models({ id: "qwen", owned_by: "vllm", max_model_len: 32_768 }),
      "/version": { version: "0.29.1" },
    },
    { kind: "vllm", version: "0.29.1", models: ["qwen"], contextTokens: 32_768 },
  ],
  [
    "sglang",
    {
      "/v1/models": models({ id: "qwen", owned_by: "sglang", max_model_len: 8_192 }),
      "/get_server_info": { version: "0.5.2" },
    },
    { kind: "sglang", version: "0.5.2", contextTokens: 8_192 },
  ],
  [
    "llama.cpp, by the context of a slot",
    {
      "/v1/models": models({ id: "a", owned_by: "llamacpp", meta: { n_ctx_train: 131_072 } }),
      "/props": { default_generation_settings: { n_ctx: 4_096 }, build_info: "b7000" },
    },
    { kind: "llamacpp", version: "b7000", contextTokens: 4_096 },
  ],
  [
    "ollama with a loaded model",
    {
      "/v1/models": models({ id: "llama3:8b", owned_by: "library" }, { id: "b" }),
      "/api/version": { version: "0.12.0" },
      "/api/ps": { models: [{ name: "llama3:8b", context_length: 4_096 }] },
    },
    { kind: "ollama", version: "0.12.0", models: ["llama3:8b", "b"], contextTokens: 4_096 },
  ],
  [
    "ollama with no model loaded",
    {
      "/v1/models": models({ id: "llama3:8b", owned_by: "library" }),
      "/api/version": { version: "0.12.0" },
      "/api/ps": { models: [] },
    },
    { kind: "ollama", contextTokens: null },
  ],
  [
    "lm studio",
    {
      "/v1/models": models({ id: "a", owned_by: "organization_owner" }),
      "/api/v0/models": models({ id: "a", state: "loaded", loaded_context_length: 2_048 }),
    },
    { kind: "lmstudio", version: null, contextTokens: 2_048 },
  ],
  [
    "an unknown server, which gets no name",
    { "/v1/models": models({ id: "a", owned_by: "somebody" }), "/version": { version: "1" } },
    { kind: "openai-compatible", version: null, models: ["a"], contextTokens: null },
  ],
  [
    "a proxy that only repeats vllm's owner",
    { "/v1/models": models({ id: "a", owned_by: "vllm" }) },
    { kind: "openai-compatible" },
  ],
])("%s is recognised by what it says of itself", async (_name, routes, backend) => {
  await serve(routes);
  expect(await detectBackend(server.url)).toMatchObject({ url: server.url, ...backend });
});

test.each<[string, Record<string, object | number>, RegExp]>([
  ["our own exchange", { "/v1/models": models({ id: "x", owned_by: "gridspot" }) }, /exchange/],
  ["a server without models", { "/v1/models": models() }, /lists no model/],
  ["rows without names", { "/v1/models": models({ object: "model" }) }, /lists no model/],
  ["something else", {}, /answers 404/],
  ["a page", { "/v1/models": 200 }, /lists no model/],
  ["a locked server", { "/v1/models": 401 }, /BACKEND_API_KEY/],
])("%s is refused with a reason", async (_name, routes, reason) => {
  await serve(routes);
  const found = await inspectBackend(server.url);
  expect(found).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  expect(await detectBackend(server.url)).toBe(null);
});

test("a URL that ends in /v1 means the same server, and the key goes along", async () => {
  await serve({ "/v1/models": models({ id: "a" }) });
  const found = await inspectBackend(`${server.url}/v1/`, { apiKey: "secret" });
  expect(found).toMatchObject({ ok: true, backend: { url: server.url } });
  expect(server.requests.every(({ headers }) => headers.authorization === "Bearer secret")).toBe(
    true,
  );
});

test("what does not answer in time, refuses or is no URL is told apart", async () => {
  server = await startBackendServer(() => {});
  const reasonAt = async (url: string) => {
    const found = await inspectBackend(url, { timeoutMs: 50 });
    return found.ok ? "" : found.reason;
  };
  expect(await reasonAt(server.url)).toMatch(/no answer in 50 ms/);
  expect(await reasonAt("nonsense")).toMatch(/is not a URL/);
  const { url } = server;
  await server.close();
  expect(await reasonAt(url)).toMatch(/ECONNREFUSED/);
});

test("a slow probe of one kind does not hold up what the others say", async () => {
  server = await startBackendServer(({ path }, response) => {
    if (path === "/v1/models") response.end(JSON.stringify(models({ id: "a", owned_by: "vllm" })));
    else if (path === "/version") response.end('{"version":"1.0"}');
  });
  const found = await inspectBackend(server.url, { timeoutMs: 200 });
  expect(found).toMatchObject({ ok: true, backend: { kind: "vllm" } });
});
