/** A delivery's side of the market: its reservation, its change of supplier, its one end. */
import { setTimeout as pause } from "node:timers/promises";
import type { Command, CommandType, Reservation } from "#exchange/core/commands.ts";
import type { Outcome, Shell, Submitted } from "#exchange/shell.ts";

/** An end that the shell was too busy to take is told again; it must not be lost. */
const END_TRIES_MAX = 400;
const END_RETRY_MS = 25;

/** A reservation with the commit sequence number at which it was made. */
export interface Reserved {
  reservation: Reservation;
  seq: number;
}

export type Booked =
  | { ok: true; reserved: Reserved; released: Promise<void> }
  | { ok: false; code: Refused["code"]; message: string; released: Promise<void> };
type Refused = Extract<Outcome<"reserve-delivery">, { ok: false }>["rejection"];

export type ReserveFacts = Omit<Command<"reserve-delivery">, "type">;
export type SettleFacts = Omit<Command<"settle-delivery">, "type" | "delivery" | "attempt">;

export type ReleaseFacts = Omit<Command<"release-delivery">, "type" | "delivery" | "attempt">;

/** Tokens set aside for one delivery; every call is about the attempt that runs. */
export class Booking {
  readonly #shell: Shell;

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  reserve(facts: ReserveFacts): Booked {
    return booked(this.#shell.submit({ type: "reserve-delivery", ...facts }));
  }

  /** Another supplier after a failure before the first byte. */
  retry({ reservation }: Reserved, cause: string): Booked {
    const { delivery, attempt } = reservation;
    return booked(this.#shell.submit({ type: "retry-delivery", delivery, attempt, cause }));
  }

  /** Pays for what was metered; false when the reservation is gone. Resolves when it is durable. */
  async settle({ reservation }: Reserved, facts: SettleFacts): Promise<boolean> {
    const { delivery, attempt } = reservation;
    const settled = await this.#insist({ type: "settle-delivery", delivery, attempt, ...facts });
    return settled.ok;
  }

  /** Gives everything back. Resolves when it is durable. */
  async release({ reservation }: Reserved, why: ReleaseFacts): Promise<void> {
    const { delivery, attempt } = reservation;
    await this.#insist({ type: "release-delivery", delivery, attempt, ...why });
  }

  async #insist<T extends CommandType>(command: Command<T>): Promise<Outcome<T>> {
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.#shell.execute(command);
      const busy = !outcome.ok && outcome.rejection.code === "overloaded";
      if (!busy || tries === END_TRIES_MAX) return outcome;
      await pause(END_RETRY_MS);
    }
  }
}

function booked(submitted: Submitted<"reserve-delivery"> | Submitted<"retry-delivery">): Booked {
  const { outcome, released } = submitted;
  if (!outcome.ok) {
    const { code, message } = outcome.rejection;
    return { ok: false, code, message, released };
  }
  return { ok: true, reserved: { reservation: outcome.result, seq: outcome.seq }, released };
}
