/**
 * A buyer of inference, with the part of the exchange that serves it: reserve, wait for a supplier,
 * settle, move on or give back. The buyer is told what it paid only once that is durable.
 */
import type { Command } from "#exchange/core/commands.ts";
import type { Outcome } from "#exchange/shell.ts";
import type { ExchangeLife } from "#simulation/exchange-life.ts";
import { SYMBOLS } from "#simulation/settings.ts";
import type { World } from "#simulation/world.ts";
import type { KeyRing } from "./keys.ts";

const ATTEMPTS_MAX = 3;

interface Told {
  requestId: string;
  costMicros: string;
}

/** Sends requests until the world ends, one every `pauseMsMax` / 2 on average. */
export async function startBuyer(
  world: World,
  account: number,
  { name, pauseMsMax, keys }: { name: string; pauseMsMax: number; keys: KeyRing },
): Promise<void> {
  const random = world.random.fork();
  const told: Told[] = [];
  world.lastQuestions.push(() => askForDeliveries(world, account, told));
  let requests = 0;
  while (!world.isEnding) {
    await world.scheduler.wait(random.between(500, pauseMsMax));
    const { life } = world;
    if (life?.isOpen !== true) continue;
    requests += 1;
    const requestId = `${name}-${requests}`;
    const stolen = random.oneIn(20) ? keys.stolen(random) : null;
    const keyId = stolen ?? keys.current;
    const work = new Request(world, life, { account, requestId, keyId }).serve(stolen !== null);
    // Several are under way at once, each with its own fate.
    work.then(
      (costMicros) => costMicros !== null && told.push({ requestId, costMicros }),
      (error: Error) => world.oracle.breach(`${error.stack}`),
    );
    if (random.oneIn(2)) await Promise.race([work, life.died]);
  }
}

/** What the buyer was told it paid is in history, once, with the same figure. */
function askForDeliveries(world: World, account: number, told: readonly Told[]): void {
  for (const { requestId, costMicros } of told) {
    const record = world.life?.history?.deliveryByRequestId(account, requestId);
    if (record?.status !== "settled" || String(record.costMicros) !== costMicros) {
      world.oracle.breach(
        `request ${requestId} was answered at ${costMicros}, history has ${record?.status} at ${record?.costMicros}`,
      );
    }
  }
}

interface Identity {
  account: number;
  requestId: string;
  keyId: string;
}

/** Why attempts fail here: some like a crash, some not. */
const CAUSES = ["link-lost", "backend-failed", "timeout", "no-accept"] as const;
const SPELL_MS = 240_000;

/** Now and then a supplier fails nearly everything for some minutes, the same in each run of a seed. */
function isOutOfOrder(supplier: number, nowMs: number): boolean {
  return (Math.floor(nowMs / SPELL_MS) + 3 * supplier) % 9 === 0;
}

/** One request inside one life of the exchange; it ends with the process. */
class Request {
  readonly #world: World;
  readonly #life: ExchangeLife;
  readonly #identity: Identity;
  readonly #random;

  constructor(world: World, life: ExchangeLife, identity: Identity) {
    this.#world = world;
    this.#life = life;
    this.#identity = identity;
    this.#random = world.random.fork();
  }

