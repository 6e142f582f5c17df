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
  /** Up to and without `/v1`. */
  url: string;
  kind: BackendKind;
  /** As the server tells it; null where it does not. */
  version: string | null;
  /** Models as the server names them; never empty. */
  models: string[];
  /** Context per request where the server tells it, in its own tokens. */
  contextTokens: number | null;
}

export type Inspection = { ok: true; backend: DetectedBackend } | { ok: false; reason: string };

export interface InspectionOptions {
  apiKey?: string | undefined;
  /** Of each question; all but the first are asked at once. */
  timeoutMs?: number;
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

type Answer = { status: number; body: unknown } | { status: null; reason: string };

async function ask(url: string, { apiKey, timeoutMs }: InspectionOptions): Promise<Answer> {
  const boundMs = timeoutMs ?? PROBE_TIMEOUT_MS;
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(boundMs),
      headers: apiKey ? { authorization: `Bearer ${apiKey}` } : {},
    });
    const text = await response.text();
    return { status: response.status, body: parsed(text) };
  } catch (error) {
    const { name, message, cause } = error as Error & { cause?: { code?: string } };
    if (name === "TimeoutError") return { status: null, reason: `no answer in ${boundMs} ms` };
    return { status: null, reason: cause?.code ?? message };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

interface ModelRow {
  id: string;
  owned_by?: string;
  max_model_len?: number;
}

/** What the servers say of themselves, each under a path of its own. */
interface SelfDescription {
  version?: string;
  build_info?: string;
  default_generation_settings?: { n_ctx?: number };
  models?: { name?: string; context_length?: number }[];
  data?: { id?: string; loaded_context_length?: number }[];
}

/** What serves at `url` (with or without `/v1`), or a sentence on why nothing there can be used. */
export async function inspectBackend(
  url: string,
  options: InspectionOptions = {},
): Promise<Inspection> {
  if (!URL.canParse(url)) return { ok: false, reason: `"${url}" is not a URL` };
  const base = url.replace(/\/(v1\/?)?$/, "");
  const answer = await ask(`${base}/v1/models`, options);
  if (answer.status === null) return { ok: false, reason: `${base}: ${answer.reason}` };
  if (answer.status === 401 || answer.status === 403) {
    const reason = `${base} answers ${answer.status}: it wants a key, or another one; set BACKEND_API_KEY`;
    return { ok: false, reason };
  }
  if (answer.status !== 200) {
    const reason = `${base}/v1/models answers ${answer.status}, expected a list of models`;
    return { ok: false, reason };
  }
  const rows = modelRows(answer.body);
  const [first] = rows;
  if (first === undefined) return { ok: false, reason: `${base}/v1/models lists no model` };
  if (first.owned_by === "gridspot") {
    return { ok: false, reason: `${base} is a gridspot exchange, not an inference server` };
  }
  const told = await identify(base, first, options);
  return { ok: true, backend: { url: base, ...told, models: rows.map(({ id }) => id) } };
}

function modelRows(body: unknown): ModelRow[] {
  const data = (body as { data?: unknown } | null)?.data;
  if (!Array.isArray(data)) return [];
  return data.filter((row): row is ModelRow => typeof row?.id === "string");
}

/** The server's kind by what only that kind answers; the owner of a model alone proves nothing. */
async function identify(
  base: string,
  { id, owned_by: owner, max_model_len: maxModelLength }: ModelRow,
  options: InspectionOptions,
): Promise<Pick<DetectedBackend, "kind" | "version" | "contextTokens">> {
  const probe = async (path: string): Promise<SelfDescription | null> => {
    const answer = await ask(base + path, options);
    const { body } = answer.status === 200 ? answer : { body: null };
    return typeof body === "object" ? (body as SelfDescription | null) : null;
  };
  const [props, serverInfo, version, ollama, running, native] = await Promise.all([
    probe("/props"),
    probe("/get_server_info"),
    probe("/version"),
    probe("/api/version"),
    probe("/api/ps"),
    probe("/api/v0/models"),
  ]);
  const contextTokens = maxModelLength ?? null;
  const slot = props?.default_generation_settings;
  if (slot) {
    return {
      kind: "llamacpp",
      version: props.build_info ?? null,
      contextTokens: slot.n_ctx ?? contextTokens,
    };
  }
  if (serverInfo !== null) {
    return { kind: "sglang", version: serverInfo.version ?? null, contextTokens };
  }
  if (owner === "vllm" && version !== null) {
    return { kind: "vllm", version: version.version ?? null, contextTokens };
  }
  if (ollama !== null && running !== null) {
    const loaded = running.models?.find(({ name }) => name === id);
    return {
      kind: "ollama",
      version: ollama.version ?? null,
      contextTokens: loaded?.context_length ?? contextTokens,
    };
  }
  if (native !== null) {
    const loaded = native.data?.find((row) => row.id === id);
    return {
      kind: "lmstudio",
      version: null,
      contextTokens: loaded?.loaded_context_length ?? contextTokens,
    };
  }
  return { kind: "openai-compatible", version: null, contextTokens };
}

/** What serves at `url`; null when nothing OpenAI-compatible answers there. */
export async function detectBackend(url: string, apiKey?: string): Promise<DetectedBackend | null> {
  const found = await inspectBackend(url, { apiKey });
  return found.ok ? found.backend : null;
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
