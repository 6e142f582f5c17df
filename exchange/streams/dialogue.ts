/**
 * What a client may say, and what it is answered: join, sign in, subscribe, beat. Frames are taken one
 * after another; every byte that comes is hostile input.
 */
import type { Clock } from "#exchange/clock.ts";
import { shown } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import type { Connection } from "./connection.ts";
import {
  eventBytes,
  type Frame,
  PHOENIX_TOPIC,
  readFrame,
  replyBytes,
  TRADING_TOPIC,
} from "./frames.ts";
import type { StreamLimits } from "./limits.ts";
import { checkSignIn } from "./sign-in.ts";
import type { StreamFeeds } from "./stream-feeds.ts";
import { keyOf, openStream, readWish, type StreamWish } from "./streams.ts";

/** Longest `request_id`, which is sent back. */
const REQUEST_ID_CHARACTERS_MAX = 100;

export interface DialogueDependencies {
  shell: Shell;
  feeds: StreamFeeds;
  clock: Clock;
  limits: StreamLimits;
  /** Whether that address may try another signature now. */
  mayTry(address: string): boolean;
  onForged(address: string): void;
  /** Counts a connection as the account's; false when it has too many. */
  claim(connection: Connection, account: number): boolean;
}

type Words = "unauthorized" | "invalid_signature" | "invalid_payload";

export class Dialogue {
  readonly #connection: Connection;
  readonly #dependencies: DialogueDependencies;
  #hasJoined = false;
  #badFrames = 0;

  constructor(connection: Connection, dependencies: DialogueDependencies) {
    this.#connection = connection;
    this.#dependencies = dependencies;
  }

  /** Takes one frame; resolves when it is answered. */
  async take(text: string): Promise<void> {
    const read = readFrame(text);
    if (!read.ok) this.#refuseFrame(read.message, read.ref);
    else await this.#answer(read.frame);
  }

