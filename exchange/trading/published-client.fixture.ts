/**
 * A client of The Grid's trading API, written from its published text alone and with none of our code:
 * what works with it works with theirs. Signs as published, reads both published error envelopes, and
 * retries what the published client retries.
 */
import { createHash, createPrivateKey, createPublicKey, randomUUID, sign } from "node:crypto";

/** Statuses that the published client sends again; never 500. */
const RETRIED = [408, 429, 502, 503, 504];
const RETRIES_MAX = 2;

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
// biome-ignore lint/suspicious/noExplicitAny: a stranger's client knows no types of ours
export type Published = any;

export class PublishedError extends Error {
  readonly status: number;
  readonly detail: string;
  readonly code: string | undefined;
  readonly headers: Headers;

  constructor(status: number, body: Published, headers: Headers) {
    // Current envelope first, the older one else.
    const detail = body?.errors?.detail ?? body?.error?.message ?? `status ${status}`;
    super(`${status} ${detail}`);
    this.status = status;
    this.detail = detail;
    this.code = body?.errors?.code ?? body?.error?.code;
    this.headers = headers;
  }
}

export interface Options {
  /** With the version prefix, e.g. `https://trading.api.example/v1`. */
  baseUrl: string;
  /** Base64 of the raw 32-byte seed, or of the 64-byte secret key. */
  privateKey: string;
  /** Waits between tries; the published base is 200 ms, the cap 2 s. */
  wait?: (ms: number) => Promise<void>;
  nowSeconds?: () => number;
}

export class PublishedClient {
  readonly #options: Options;
  readonly #key;
  readonly fingerprint: string;
  readonly publicKey: string;
  /** Of the last answer. */
  status = 0;
  headers = new Headers();
  paging: Published = null;

  constructor(options: Options) {
    this.#options = options;
    const seed = Buffer.from(options.privateKey, "base64").subarray(0, 32);
    const head = Buffer.from("302e020100300506032b657004220420", "hex");
    this.#key = createPrivateKey({
      key: Buffer.concat([head, seed]),
      format: "der",
      type: "pkcs8",
    });
    const spki = createPublicKey(this.#key).export({ format: "der", type: "spki" });
    const raw = spki.subarray(spki.length - 32);
    this.publicKey = raw.toString("base64");
    this.fingerprint = createHash("sha256").update(raw).digest("base64").replace(/=+$/, "");
  }

  get(path: string, query: Record<string, string | number> = {}) {
    return this.call("GET", path, { query });
  }
  post(path: string, body: object, headers: Record<string, string> = {}) {
    return this.call("POST", path, { body, headers });
  }
  put(path: string, body: object) {
    return this.call("PUT", path, { body });
  }
  patch(path: string, body: object) {
    return this.call("PATCH", path, { body });
  }
  delete(path: string) {
    return this.call("DELETE", path, {});
  }

  /** What stands under `data`; throws `PublishedError`. */
  async call(
    method: Method,
    path: string,
    {
      query = {},
      body,
      headers = {},
    }: {
      query?: Record<string, string | number>;
      body?: object;
      headers?: Record<string, string>;
    },
  ): Promise<Published> {
    const url = new URL(`${this.#options.baseUrl}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const text = body === undefined ? "" : JSON.stringify(body);
    const { wait = async () => {} } = this.#options;
    for (let tried = 0; ; tried += 1) {
      const response = await fetch(url, {
        method,
        headers: {
          ...this.#signature(method, url.pathname, text),
          ...(text === "" ? {} : { "content-type": "application/json" }),
          "user-agent": "grid-cli/1.0",
          "x-grid-trace-id": randomUUID(),
          ...headers,
        },
        ...(text === "" ? {} : { body: text }),
      });
      const answer = await response.text();
      const parsed: Published = answer === "" ? null : JSON.parse(answer);
      this.status = response.status;
      this.headers = response.headers;
      this.paging = parsed?.paging ?? null;
      if (response.ok) return parsed?.data ?? null;
      if (!RETRIED.includes(response.status) || tried === RETRIES_MAX) {
        throw new PublishedError(response.status, parsed, response.headers);
      }
      await wait(Math.min(2_000, 200 * 2 ** tried));
    }
  }

  /** `timestamp + METHOD + path + body`: the path with its version prefix and without the query. */
  #signature(method: string, pathname: string, body: string): Record<string, string> {
    const { nowSeconds = () => Math.floor(Date.now() / 1000) } = this.#options;
    const timestamp = String(nowSeconds());
    const message = Buffer.from(timestamp + method + pathname + body, "utf8");
    return {
      "x-thegrid-timestamp": timestamp,
      "x-thegrid-fingerprint": this.fingerprint,
      "x-thegrid-signature": sign(null, message, this.#key).toString("base64"),
    };
  }
}
