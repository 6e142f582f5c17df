/**
 * The way between a client and the exchange: requests arrive late, twice or not at all, answers get
 * lost. A client that hears nothing does not know what became of its request, as in life; and some look
 * at the market before they hear.
 */
import type { Command, CommandType } from "#exchange/core/commands.ts";
import type { CoreState } from "#exchange/core/state.ts";
import type { Outcome } from "#exchange/shell.ts";
import { marketView } from "./market-view.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

const CLIENT_TIMEOUT_MS = 5_000;
const RETRY_AFTER_MS: readonly [number, number] = [300, 4_000];
/** A client gives up well before its id is forgotten. */
const RETRY_FOR_MS = 120_000;

export class Network {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Sends a command once; null when no answer came. */
  call<T extends CommandType>(command: Command<T>): Promise<Outcome<T> | null> {
    const { scheduler, tally } = this.#world;
    const random = this.#random;
    const isDelayed = random.oneIn(60);
    const isTwice = random.oneIn(60);
    const isAnswerLost = random.oneIn(60);
    if (isDelayed) tally.hit("request delayed");
    return new Promise((resolve) => {
      scheduler.after(CLIENT_TIMEOUT_MS, () => resolve(null));
      const deliver = (isHeard: boolean) => {
        const { life } = this.#world;
        if (life === null || !life.isOpen) {
          tally.hit("exchange unreachable");
          scheduler.after(random.between(1, 20), () => resolve(null));
          return;
        }
        life.execute(command).then(
          (outcome) => {
            if (isHeard) scheduler.after(random.between(1, 20), () => resolve(outcome));
            else tally.hit("answer lost");
          },
          // The process is ending; nobody answers.
          () => {},
        );
        // Somebody looks while the answer is on its way to the disk.
        if (random.oneIn(4)) life.look(marketView).catch(() => {});
      };
      const arrivesInMs = isDelayed ? random.between(1_000, 8_000) : random.between(1, 20);
      scheduler.after(arrivesInMs, () => deliver(!isAnswerLost));
      if (!isTwice) return;
      tally.hit("request sent twice");
      scheduler.after(arrivesInMs + random.between(1, 3_000), () => deliver(true));
    });
  }

  /** Sends a command that names itself until it is answered; null after `RETRY_FOR_MS`. */
  async insist<T extends CommandType>(command: Command<T>): Promise<Outcome<T> | null> {
    const { scheduler } = this.#world;
    const untilMs = scheduler.nowMs + RETRY_FOR_MS;
    while (scheduler.nowMs < untilMs) {
      const outcome = await this.call(command);
      if (outcome !== null && (outcome.ok || outcome.rejection.code !== "overloaded")) {
        return outcome;
      }
      await scheduler.wait(this.#random.between(...RETRY_AFTER_MS));
    }
    return null;
  }

  /** Reads until an answer comes. */
  async read<T>(view: (state: CoreState) => T): Promise<T> {
    for (;;) {
      const { life, scheduler } = this.#world;
      if (life?.isOpen === true) {
        const answer = await Promise.race([life.read(view), life.died.then(() => null)]);
        if (answer !== null) return answer.shown;
      }
      await scheduler.wait(this.#random.between(...RETRY_AFTER_MS));
    }
  }
}