  async #answer(frame: Frame): Promise<void> {
    const { topic, event } = frame;
    if (topic === PHOENIX_TOPIC && event === "heartbeat") this.#reply(frame, {});
    else if (topic !== TRADING_TOPIC) {
      const expected = `"${TRADING_TOPIC}", or "${PHOENIX_TOPIC}" for a heartbeat`;
      this.#refuseFrame(`topic is ${shown(topic)}, expected ${expected}`, frame.ref, topic);
    } else if (event === "phx_join") {
      this.#hasJoined = true;
      this.#reply(frame, {});
    } else if (!this.#hasJoined) {
      this.#refuse(frame, "invalid_payload", `send phx_join on "${TRADING_TOPIC}" first`);
    } else if (event === "phx_leave") this.#leave(frame);
    else if (event === "authenticate") await this.#signIn(frame);
    else if (event === "subscribe") this.#subscribe(frame);
    else if (event === "unsubscribe") this.#unsubscribe(frame);
    else {
      const expected = "phx_join, authenticate, subscribe, unsubscribe or phx_leave";
      this.#refuseFrame(`event is ${shown(event)}, expected ${expected}`, frame.ref, topic);
    }
  }

  #leave(frame: Frame): void {
    this.#hasJoined = false;
    for (const key of [...this.#connection.subscriptions.keys()]) this.#connection.drop(key);
    this.#reply(frame, {});
  }

  async #signIn(frame: Frame): Promise<void> {
    const { shell, clock, mayTry, onForged, claim } = this.#dependencies;
    const connection = this.#connection;
    if (!mayTry(connection.address)) {
      connection.close("rate_exceeded", "too many failed signatures from this address");
      return;
    }
    // Nothing may be told that rests on a key which is not durable yet.
    const checked = await shell.read((state) => checkSignIn(state, frame.payload, clock.nowMs()));
    if (!checked.ok) {
      if (checked.reason === "invalid_signature") onForged(connection.address);
      this.#refuse(frame, checked.reason, checked.message, checked.code);
      return;
    }
    const { account, fingerprint } = checked.key;
    if (connection.account !== null && connection.account !== account) {
      const message = "this connection is another account's already; open a second one";
      this.#refuse(frame, "unauthorized", message);
      return;
    }
    // Revoked while the answer waited for the disk.
    if (!shell.state.signingKeys.has(fingerprint)) {
      this.#refuse(frame, "invalid_signature", "the key was revoked");
      return;
    }
    if (connection.account === null && !claim(connection, account)) {
      const { connectionsPerAccountMax } = this.#dependencies.limits;
      const message = `the account has ${connectionsPerAccountMax} connections; close one`;
      this.#refuse(frame, "unauthorized", message, "TOO_MANY_CONNECTIONS");
      connection.close("too_many_connections", message);
      return;
    }
    connection.account = account;
    connection.fingerprint = fingerprint;
    this.#reply(frame, {});
  }

  #subscribe(frame: Frame): void {
    const streams = this.#streamsOf(frame);
    if (streams === null) return;
    const connection = this.#connection;
    const { feeds, limits } = this.#dependencies;
    const wishes = streams.map((entry) => readWish(feeds, entry));
    if (
      connection.account === null &&
      wishes.some(({ ...read }) => read.ok && isPrivate(read.wish))
    ) {
      this.#refuse(frame, "unauthorized", "user streams need an authenticate first");
      return;
    }
    const starts: (() => void)[] = [];
    const keys = new Set(connection.subscriptions.keys());
    const acknowledged = wishes.map((read, at) => {
      const named = namedAs(streams[at]);
      if (!read.ok) {
        return { ...named, subscribed: false, reason: read.reason, message: read.message };
      }
      const key = keyOf(read.wish);
      keys.add(key);
      const { subscriptionsPerConnectionMax: max } = limits;
      if (keys.size > max) {
        keys.delete(key);
        const message = `a connection has at most ${max} subscriptions; open another one`;
        return { ...named, subscribed: false, reason: "subscription_limit", message };
      }
      const { resumed, start } = openStream(feeds, connection, read.wish);
      starts.push(() => {
        connection.drop(key);
        if (!connection.isOver) connection.subscriptions.set(key, start());
      });
      return { ...named, subscribed: true, ...(resumed === null ? {} : { resumed }) };
    });
    this.#acknowledge(frame, acknowledged);
    for (const start of starts) start();
  }

  #unsubscribe(frame: Frame): void {
    const streams = this.#streamsOf(frame);
    if (streams === null) return;
    const acknowledged = streams.map((entry) => {
      const read = readWish(this.#dependencies.feeds, entry);
      if (read.ok) this.#connection.drop(keyOf(read.wish));
      const problem = read.ok ? {} : { reason: read.reason, message: read.message };
      return { ...namedAs(entry), subscribed: false, ...problem };
    });
    this.#acknowledge(frame, acknowledged);
  }

  /** The streams that a frame names, or null when it was refused. */
  #streamsOf(frame: Frame): unknown[] | null {
    const { streams, request_id: requestId = null } = frame.payload;
    const { subscriptionsPerConnectionMax: max } = this.#dependencies.limits;
    if (!Array.isArray(streams) || streams.length === 0 || streams.length > max) {
      const message = `streams is ${shown(streams)}, expected a list of 1 to ${max}`;
      this.#refuse(frame, "invalid_payload", message);
      return null;
    }
    const isShort = typeof requestId === "string" && requestId.length <= REQUEST_ID_CHARACTERS_MAX;
    if (requestId !== null && !isShort && typeof requestId !== "number") {
      this.#refuse(
        frame,
        "invalid_payload",
        `request_id is ${shown(requestId)}, expected a string`,
      );
      return null;
    }
    return streams;
  }

  /** `partial` when a stream of a subscription, or one to leave, was not understood. */
  #acknowledge({ event, payload }: Frame, streams: { reason?: string }[]): void {
    const status = streams.some(({ reason }) => reason !== undefined) ? "partial" : "ok";
    const request_id = payload.request_id ?? null;
    this.#connection.send(
      eventBytes("ack", { type: "ack", action: event, request_id, status, streams }),
    );
  }

  #reply(frame: Frame, response: object): void {
    this.#connection.send(replyBytes(frame, "ok", response));
  }

  #refuse(frame: Frame, reason: Words, message: string, code = reason.toUpperCase()): void {
    this.#connection.send(replyBytes(frame, "error", { reason, code, message }));
  }

  /** A frame that makes no sense at all: some are answered, then it is enough. */
  #refuseFrame(message: string, ref: Frame["ref"], topic: string = PHOENIX_TOPIC): void {
    this.#badFrames += 1;
    const response = { reason: "invalid_payload", code: "INVALID_PAYLOAD", message };
    this.#connection.send(replyBytes({ topic, ref }, "error", response));
    if (this.#badFrames < this.#dependencies.limits.badFramesMax) return;
    this.#connection.close("invalid_frames", message);
  }
}

function isPrivate({ name }: StreamWish): boolean {
  return name.startsWith("user.");
}

/** The fields by which the client named a stream, as it wrote them, where they are short. */
function namedAs(entry: unknown): object {
  const fields = ["name", "market", "resolution"] as const;
  const given = typeof entry === "object" && entry !== null ? entry : {};
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = (given as Record<string, unknown>)[field];
      return typeof value === "string" && value.length <= REQUEST_ID_CHARACTERS_MAX
        ? [[field, value]]
        : [];
    }),
  );
}
