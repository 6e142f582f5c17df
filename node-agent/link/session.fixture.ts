/** The agent's session against a scripted exchange, over real sockets: what came of it, and further sockets for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadExchangePin, loadIdentity } from "#agent/identity.ts";
import type { Hello } from "#protocol/link-channel.ts";
import type { Fill } from "#protocol/link-messages.ts";
import { encodeRecord, type LinkRecord, RecordType } from "#protocol/link-records.ts";
import type { AgentChannel } from "./channel.ts";
import { openLink } from "./handshake.ts";
import {
  eventually,
  type ScriptedLink,
  startScriptedExchange,
} from "./scripted-exchange.fixture.ts";
import { AgentSession } from "./session.ts";

export type SessionTest = Awaited<ReturnType<typeof startSessionTest>>;

/** Starts an exchange; `linked` opens the session. */
export async function startSessionTest() {
  const dir = mkdtempSync(join(tmpdir(), "gridspot-session-"));
  const exchange = await startScriptedExchange();

  const dial = (session?: Hello["session"]) =>
    openLink(
      {
        exchangeUrl: exchange.url,
        nodeName: "node",
        joinToken: exchange.joinToken,
        build: "test",
        session,
      },
      { identity: loadIdentity(dir), pin: loadExchangePin(dir, exchange.joinToken) },
    );

  const seen = {
    exchange,
    fills: [] as Fill[],
    taken: [] as LinkRecord[],
    cancelled: [] as string[],
    /** What the agent says it runs. */
    running: [] as string[],
    async linked(): Promise<{ session: AgentSession; link: ScriptedLink }> {
      const open = await dial();
      const session = new AgentSession(open.welcome, {
        onRecord: (record) => seen.taken.push(record),
        onFill: (fill) => seen.fills.push(fill),
        onGoAway() {},
        onResumed() {},
        onCancel: (attemptIds) => seen.cancelled.push(...attemptIds),
        onClose() {},
        activeDeliveries: () => 3,
        runningAttempts: () => seen.running,
      });
      session.join(open);
      const link = await exchange.link(0);
      await eventually("the session", () => session.isLinked || undefined);
      return { session, link };
    },
    /** Opens a further socket for the session and has it joined. */
    async another(session: AgentSession): Promise<AgentChannel> {
      const { sessionId: id, epoch } = session.welcome;
      return session.join(await dial({ id, epoch, onlyThis: true }));
    },
    async close() {
      await exchange.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return seen;
}

export const delta = (sequence: number, bytes = 10, stream = 1) =>
  encodeRecord(RecordType.delta, stream, sequence, Buffer.alloc(bytes, 97), { count: 1 });
