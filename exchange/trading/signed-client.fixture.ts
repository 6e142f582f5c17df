/** A client that signs as `docs/api.md` says, over a real socket; what it sends can be kept and sent again. */

import { fingerprintOf, signedRequestText } from "#protocol/signing.ts";
import { signedRequestTextV2 } from "#protocol/signing-v2.ts";
import type { TestExchange, Trader } from "./trading.fixture.ts";

export interface Wire {
  method: string;
  /** Path with query. */
  target: string;
  headers: Record<string, string>;
  body: string;
}
export interface WireAnswer {
  status: number;
  headers: Headers;
  data: unknown;
  code: string | null;
  message: string;
}

export async function listenOnFreePort({ app }: TestExchange) {
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const host = new URL(url).host;

  /** Sends those bytes and nothing else. */
  async function send({ method, target, headers, body }: Wire): Promise<WireAnswer> {
    const response = await fetch(`${url}${target}`, {
      method,
      headers,
      ...(body === "" ? {} : { body }),
    });
    const text = await response.text();
    const { data = null, errors = { code: null, message: "" } } =
      text === "" ? {} : JSON.parse(text);
    const { code, message } = errors;
    return { status: response.status, headers: response.headers, data, code, message };
  }

  function parts(target: string): [path: string, query: string] {
    const [path = "", query = ""] = target.split("?");
    return [path, query];
  }

  /** A signed request, of version 2 when it gets a nonce. */
  function sign(
    { identity }: Trader,
    {
      method,
      target,
      body = "",
      timestamp,
      nonce = null,
      signedHost = host,
    }: {
      method: string;
      target: string;
      body?: string;
      timestamp: string;
      nonce?: string | null;
      signedHost?: string;
    },
  ): Wire {
    const [path, query] = parts(target);
    const text =
      nonce === null
        ? signedRequestText(timestamp, method, path, body)
        : signedRequestTextV2({
            host: signedHost,
            timestampSeconds: timestamp,
            nonce,
            method,
            path,
            query,
            body,
          });
    return {
      method,
      target,
      body,
      headers: {
        "x-thegrid-timestamp": timestamp,
        "x-thegrid-fingerprint": fingerprintOf(identity.publicKey),
        "x-thegrid-signature": identity.sign(text).toString("base64"),
        ...(body === "" ? {} : { "content-type": "application/json" }),
        ...(nonce === null
          ? {}
          : { "x-gridspot-signature-version": "2", "x-gridspot-nonce": nonce }),
      },
    };
  }

  return { url, host, send, sign };
}
export type Listening = Awaited<ReturnType<typeof listenOnFreePort>>;
