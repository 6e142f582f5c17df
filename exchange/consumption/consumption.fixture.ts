/**
 * The consumption API on a real socket over a real core, for tests: the shell holds back what the
 * test has not released, and the suppliers do what the test says.
 */
import { createHash } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI from "openai";
import { pino } from "pino";
import { createApiKey } from "#exchange/api-key.ts";
import { systemClock } from "#exchange/clock.ts";
import { createTestMarket, DOLLAR, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";
import type { Outcome, Shell } from "#exchange/shell.ts";
import type {
  Attempt,
  AttemptClock,
  AttemptError,
  AttemptHandlers,
  AttemptRequest,
  Dispatcher,
} from "./delivery-port.ts";
import { DEFAULT_TIMEOUTS, type DeliveryTimeouts } from "./delivery-time.ts";
import { createConsumption } from "./handler.ts";
import type { KeyLimits } from "./limits.ts";

/** One attempt as the supplier sees it. */
export class FakeAttempt implements Attempt {
  readonly request: AttemptRequest;
  readonly #handlers: AttemptHandlers;
  cancelled: string | null = null;
  grantedBytes = 0;
  sentBytes = 0;
  /** As the exchange took them; a test sets what it is about. */
  times: AttemptClock = {
    dispatchedMs: 0,
    acceptedMs: 0,
    firstOutputMs: 0,
    lastOutputMs: 0,
    rttMs: null,
  };

  constructor(request: AttemptRequest, handlers: AttemptHandlers) {
    this.request = request;
    this.#handlers = handlers;
  }

  clock(): AttemptClock {
    return this.times;
  }

  cancel(reason: string): void {
    this.cancelled = reason;
  }

  grant(bytes: number): void {
    this.grantedBytes += bytes;
  }

  /** Sends text of choice 0. Payloads are overwritten afterwards, as the link's buffers are. */
  text(...texts: (string | Buffer)[]): this {
    for (const text of texts) this.#send(text, (payload) => this.#handlers.onDelta(payload, 1));
    return this;
  }

  chunk(choices: unknown): this {
    return this.raw(JSON.stringify({ id: "theirs", model: "secret", choices, usage: { a: 1 } }));
  }

  raw(json: string): this {
    this.#send(json, (payload) => this.#handlers.onEvent(payload));
    return this;
  }

  answer(value: unknown): this {
    const json = typeof value === "string" ? value : JSON.stringify(value);
    const middle = json.length >> 1;
    this.#send(json.slice(0, middle), (payload) => this.#handlers.onBody(payload, false));
    this.#send(json.slice(middle), (payload) => this.#handlers.onBody(payload, true));
    return this;
  }

  end(finishReason: string | null = "stop"): void {
    if (this.cancelled !== null) return;
    this.#handlers.onEnd(
      {
        finishReason,
        reportedPromptTokens: 1_000,
        reportedCompletionTokens: 1_000_000,
        outputBytes: this.sentBytes,
        outputSha256: createHash("sha256").digest("hex"),
      },
      this.times,
    );
  }

  fail(error: Partial<AttemptError> = {}): void {
    if (this.cancelled !== null) return;
    this.#handlers.onError(
      { code: "backend-failed", message: "it broke", status: 500, ...error },
      this.times,
    );
  }

  #send(bytes: string | Buffer, tell: (payload: Buffer) => void): void {
    if (this.cancelled !== null) return;
    const payload = Buffer.from(bytes);
    this.sentBytes += payload.length;
    tell(payload);
    payload.fill(0);
  }
}

export interface WorldOptions {
  /** Whether the exchange itself is too slow to judge anybody. */
  exchangeIsSlow?: boolean;
  /** Whether what the core decides is durable at once. */
  released?: boolean;
  limits?: KeyLimits;
  timeouts?: Partial<DeliveryTimeouts>;
  openDeliveriesMax?: number;
  bodiesBytesMax?: number;
  /** Names of suppliers, the cheapest first; each asks one cent more than the one before. */
  suppliers?: string[];
  micros?: bigint;
}

