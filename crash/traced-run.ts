/** Runs the real exchange under strace, uses it from outside, and says which answers it gave. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeEvents } from "#exchange/journal/event-encoding.ts";
import { openSqliteStore } from "#exchange/journal/sqlite-store.ts";
import { parsePublicId } from "#protocol/ids.ts";
import { formatMicros } from "#protocol/money.ts";
import { createIdentity } from "#protocol/signing.ts";
import { Random } from "#simulation/random.ts";
import type { Acknowledgement } from "./effect-order.ts";
import { spawnExchange } from "./exchange-child.ts";
import { createGate } from "./gate.ts";
import { createNotebook } from "./notebook.ts";
import { createOperatorClient } from "./operator-client.ts";
import { signedRequest } from "./signed-request.ts";
import { startSupplier } from "./supplier.ts";
import { traceCommand } from "./system-call-trace.ts";

const SYMBOL = "text-lite";
const FIRST_MICROS = 1_000_000_000n;
/** Of each kind one after another, then as many at once. */
const SEQUENTIAL = 5;
const CONCURRENT = 15;
/** Orders of this number and above are there to be cancelled: no multiple of three, so they rest. */
const CANCELLED_FROM = 3_000;
/** Of one balance; a deposit is seen after a handful. */
const READS_MAX = 1_000;
/** Far more than happen here: snapshots are not what is traced. */
const EVENTS_PER_SNAPSHOT = 1_000_000;

export interface TracedRun {
  trace: string;
  acknowledgements: Acknowledgement[];
}

/** Every answer that acknowledges, with the event it rests on. Needs `strace`. */
export async function traceExchange(options: { acknowledgesEarly: boolean }): Promise<TracedRun> {
  const root = mkdtempSync(join(tmpdir(), "gridspot-trace-"));
  const dataDir = join(root, "exchange");
  const traceFile = join(root, "trace.txt");
  const child = spawnExchange(
    { dataDir, port: 0, eventsPerSnapshot: EVENTS_PER_SNAPSHOT, sla: {}, ...options },
    traceCommand(traceFile),
  );
  try {
    await child.go(null);
    if (!child.isReady) throw new Error(`no start: ${(await child.ended).complaint}`);
    const { acknowledgements, requestIds } = await useExchange(
      `http://127.0.0.1:${child.port}`,
      dataDir,
    );
    child.hangUp();
    await child.ended;
    const deliveries = deliveriesIn(dataDir);
    for (const [requestId, streamed] of requestIds) {
      acknowledgements.push(...completionTold(requestId, streamed, deliveries.get(requestId) ?? 0));
    }
    return { trace: readFileSync(traceFile, "latin1"), acknowledgements };
  } finally {
    child.hangUp();
    await child.ended;
    rmSync(root, { recursive: true, force: true });
  }
}

