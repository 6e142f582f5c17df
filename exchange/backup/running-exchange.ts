/**
 * How the command line finds the exchange that has a data directory open: the exchange writes its
 * address there once it listens. The lock on the journal says whether it runs; this says where.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { JournalError } from "#exchange/journal/journal.ts";
import type { BackupReport } from "./backup-work.ts";

const addressFile = (dataDir: string) => join(dataDir, "exchange.url");

/** Leaves the address; the returned function takes it away again. */
export function publishAddress(dataDir: string, host: string, port: number): () => void {
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  const name = reachable.includes(":") ? `[${reachable}]` : reachable;
  writeFileSync(addressFile(dataDir), `http://${name}:${port}\n`, { mode: 0o600 });
  return () => rmSync(addressFile(dataDir), { force: true });
}

/** Asks the exchange that runs on a data directory for a backup. Throws `JournalError` in words. */
export async function askForBackup(dataDir: string, to: string): Promise<BackupReport> {
  const url = readText(addressFile(dataDir));
  const token = readText(join(dataDir, "operator.token"));
  if (url === null || token === null) {
    throw new JournalError(
      `an exchange has ${dataDir} open but does not answer yet; try again when it is ready`,
    );
  }
  const { status, text } = await post(`${url}/operator/v1/backup`, token, JSON.stringify({ to }));
  const answer = parsed(text);
  if (status === 201 && answer?.data !== undefined) return answer.data;
  throw new JournalError(answer?.errors?.message ?? `${url} answered ${status} to the backup`);
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return null;
  }
}

function parsed(text: string): { data?: BackupReport; errors?: { message: string } } | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Not `fetch`, which gives up after five minutes without an answer: a backup may take longer. */
function post(url: string, token: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const request = http.request(url, { method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    request.on("error", (error) =>
      reject(new JournalError(`the exchange at ${url} cannot be reached: ${error.message}`)),
    );
    request.end(body);
  });
}
