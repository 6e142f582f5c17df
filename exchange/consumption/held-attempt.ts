/**
 * One attempt whose output is held until what it rests on is durable: sent at once, so that the
 * supplier works while the journal syncs, and heard in order afterwards.
 */
import { StringDecoder } from "node:string_decoder";
import type { DeliveryEnd } from "#protocol/link-messages.ts";
import type {
  Attempt,
  AttemptClock,
  AttemptError,
  AttemptRequest,
  Dispatcher,
} from "./delivery-port.ts";
import { holdsText } from "./supplier-output.ts";

/** What comes of an attempt; `bytes` is what counts against the supplier's credit. */
export interface HeldOutput {
  /** Whole characters of choice 0; may be empty. */
  text(text: string, bytes: number): void;
  event(json: string, bytes: number): void;
  body(part: Buffer): void;
  ended(end: DeliveryEnd, clock: AttemptClock): void;
  failed(error: AttemptError, clock: AttemptClock): void;
}

/** Dispatches at once and calls `on` from when `released` resolved, never during this call; after a cancel never. */
export function dispatchHeld(
  request: AttemptRequest,
  on: HeldOutput,
  { dispatcher, released }: { dispatcher: Dispatcher; released: Promise<void> },
): Attempt {
  let held: (() => void)[] | null = [];
  let cancelled = false;
  const decoder = new StringDecoder("utf8");
  const later = (act: () => void) => {
    if (held !== null) held.push(act);
    else if (!cancelled) act();
  };
  const attempt = dispatcher.dispatch(request, {
    onDelta(payload) {
      const text = decoder.write(payload);
      const { length } = payload;
      // The one that comes for every token makes no closure.
      if (held !== null) held.push(() => on.text(text, length));
      else if (!cancelled) on.text(text, length);
    },
    holdsOutput: (payload) => holdsText(payload.toString("utf8")),
    onEvent(payload) {
      const json = payload.toString("utf8");
      const { length } = payload;
      later(() => on.event(json, length));
    },
    onBody(payload) {
      const part = Buffer.from(payload);
      later(() => on.body(part));
    },
    onEnd: (end, clock) => later(() => on.ended(end, clock)),
    onError(error, clock) {
      // Nothing of it has left yet, so the failure can stay unseen.
      if (held !== null) held = [];
      later(() => on.failed(error, clock));
    },
  });
  void released.then(() => {
    const acts = held ?? [];
    held = null;
    for (const act of acts) if (!cancelled) act();
  });
  return {
    cancel(reason) {
      cancelled = true;
      attempt.cancel(reason);
    },
    grant: (bytes) => attempt.grant(bytes),
    clock: () => attempt.clock(),
  };
}