async function useExchange(url: string, dataDir: string) {
  const gate = createGate();
  gate.open();
  const door = { url, gate, notebook: createNotebook() };
  const token = readFileSync(join(dataDir, "operator.token"), "utf8").trim();
  const operator = createOperatorClient(door, token);
  const acknowledgements: Acknowledgement[] = [];
  const requestIds = new Map<string, boolean>();
  const orderIds = new Map<number, string>();

  const seller = await operator.openAccount("supplier", "advanced");
  await operator.deposit(seller, FIRST_MICROS, "bond");
  const joinToken = await operator.joinToken(seller);
  const supplier = await startSupplier(
    { name: "supplier", dataDir: `${dataDir}-node`, url, joinToken, symbol: SYMBOL, price: "0.50" },
    { random: new Random(1) },
  );
  const trader = await operator.openAccount("trader", "advanced");
  const identity = createIdentity();
  await operator.deposit(trader, FIRST_MICROS);
  await operator.signingKey(trader, identity);
  const buyer = await operator.openAccount("buyer", "easy");
  await operator.deposit(buyer, FIRST_MICROS);
  const apiKey = await operator.apiKey(buyer);

  async function answered(path: string, init: RequestInit, status: number): Promise<Response> {
    const response = await fetch(`${url}${path}`, init);
    await response.clone().text();
    if (response.status !== status) throw new Error(`${path}: ${await response.text()}`);
    return response;
  }

  async function placeOrder(number: number): Promise<void> {
    const id = `order-${number}-end`;
    const order = { market_id: SYMBOL, side: "buy", type: "limit", quantity: "0.01" };
    const price = number % 3 === 0 ? "0.50" : "0.10";
    const body = JSON.stringify({ ...order, price, client_order_id: id });
    const response = await answered(
      "/v1/orders",
      signedRequest(identity, "POST", "/v1/orders", body),
      201,
    );
    const { data } = (await response.json()) as { data: { order_id: string } };
    orderIds.set(number, data.order_id);
    const answer = ["HTTP/1.1 201", `"client_order_id":"${id}"`];
    acknowledgements.push({ what: id, answer, event: [`"clientOrderId":"${id}"`, `"${id}"`] });
  }

  /** To an account of its own: the answer names nothing but the balance. */
  async function deposit(number: number, account: { id: string }): Promise<void> {
    const micros = 7_000_000n + BigInt(number);
    const amount = formatMicros(micros);
    // Twice in the event: where a page ends within one, the other is whole.
    const reference = `wire-${number}-a.wire-${number}-b`;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = JSON.stringify({ account_id: account.id, amount, reference });
    await answered("/operator/v1/deposits", { method: "POST", headers, body }, 201);
    const answer = ["HTTP/1.1 201", `"balance":"${amount}"`];
    const event = [`wire-${number}-a`, `wire-${number}-b`];
    acknowledgements.push({ what: `deposit ${number}`, answer, event });
  }

  /** Of an order that rests, for its price is far below every ask. */
  async function cancel(number: number): Promise<void> {
    await placeOrder(number);
    const id = orderIds.get(number) ?? "";
    const path = `/v1/orders/${id}`;
    const response = await answered(path, signedRequest(identity, "DELETE", path), 204);
    // The answer has no body: the sequence number in its head is what tells it from others.
    const answer = ["HTTP/1.1 204", `x-gridspot-seq: ${response.headers.get("x-gridspot-seq")}\r`];
    const order = parsePublicId("order", id);
    const event = [`"order":${order},"status":"cancelled"`, `"kind":"void","hold":"bid${order}"`];
    acknowledgements.push({ what: `cancel of ${id}`, answer, event });
  }

  async function addKey(number: number): Promise<void> {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = JSON.stringify({ account_id: buyer.id, label: `key-${number}` });
    const response = await answered("/operator/v1/keys", { method: "POST", headers, body }, 201);
    const { key_id } = ((await response.json()) as { data: { key_id: string } }).data;
    const answer = ["HTTP/1.1 201", `"key_id":"${key_id}"`];
    const event = [`"keyId":"${key_id}"`, `"label":"key-${number}"`];
    acknowledgements.push({ what: `key ${number}`, answer, event });
  }

  /** A deposit that nobody waits for, and reads of the balance until one shows it. */
  async function readBalance(number: number): Promise<void> {
    const reader = await operator.openAccount(`reader-${number}`, "advanced");
    const own = createIdentity();
    await operator.signingKey(reader, own);
    const micros = 8_000_000n + BigInt(number);
    const reference = `read-${number}-a.read-${number}-b`;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = JSON.stringify({ account_id: reader.id, amount: formatMicros(micros), reference });
    const sent = answered("/operator/v1/deposits", { method: "POST", headers, body }, 201);
    const path = "/v1/currency-trading-accounts";
    for (let reads = 0; ; reads += 1) {
      if (reads === READS_MAX) throw new Error(`${READS_MAX} reads do not show ${reference}`);
      const response = await answered(path, signedRequest(own, "GET", path), 200);
      if ((await response.text()).includes(`"${formatMicros(micros)}"`)) break;
    }
    await sent;
    const answer = ["HTTP/1.1 200", `"user_id":"${reader.id}"`, `"${formatMicros(micros)}"`];
    const event = [`read-${number}-a`, `read-${number}-b`];
    acknowledgements.push({ what: `read ${number} of a balance`, answer, event });
  }

  async function complete(number: number): Promise<void> {
    const stream = number % 2 === 0;
    const body = JSON.stringify({
      model: SYMBOL,
      messages: [{ role: "user", content: `trace number ${number} of the grid` }],
      max_tokens: 64,
      ...(stream && { stream, stream_options: { include_usage: true } }),
    });
    const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
    const init = { method: "POST", headers, body };
    const response = await answered("/v1/chat/completions", init, 200);
    requestIds.set(response.headers.get("x-gridspot-request-id") ?? "", stream);
  }

  const accounts: { id: string }[] = [];
  for (let number = 0; number < SEQUENTIAL + CONCURRENT; number += 1) {
    accounts.push(await operator.openAccount(`payee-${number}`, "advanced"));
  }
  const all = (number: number) => [
    () => placeOrder(number),
    () => deposit(number, accounts[number] as { id: string }),
    () => complete(number),
    () => cancel(CANCELLED_FROM + 3 * number + 1),
    () => addKey(number),
    () => readBalance(number),
  ];
  for (let number = 0; number < SEQUENTIAL; number += 1) {
    for (const each of all(number)) await each();
  }
  const numbers = Array.from({ length: CONCURRENT }, (_, at) => SEQUENTIAL + at);
  await Promise.all(numbers.flatMap(all).map((each) => each()));
  await supplier.close();
  if (door.notebook.faults.length > 0) throw new Error(door.notebook.faults.join("\n"));
  return { acknowledgements, requestIds };
}

/** The delivery of each request, from the journal of a process that is gone. */
function deliveriesIn(dataDir: string): Map<string, number> {
  const deliveries = new Map<string, number>();
  const store = openSqliteStore(join(dataDir, "journal.db"));
  for (const batch of store.content.batchesAfter(0)) {
    for (const event of decodeEvents(batch.events)) {
      if (event.type === "delivery-reserved") deliveries.set(event.requestId, event.delivery);
    }
  }
  store.close();
  return deliveries;
}

/** Its first byte rests on its reservation, its end on its settlement. */
function completionTold(requestId: string, streamed: boolean, delivery: number): Acknowledgement[] {
  const hold = `"hold":"delivery${delivery}:lot`;
  const settled = [`"kind":"post",${hold}`, `"kind":"void",${hold}`];
  const id = `"id":"chatcmpl-${requestId}"`;
  const end = {
    what: `completion ${delivery}, its end`,
    answer: [id, streamed ? '"finish_reason":"' : '"object":"chat.completion"'],
    event: settled,
  };
  const begin = {
    what: `completion ${delivery}, its first byte`,
    answer: ["HTTP/1.1 200", `x-gridspot-request-id: ${requestId}`],
    event: [`"requestId":"${requestId}"`, `"kind":"hold",${hold}`],
  };
  return [begin, end];
}
