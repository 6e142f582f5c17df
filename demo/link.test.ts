/** The link's door: agents that may not come in get a reason, and hostile frames close the link. */
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { loadExchangePin, loadIdentity } from "#agent/identity.ts";
import { openLink } from "#agent/link/handshake.ts";
import {
  decodeRecords,
  encodeJsonRecord,
  LINK_SUBPROTOCOL,
  RecordType,
} from "#protocol/link-records.ts";
import { createIdentity, createJoinToken } from "#protocol/signing.ts";
import { startWorld, type World } from "./world.ts";

let dir = "";
let world: World;
let account = "";

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-link-"));
  world = await startWorld({ dataDir: dir, port: 0 }, { log: pino({ level: "silent" }) });
  account = await world.openAccount("supplier", "advanced");
});
afterAll(async () => {
  await world.close();
  rmSync(dir, { recursive: true, force: true });
});

const url = () => world.url.replace("http", "ws");

function link(node: string, joinToken: string | null, token = joinToken) {
  const nodeDir = join(dir, node);
  return openLink(
    { exchangeUrl: url(), nodeName: node, joinToken, build: "test" },
    { identity: loadIdentity(nodeDir), pin: loadExchangePin(nodeDir, token) },
  );
}

const hello = (fields: object = {}) => ({
  type: "hello",
  versionMin: 1,
  versionMax: 1,
  capabilities: [],
  nodePublicKey: createIdentity().publicKey.toString("base64url"),
  nodeName: "test",
  agentNonce: Buffer.alloc(32).toString("base64url"),
  build: "test",
  ...fields,
});

/** Sends raw bytes to the link and collects what comes back until it closes. */
function say(bytes: Buffer): Promise<{ code: number; messages: Record<string, unknown>[] }> {
  const socket = new WebSocket(`${url()}/link/v1`, LINK_SUBPROTOCOL);
  const messages: Record<string, unknown>[] = [];
  socket.on("open", () => socket.send(bytes));
  socket.on("message", (data: Buffer) => {
    for (const record of decodeRecords(data)) {
      messages.push(JSON.parse(Buffer.from(record.payload).toString("utf8")));
    }
  });
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", (code) => resolve({ code, messages }));
  });
}

test("a join token enrols a node once; afterwards its key alone opens the link", async () => {
  const token = await world.joinToken(account);
  const first = await link("node-a", token);
  first.socket.close();
  const again = await link("node-a", null);
  expect(again.welcome.nodeId).toBe(first.welcome.nodeId);
  again.socket.close();
  await expect(link("node-b", token)).rejects.toMatchObject({ code: "join-token-invalid" });
});

test("an agent does not sign for another exchange than its token names", async () => {
  const foreign = createJoinToken(createIdentity().publicKey);
  await expect(link("node-c", foreign)).rejects.toMatchObject({ code: "wrong-exchange" });
});

test.each([
  ["a node that is not enrolled", hello(), "node-not-enrolled"],
  ["another protocol version", hello({ versionMin: 2, versionMax: 3 }), "unsupported-version"],
  [
    "a small-order key",
    hello({
      nodePublicKey: Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]).toString("base64url"),
    }),
    "bad-key",
  ],
  ["a hello of the wrong shape", hello({ nodeName: 7 }), "protocol"],
])("%s is refused with a reason", async (_name, message, code) => {
  const { code: closed, messages } = await say(encodeJsonRecord(RecordType.channel, 0, 0, message));
  expect(closed).toBe(4403);
  expect(messages).toMatchObject([{ type: "refused", code, retryable: false }]);
  expect(String(messages[0]?.message).length).toBeGreaterThan(10);
});

test.each([
  ["noise", Buffer.from("not a record at all, just text")],
  [
    "a record longer than its message",
    Buffer.concat([encodeJsonRecord(RecordType.channel, 0, 0, {}), Buffer.alloc(3)]),
  ],
  ["a delivery's record before the handshake", encodeJsonRecord(RecordType.delta, 1, 0, "x")],
])("%s closes the link and the exchange goes on", async (_name, bytes) => {
  const { code } = await say(bytes);
  expect(code).toBe(4403);
  expect((await fetch(`${world.url}/healthz`)).status).toBe(200);
});

/** A door before the exchange that keeps back what an agent sends after its hello, until told. */
async function holdingDoor(): Promise<{ url: string; held: Promise<void>; release(): void }> {
  let release = () => {};
  let tellHeld = () => {};
  const held = new Promise<void>((resolve) => {
    tellHeld = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const door = createServer((client) => {
    const exchange = connect(Number(new URL(world.url).port), "127.0.0.1");
    exchange.pipe(client);
    exchange.on("close", () => client.destroy());
    for (const socket of [client, exchange]) socket.on("error", () => {});
    let parts = 0;
    client.on("data", async (part) => {
      parts += 1;
      // The upgrade, the hello, then the proof of the key.
      if (parts === 3) {
        tellHeld();
        await released;
      }
      exchange.write(part);
    });
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  const { port } = door.address() as AddressInfo;
  door.unref();
  return { url: `ws://127.0.0.1:${port}`, held, release };
}

test("malformed upgrades do not use up the room for handshakes", async () => {
  for (let tries = 0; tries < 250; tries += 1) {
    await malformedUpgrade();
  }
  const linked = await link("node-d", await world.joinToken(account));
  linked.socket.close();
});

function malformedUpgrade(): Promise<void> {
  const socket = connect(Number(new URL(world.url).port), "127.0.0.1");
  socket.write(
    "GET /link/v1 HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: short\r\n\r\n",
  );
  socket.resume();
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

test("an agent amid its handshake does not hold up the stop of the exchange", async () => {
  const door = await holdingDoor();
  const nodeDir = join(dir, "node-e");
  const joinToken = await world.joinToken(account);
  const linking = openLink(
    { exchangeUrl: door.url, nodeName: "node-e", joinToken, build: "test" },
    { identity: loadIdentity(nodeDir), pin: loadExchangePin(nodeDir, joinToken) },
  ).catch((error: Error) => error);
  await door.held;
  const closed = world.close();
  door.release();
  await closed;
  expect(await linking).toBeInstanceOf(Error);
});
