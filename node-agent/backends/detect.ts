/** Finding out which inference server answers at a URL, and what it serves. Nothing is guessed. */

const PROBE_TIMEOUT_MS = 1_500;

export type BackendKind =
  | "vllm"
  | "sglang"
  | "llamacpp"
  | "ollama"
  | "lmstudio"
  | "openai-compatible";

export interface DetectedBackend {
  url: string;
  kind: BackendKind;
  /** Models as the server names them; never empty. */
  models: string[];
  /** Context per request where the server tells it, in its own tokens. */
  contextTokens: number | null;
}

/** Where the usual servers listen. */
export const USUAL_BACKENDS = [
  { url: "http://127.0.0.1:8000", kind: "vllm" },
  { url: "http://127.0.0.1:30000", kind: "sglang" },
  { url: "http://127.0.0.1:8080", kind: "llamacpp" },
  { url: "http://127.0.0.1:8081", kind: "llamacpp" },
  { url: "http://127.0.0.1:11434", kind: "ollama" },
  { url: "http://127.0.0.1:1234", kind: "lmstudio" },
] as const;

async function probe(
  url: string,
  apiKey?: string,
): Promise<{ server: string; body: unknown } | null> {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      headers: apiKey ? { authorization: `Bearer ${apiKey}` } : {},
    });
    if (!response.ok) return null;
    return { server: response.headers.get("server") ?? "", body: await response.json() };
  } catch {
    return null;
  }
}

interface ModelRow {
  id?: string;
  owned_by?: string;
  max_model_len?: number;
  meta?: { n_ctx_train?: number };
}

/** What serves at `url` (up to and without `/v1`); null when nothing OpenAI-compatible answers. */
export async function detectBackend(url: string, apiKey?: string): Promise<DetectedBackend | null> {
  const base = url.replace(/\/(v1\/?)?$/, "");
  const [models, version, props, serverInfo, tags, native] = await Promise.all([
    probe(`${base}/v1/models`, apiKey),
    probe(`${base}/version`, apiKey),
    probe(`${base}/props`, apiKey),
    probe(`${base}/get_server_info`, apiKey),
    probe(`${base}/api/tags`, apiKey),
    probe(`${base}/api/v0/models`, apiKey),
  ]);
  const rows = ((models?.body as { data?: ModelRow[] } | undefined)?.data ?? []).filter(
    (row) => typeof row.id === "string",
  );
  const owner = rows[0]?.owned_by ?? "";
  // A gridspot exchange lists instruments under the same path; it is no inference server.
  if (models === null || rows.length === 0 || owner === "gridspot") return null;
  const slots = props?.body as { default_generation_settings?: { n_ctx?: number } } | undefined;
  let kind: BackendKind = "openai-compatible";
  if (slots?.default_generation_settings !== undefined || owner === "llamacpp") kind = "llamacpp";
  else if (serverInfo !== null || owner === "sglang") kind = "sglang";
  else if (owner === "vllm" && version !== null) kind = "vllm";
  else if (tags !== null) kind = "ollama";
  else if (native !== null) kind = "lmstudio";
  return {
    url: base,
    kind,
    models: rows.map((row) => row.id as string),
    contextTokens: slots?.default_generation_settings?.n_ctx ?? rows[0]?.max_model_len ?? null,
  };
}

/** The first of the usual places where a server answers; `skipPort` is our own exchange's. */
export async function findUsualBackend(skipPort: number): Promise<DetectedBackend | null> {
  const found = await Promise.all(
    USUAL_BACKENDS.filter(({ url }) => Number(new URL(url).port) !== skipPort).map(({ url }) =>
      detectBackend(url),
    ),
  );
  return found.find((backend) => backend !== null) ?? null;
}
