/**
 * `/auth/echo`, for the author of a client whose signature fails: says what text the exchange computes
 * for this very request, step by step. It accepts nothing, executes nothing and remembers no nonce.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock } from "#exchange/clock.ts";
import { Refused } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import { verifySignature } from "#protocol/signing.ts";
import { bodyDigest, NONCE_HEADER } from "#protocol/signing-v2.ts";
import type { Authenticator } from "./authentication.ts";
import { EchoAnswer } from "./schemas/account.ts";
import { partsOf, readSignature, type SentSignature, signedText } from "./signature.ts";
import { signatureHints } from "./signature-hints.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export async function echoRoute(
  app: FastifyInstance,
  { auth, clock }: { auth: Authenticator; clock: Clock },
): Promise<void> {
  app.route({
    method: METHODS,
    url: "/auth/echo",
    ...described({
      tag: "account",
      summary: "What the exchange computes for the signature of this request; accepts nothing",
      answer: EchoAnswer,
    }),
    handler: async (request) => ({ data: explain(request) }),
  });

  function explain(request: FastifyRequest): object {
    const body = typeof request.body === "string" ? request.body : "";
    const { sent, problem } = claimed(request);
    const parts = partsOf(request, sent, body);
    const message = signedText(sent.version, parts);
    const key = auth.keyNamed(sent.fingerprint);
    const bytes = Buffer.from(sent.signature, "base64");
    const fits = key === null ? null : verifySignature(key, message, bytes);
    return {
      accepted: false,
      signature_version: sent.version,
      message,
      message_bytes: Buffer.byteLength(message),
      steps: steps(sent, parts, body),
      checks: {
        headers: problem ?? "ok",
        timestamp: auth.timestampProblem(sent) ?? "ok",
        fingerprint: key === null ? "no key of this name is registered" : "ok",
        signature: key === null ? "not checked" : fits ? "ok" : "does not fit the message",
        nonce: sent.version === 1 ? "not in version 1" : auth.nonceVerdict(sent),
      },
      hints: key === null || fits ? [] : signatureHints(key, sent.signature, parts, message),
      server_time: String(Math.floor(clock.nowMs() / 1000)),
    };
  }
}

/** What the headers say, with "" for what is missing. */
function claimed(request: FastifyRequest): { sent: SentSignature; problem: string | null } {
  try {
    return { sent: readSignature(request), problem: null };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const header = (name: string) => String(request.headers[name] ?? "").slice(0, 200);
    const sent: SentSignature = {
      version: header("x-gridspot-signature-version") === "2" ? 2 : 1,
      timestamp: header("x-thegrid-timestamp"),
      fingerprint: header("x-thegrid-fingerprint").replace(/=+$/, ""),
      signature: header("x-thegrid-signature"),
      nonce: header(NONCE_HEADER),
    };
    return { sent, problem: error.message };
  }
}

function steps(
  { version }: SentSignature,
  { host, timestampSeconds, nonce, method, path, query }: ReturnType<typeof partsOf>,
  body: string,
): object[] {
  const step = (part: string, value: string, rule: string) => ({ part, value, rule });
  const time = step("timestamp", timestampSeconds, "unix seconds, the header as sent");
  const verb = step("method", method.toUpperCase(), "upper case");
  const route = step("path", path, "as on the request line, with its version prefix, no query");
  const bytes = `${Buffer.byteLength(body)} bytes`;
  if (version === 1) return [time, verb, route, step("body", body, `exactly as sent: ${bytes}`)];
  return [
    step("domain", "GRIDSPOT-2-REQUEST", "always this line"),
    step("host", host.toLowerCase(), "the host header in lower case"),
    time,
    step("nonce", nonce, `the ${NONCE_HEADER} header as sent`),
    verb,
    route,
    step("query", query, 'after "?" as on the request line; empty without one'),
    step("body digest", bodyDigest(body), `lower-case hex SHA-256 of the body: ${bytes}`),
  ];
}
