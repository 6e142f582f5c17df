/** The operator under load: accounts, deposits by reference, keys. Cut requests are sent again. */

import { parsePublicId } from "#protocol/ids.ts";
import { formatMicros } from "#protocol/money.ts";
import { createIdentity, fingerprintOf, type Identity } from "#protocol/signing.ts";
import type { Random } from "#simulation/random.ts";
import { type Answer, type Door, send, sendUntilAnswered } from "./http-client.ts";

export interface OperatorClient {
  openAccount(name: string, mode: "easy" | "advanced"): Promise<{ id: string; number: number }>;
  deposit(account: { id: string; number: number }, micros: bigint, to?: "bond"): Promise<void>;
  /** Pays into the exchange's working money for cover. */
  fundCover(micros: bigint): Promise<void>;
  apiKey(account: { id: string }): Promise<string>;
  signingKey(account: { id: string }, identity: Identity): Promise<void>;
  joinToken(account: { id: string }): Promise<string>;
  /** One small piece of an operator's day: a deposit, an old one again, a key. */
  work(accounts: readonly { id: string; number: number }[], random: Random): Promise<void>;
  /** Notes the whole state's hash; a request that is cut off notes nothing. */
  noteIntegrity(): Promise<number | null>;
}

export function createOperatorClient(door: Door, token: string): OperatorClient {
  const { notebook } = door;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const deposits: { account: { id: string; number: number }; reference: string; micros: bigint }[] =
    [];

  async function post(
    path: string,
    body: object,
  ): Promise<{ answer: Answer; wasRepeated: boolean }> {
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const sent = await sendUntilAnswered(door, `/operator/v1/${path}`, () => init);
    if (sent === null) throw new Error(`the operator's ${path} got no answer`);
    return sent;
  }
  const field = ({ json }: Answer, name: string): string =>
    String((json.data as Record<string, unknown> | undefined)?.[name] ?? "");
  function expectCreated(path: string, { status, text }: Answer): void {
    if (status !== 201) notebook.fault(`the operator's ${path}: ${status} ${text}`);
  }

  async function sendDeposit(
    account: { id: string; number: number },
    micros: bigint,
    reference: string,
    to: "available" | "bond" = "available",
  ): Promise<void> {
    const body = { account_id: account.id, amount: formatMicros(micros), reference, to };
    const { answer, wasRepeated } = await post("deposits", body);
    expectCreated("deposits", answer);
    const told = { kind: "deposit" as const, reference, account: account.number, micros };
    notebook.write(told, { wasRepeated });
  }

  async function addSigningKey(account: { id: string }, identity: Identity): Promise<void> {
    const public_key = identity.publicKey.toString("base64");
    const body = { account_id: account.id, label: "key", kind: "signing", public_key };
    const { answer, wasRepeated } = await post("keys", body);
    const wasThere = answer.json.errors?.code === "DUPLICATE_KEY";
    if (!(wasRepeated && wasThere)) expectCreated("keys", answer);
    notebook.write({ kind: "key", key: fingerprintOf(identity.publicKey) }, { wasRepeated });
  }

  async function addApiKey(account: { id: string }): Promise<string> {
    const { answer } = await post("keys", { account_id: account.id, label: "key" });
    expectCreated("keys", answer);
    notebook.write({ kind: "key", key: field(answer, "key_id") });
    return field(answer, "key");
  }

  return {
    async openAccount(name, mode) {
      // These worlds draw on what they buy: nothing waits for a sweep.
      const body = { name, mode, auto_transfer_enabled: true };
      const { answer } = await post("accounts", body);
      expectCreated("accounts", answer);
      const id = field(answer, "account_id");
      const number = parsePublicId("account", id) ?? 0;
      notebook.write({ kind: "account", account: number });
      return { id, number };
    },
    deposit: (account, micros, to) =>
      sendDeposit(account, micros, `first-${account.number}-${to ?? "available"}`, to),
    async fundCover(micros) {
      const body = { fund: "cover", amount: formatMicros(micros), reference: "first-cover" };
      expectCreated("exchange-funds", (await post("exchange-funds", body)).answer);
    },
    apiKey: addApiKey,
    signingKey: addSigningKey,
    async joinToken(account) {
      const { answer } = await post("join-tokens", { account_id: account.id });
      expectCreated("join-tokens", answer);
      return field(answer, "token");
    },
    async work(accounts, random) {
      const account = accounts[random.between(0, accounts.length - 1)] ?? { id: "", number: 0 };
      const choice = random.fraction();
      if (choice < 0.06) await addApiKey(account);
      else if (choice < 0.12) await addSigningKey(account, createIdentity());
      else if (choice < 0.25 && deposits.length > 0) {
        const old = deposits[random.between(0, deposits.length - 1)];
        if (old !== undefined) await sendDeposit(old.account, old.micros, old.reference);
      } else {
        const micros = BigInt(random.between(1, 5_000_000));
        const deposit = { account, micros, reference: `wire-${deposits.length}` };
        deposits.push(deposit);
        await sendDeposit(account, micros, deposit.reference);
      }
    },
    async noteIntegrity() {
      const sent = await send(door, "/operator/v1/integrity", { headers });
      if (sent === "cut" || sent === "unsent" || sent.status !== 200) return null;
      const { seq, state_sha256 } = sent.json.data as { seq: number; state_sha256: string };
      notebook.see({ seq, what: "state", sha256: state_sha256 });
      return seq;
    },
  };
}