export type TestConsumption = Awaited<ReturnType<typeof startConsumption>>;

/** Starts the API with a buyer in Auto Mode and his key. */
export async function startConsumption(options: WorldOptions = {}) {
  const market = createTestMarket();
  const suppliers = (options.suppliers ?? ["sam"]).map((name, index) => {
    const { account } = market.supplier(name);
    market.ask(account, DOLLAR + index * 100, 10 * UNIT);
    return account;
  });
  const buyer = market.account("ann", options.micros ?? 10_000_000n);
  const { key, keyId, hash } = createApiKey("test");
  market.run({ type: "add-api-key", account: buyer, keyId, secretHash: hash, label: "" });

  let open = options.released ?? true;
  let overloaded = 0;
  let waiting: (() => void)[] = [];
  const released = () =>
    open ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve));
  const shell: Shell = {
    state: market.state,
    submit(command) {
      if (overloaded > 0) {
        overloaded -= 1;
        const rejection = { code: "overloaded" as const, message: "busy" };
        return { outcome: { ok: false, rejection, seq: 0 }, released: Promise.resolve() };
      }
      const executed = market.tryTo(command);
      const { seq } = market.state;
      const outcome = executed.ok
        ? { ok: true, result: executed.result, seq }
        : { ok: false, rejection: executed.rejection, seq };
      return { outcome: outcome as Outcome<never>, released: released() };
    },
    async execute(command) {
      const submitted = shell.submit(command);
      await submitted.released;
      return submitted.outcome;
    },
    async read(view) {
      const shown = view(market.state);
      await released();
      return shown;
    },
    subscribe: () => () => {},
    stopTrading: () => {},
    stoppedBecause: null,
    close: async () => {},
  };

  const attempts: FakeAttempt[] = [];
  const dispatcher: Dispatcher = {
    dispatch(request, handlers) {
      const attempt = new FakeAttempt(request, handlers);
      attempts.push(attempt);
      return attempt;
    },
  };
  const consumption = createConsumption(
    {
      ...(options.limits && { limits: options.limits }),
      ...(options.openDeliveriesMax && { openDeliveriesMax: options.openDeliveriesMax }),
      ...(options.bodiesBytesMax && { bodiesBytesMax: options.bodiesBytesMax }),
    },
    {
      shell,
      dispatcher,
      clock: systemClock,
      load: { lateMs: () => 0, isSlow: () => options.exchangeIsSlow ?? false },
      log: pino({ level: "silent" }),
      timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    },
  );
  const server = http.createServer((request, response) => {
    if (consumption.handle(request, response)) return;
    response.writeHead(404);
    response.end("not ours");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    market,
    buyer,
    suppliers,
    keyId,
    key,
    url,
    consumption,
    attempts,
    sdk: new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 }),
    /** The attempt of that number, once it was dispatched. */
    async attempt(number = 1): Promise<FakeAttempt> {
      await until(() => attempts.length >= number, `attempt ${number} was dispatched`);
      return attempts[number - 1] as FakeAttempt;
    },
    /** Everything decided so far, and from now on, is durable. */
    release() {
      open = true;
      const resolved = waiting;
      waiting = [];
      for (const resolve of resolved) resolve();
    },
    /** The next commands find the shell full. */
    overload(commands: number) {
      overloaded = commands;
    },
    post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
      return fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, ...headers },
        body,
      });
    },
    /** What suppliers were paid, in micro-dollars. */
    paid: () => suppliers.map((account) => market.balance(`${account}:pending`)),
    last: <T extends string>(type: T) => market.events.findLast((event) => event.type === type),
    /** Resolves when no delivery is open any more. */
    idle: () => until(() => market.state.deliveries.size === 0, "all deliveries ended"),
    async close() {
      await consumption.drain(0);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const ask = {
  model: SYMBOL,
  messages: [{ role: "user" as const, content: "hello" }],
};

/** Waits for a condition; fails with its name after five seconds. */
export async function until(condition: () => boolean, name: string): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain until ${name}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