  /** What it cost, as the buyer was told; null when it got nothing. */
  async serve(isKeyRevoked: boolean): Promise<string | null> {
    const random = this.#random;
    const promptTokens = random.between(1, 4_000);
    const reserved = await this.#life.execute({
      type: "reserve-delivery",
      ...this.#identity,
      symbol: random.pick(SYMBOLS),
      promptTokens,
      maxOutputTokens: random.oneIn(4) ? null : random.between(1, 30_000),
      choices: random.oneIn(8) ? 2 : 1,
    });
    if (isKeyRevoked) this.#expectRefusal(reserved);
    if (!reserved.ok) return null;
    const { delivery } = reserved.result;
    let { attempt, maxOutputTokens, supplier } = reserved.result;
    for (;;) {
      const { scheduler } = this.#world;
      await scheduler.wait(random.between(20, random.oneIn(6) ? 30_000 : 2_000));
      const isFailing = isOutOfOrder(supplier, scheduler.nowMs) && !random.oneIn(5);
      const what = isFailing ? 0 : random.below(20);
      if (what < 3 && attempt <= ATTEMPTS_MAX) {
        this.#world.tally.hit("attempt failed before its first byte");
        const retried = await this.#life.execute({
          type: "retry-delivery",
          delivery,
          attempt,
          cause: random.pick(CAUSES),
        });
        if (retried.ok) {
          this.#staleSettle(delivery, attempt);
          ({ attempt, maxOutputTokens, supplier } = retried.result);
          continue;
        }
        await this.#release(delivery, attempt, "failed");
        return null;
      }
      if (what === 3) {
        this.#world.tally.hit("attempt failed after it");
        await this.#release(delivery, attempt, "failed");
        return null;
      }
      if (what === 4) {
        this.#world.tally.hit("buyer gone in the middle");
        await this.#release(delivery, attempt, "excused");
        return null;
      }
      if (what === 5) {
        // Nobody ever ends it: its time runs out by itself.
        this.#world.tally.hit("delivery never ended");
        return null;
      }
      return this.#settle({ delivery, attempt, promptTokens, maxOutputTokens });
    }
  }

  #expectRefusal(reserved: Outcome<"reserve-delivery">): void {
    const { keyId } = this.#identity;
    if (reserved.ok) this.#world.oracle.breach(`key ${keyId} is revoked, and reserved`);
    else if (reserved.rejection.code === "key-not-found") {
      this.#world.tally.saw("revoked key refused");
    }
  }

  async #settle(served: {
    delivery: number;
    attempt: number;
    promptTokens: number;
    maxOutputTokens: number;
  }): Promise<string | null> {
    const random = this.#random;
    const isGreedy = random.oneIn(15);
    if (isGreedy) this.#world.tally.hit("more metered than reserved");
    const completionTokens = isGreedy
      ? 10 * served.maxOutputTokens + 100_000
      : random.oneIn(4)
        ? served.maxOutputTokens
        : random.between(0, served.maxOutputTokens);
    const command = settleCommand({ ...served, completionTokens });
    const settled = await this.#life.execute(command);
    if (random.oneIn(8)) {
      this.#world.tally.hit("delivery settled twice");
      const again = await this.#life.execute(command);
      if (settled.ok && again.ok) {
        this.#world.oracle.breach(`delivery ${served.delivery} was settled twice`);
      }
    }
    return settled.ok ? settled.result.costMicros : null;
  }

  /** A supplier that was given up answers after all. */
  #staleSettle(delivery: number, attempt: number): void {
    if (!this.#random.oneIn(3)) return;
    this.#world.tally.hit("attempt that is over settled");
    const command = settleCommand({ delivery, attempt, promptTokens: 5, completionTokens: 5 });
    this.#life.execute(command).then(
      ({ ok }) =>
        ok && this.#world.oracle.breach(`attempt ${attempt} of ${delivery} was over, and was paid`),
      () => {},
    );
  }

  async #release(delivery: number, attempt: number, verdict: "failed" | "excused"): Promise<void> {
    await this.#life.execute({
      type: "release-delivery",
      delivery,
      attempt,
      verdict,
      cause: "test",
      completionTokens: 0,
    });
  }
}

function settleCommand(
  served: Pick<
    Command<"settle-delivery">,
    "delivery" | "attempt" | "promptTokens" | "completionTokens"
  >,
): Command<"settle-delivery"> {
  const { delivery, attempt, promptTokens, completionTokens } = served;
  return {
    type: "settle-delivery",
    delivery,
    attempt,
    promptTokens,
    completionTokens,
    firstTokenMs: 10,
    durationMs: 100,
    measured: { firstTokenMs: null, tokensPerSecond: null },
    reportedTokens: null,
    outputSha256: null,
    finishReason: "stop",
    cause: "done",
  };
}
