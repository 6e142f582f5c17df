/**
 * How the command line finds the exchange that has a data directory open: the exchange writes its
 * address there once it listens. The lock on the journal says whether it runs; this says where. The
 * operator's token goes to nobody who has not shown to know it already: an address outlives its
 * process when that is killed, and somebody else may listen there now.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { JournalError } from "#exchange/journal/journal.ts";
import type { BackupReport } from "./backup-work.ts";

/** Where an exchange proves who it is; `challenge` is 32 hex digits. */
export const PROOF_PATH = "/operator-proof";
export const PROOF_CHALLENGE = /^[0-9a-f]{32}$/;
/** The exchange answers at once, or is not ours. */
const PROOF_MS_MAX = 10_000;
const PROOF_BYTES_MAX = 4096;

const addressFile = (dataDir: string) => join(dataDir, "exchange.url");

/** Leaves the address of an exchange that serves. */
export function publishAddress(dataDir: string, host: string, port: number): void {
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  const name = reachable.includes(":") ? `[${reachable}]` : reachable;
  writeFileSync(addressFile(dataDir), `http://${name}:${port}\n`, { mode: 0o600 });
}

/** Takes the address away, also that of a process that was killed. Only under the journal's lock. */
export function withdrawAddress(dataDir: string): void {
  rmSync(addressFile(dataDir), { force: true });
}

/**
 * Shows knowledge of the operator's token without telling it. `port` is where the question arrived, so
 * that the answer is of no use to somebody who asks on behalf of another.
 */
export function operatorProof(token: string, challenge: string, port: number): string {
  return createHmac("sha256", token).update(`gridspot exchange|${port}|${challenge}`).digest("hex");
}

/** Asks the exchange that runs on a data directory for a backup. Throws `JournalError` in words. */
export async function askForBackup(dataDir: string, to: string): Promise<BackupReport> {
  const url = readText(addressFile(dataDir));
  const token = readText(join(dataDir, "operator.token"));
  if (url === null || token === null || !(await isOurs(url, token))) {
    throw new JournalError(
      `an exchange has ${dataDir} open but does not answer${url === null ? "" : ` at ${url}`} yet; try again when it is ready`,
    );
  }
  const { status, text } = await ask(`${url}/operator/v1/backup`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ to }),
  });
  const answer = parsed(text) as {
    data?: BackupReport;
    errors?: { message: string };
  } | null;
  if (status === 201 && answer?.data !== undefined) return answer.data;
  throw new JournalError(answer?.errors?.message ?? `${url} answered ${status} to the backup`);
}

async function isOurs(url: string, token: string): Promise<boolean> {
  const challenge = randomBytes(16).toString("hex");
  const expected = Buffer.from(operatorProof(token, challenge, Number(new URL(url).port)));
  try {
    const { text } = await ask(`${url}${PROOF_PATH}?challenge=${challenge}`, {
      method: "GET",
      timeoutMs: PROOF_MS_MAX,
      bytesMax: PROOF_BYTES_MAX,
    });
    const { data } = (parsed(text) ?? {}) as { data?: { proof?: unknown } };
    const proof = Buffer.from(String(data?.proof));
    return proof.length === expected.length && timingSafeEqual(proof, expected);
  } catch {
    return false;
  }
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

interface Question {
  method: string;
  headers?: Record<string, string>;
  body?: string;
  /** Until the whole answer is there; without it as long as it takes. */
  timeoutMs?: number;
  bytesMax?: number;
}

/** Not `fetch`, which gives up after five minutes without an answer: a backup may take longer. */
function ask(url: string, question: Question): Promise<{ status: number; text: string }> {
  const { method, headers = {}, timeoutMs, bytesMax = Number.POSITIVE_INFINITY } = question;
  const signal = timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) };
  return new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(new JournalError(`the exchange at ${url} cannot be reached: ${error.message}`));
    const request = http.request(url, { method, headers, ...signal }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length > bytesMax)
          request.destroy(new Error(`its answer is over ${bytesMax} bytes`));
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", failed);
    });
    request.on("error", failed);
    request.end(question.body);
  });
}
