/** The link's server over a real core on a real socket, its agents, and attempts at deliveries. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { systemClock } from "#exchange/clock.ts";
import { createTestMarket, SYMBOL } from "#exchange/core/core.fixture.ts";
import type { Outcome, Shell } from "#exchange/shell.ts";
import { createIdentity, createJoinToken, secretHash } from "#protocol/signing.ts";
import type {
  Attempt,
  AttemptClock,
  AttemptError,
  AttemptRequest,
  SupplierRegistry,
} from "./dispatcher.ts";
import type { IntegrityEvent } from "./integrity.ts";
import { createLinkServer, type LinkServerOptions } from "./link-server.ts";
import { eventually, ScriptedAgent } from "./scripted-agent.fixture.ts";

export { eventually, type ScriptedAgent } from "./scripted-agent.fixture.ts";

export type TestLink = Awaited<ReturnType<typeof startLink>>;

export async function startLink(options: LinkServerOptions = {}) {
  const market = createTestMarket();
  const shell: Shell = {
    state: market.state,
    submit(command) {
      const executed = market.tryTo(command);
      const outcome = executed.ok
        ? { ok: true, result: executed.result, seq: market.state.seq }
        : { ok: false, rejection: executed.rejection, seq: market.state.seq };
      return { outcome: outcome as Outcome<never>, released: Promise.resolve() };
    },
    execute: async (command) => shell.submit(command).outcome,
    read: async (view) => view(market.state),
    subscribe: () => () => {},
    stopTrading: () => {},
    stoppedBecause: null,
    close: async () => {},
  };
  const exchangeIdentity = createIdentity();
  const integrity: IntegrityEvent[] = [];
  const links = createLinkServer({
    shell,
    identity: exchangeIdentity,
    clock: systemClock,
    log: pino({ level: "silent" }),
    onIntegrity: (event) => integrity.push(event),
    ...options,
  });
  const server = http.createServer();
  server.on("upgrade", (request, socket, head) => links.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/link/v1`;
  const agents: ScriptedAgent[] = [];

  /** An account with a join token for one node. */
  function supplier(name: string): { account: number; joinToken: string } {
    const account = market.account(name, 0n, "advanced");
    market.deposit(account, 100_000_000n, "bond");
    const joinToken = createJoinToken(exchangeIdentity.publicKey);
    const command = { type: "create-join-token" as const, account, nodesMax: 1 };
    const expiresAtMs = Date.now() + 3_600_000_000_000;
    market.run({ ...command, tokenHash: secretHash(joinToken), expiresAtMs });
    return { account, joinToken };
  }

  return {
    market,
    links,
    registry: links.registry,
    integrity,
    url,
    supplier,
    /** Kinds of what was told so far. */
    kinds: () => integrity.map(({ kind }) => kind),
    /** A linked agent of a supplier of its own, with so many slots. */
    async agent(name: string, slots = 8): Promise<ScriptedAgent> {
      const { account, joinToken } = supplier(name);
      const agent = new ScriptedAgent(url, { account, joinToken });
      agents.push(agent);
      await agent.dial();
      await agent.attach();
      agent.say({
        type: "supply",
        slots,
        instruments: [
          {
            symbol: SYMBOL,
            capacityTokensPerWindow: 1_000_000_000,
            measurement: { requests: 1, errors: 0, firstTokenMsP50: 1, tokensPerSecondP50: 100 },
          },
        ],
      });
      await eventually(
        "the supply",
        () => links.registry.sessionsOf(account)[0]?.supply ?? undefined,
      );
      return agent;
    },
    dispatch: (agent: ScriptedAgent, fields: Partial<AttemptRequest> = {}) =>
      new TestAttempt(links.registry, { supplier: agent.account, ...fields }),
    async close() {
      for (const agent of agents) agent.cut();
      links.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let attempts = 0;

/** One attempt as whoever dispatched it sees it. */
export class TestAttempt {
  readonly attemptId: string;
  readonly attempt: Attempt;
  text = "";
  ends = 0;
  error: AttemptError | null = null;
  clock: AttemptClock | null = null;

  constructor(registry: SupplierRegistry, fields: Partial<AttemptRequest>) {
    attempts += 1;
    this.attemptId = `attempt-${attempts}`;
    const take = (payload: Buffer) => {
      this.text += payload.toString("latin1");
      this.attempt.grant(payload.length);
    };
    this.attempt = registry.dispatch(
      {
        supplier: 0,
        symbol: SYMBOL,
        attemptId: this.attemptId,
        streamed: true,
        maxOutputTokens: 100,
        body: Buffer.from("{}"),
        firstTokenTimeoutMs: 5_000,
        ...fields,
      },
      {
        onDelta: take,
        onEvent: take,
        onBody: take,
        onEnd: (_end, clock) => {
          this.ends += 1;
          this.clock = clock;
        },
        onError: (error, clock) => {
          this.ends += 1;
          this.error = error;
          this.clock = clock;
        },
      },
    );
  }

  /** Waits for the one end; resolves with the error's code, or "served". */
  ended(): Promise<string> {
    return eventually(`the end of ${this.attemptId}`, () =>
      this.ends > 0 ? (this.error?.code ?? "served") : undefined,
    );
  }
}
