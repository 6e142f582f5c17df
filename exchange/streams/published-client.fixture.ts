/**
 * A client of the streams, written from what is published and from `docs/streams.md` alone: it knows
 * nothing of ours but the signature's text. It keeps everything that comes and lets a test wait for it.
 */
import { once } from "node:events";
import { WebSocket } from "ws";
import { fingerprintOf, type Identity } from "#protocol/signing.ts";

/** How long a test waits for what must come. */
const WAIT_MS_MAX = 5_000;

export interface Message {
  topic: string;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: the tests read fields of any event
  payload: any;
  ref: string;
}

export class PublishedClient {
  readonly socket: WebSocket;
  /** All that came, oldest first. */
  readonly messages: Message[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #refs = 0;
  #read = 0;
  readonly #waiting = new Set<() => void>();

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on("message", (data) => {
      this.messages.push(JSON.parse(data.toString()) as Message);
      for (const look of this.#waiting) look();
    });
    this.socket.on("error", () => {});
    this.closed = once(this.socket, "close").then(([code, reason]) => ({
      code: code as number,
      reason: String(reason),
    }));
  }

  static async connect(url: string): Promise<PublishedClient> {
    const client = new PublishedClient(url);
    await once(client.socket, "open");
    await client.ask("phx_join", {});
    return client;
  }

  push(event: string, payload: object, topic = "ws:trading"): string {
    this.#refs += 1;
    const ref = String(this.#refs);
    this.socket.send(JSON.stringify({ topic, event, payload, ref }));
    return ref;
  }

  /** Sends and resolves with the payload of its `phx_reply`. */
  async ask(event: string, payload: object, topic?: string): Promise<Message["payload"]> {
    const ref = this.push(event, payload, topic);
    return (await this.find((each) => each.event === "phx_reply" && each.ref === ref)).payload;
  }

  authenticate(identity: Identity, nowMs: number): Promise<Message["payload"]> {
    const timestamp = String(Math.floor(nowMs / 1_000));
    const fingerprint = fingerprintOf(identity.publicKey);
    const signature = identity.sign(timestamp + fingerprint).toString("base64");
    return this.ask("authenticate", { timestamp, fingerprint, signature });
  }

  /** Resolves with the payload of the `ack`. */
  async subscribe(...streams: object[]): Promise<Message["payload"]> {
    return this.acknowledged("subscribe", streams);
  }

  async acknowledged(event: string, streams: object[]): Promise<Message["payload"]> {
    this.#refs += 1;
    const request_id = `request-${this.#refs}`;
    this.push(event, { streams, request_id });
    const isMine = (each: Message) =>
      each.event === "ack" && each.payload.request_id === request_id;
    return (await this.find(isMine)).payload;
  }

  /** The next message of that event that was not read yet; those before it count as read. */
  async next(event: string, fits: (message: Message) => boolean = () => true): Promise<Message> {
    const found = await this.find((each) => each.event === event && fits(each), this.#read);
    this.#read = this.messages.indexOf(found) + 1;
    return found;
  }

  /** Events that came, of one name. */
  all(event: string): Message[] {
    return this.messages.filter((each) => each.event === event);
  }

  async find(fits: (message: Message) => boolean, from = 0): Promise<Message> {
    return new Promise((resolve, reject) => {
      let at = from;
      const look = (): void => {
        for (; at < this.messages.length; at += 1) {
          const message = this.messages[at] as Message;
          if (!fits(message)) continue;
          finish();
          resolve(message);
          return;
        }
      };
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const timer = setTimeout(() => {
        finish();
        const came = this.messages.map(({ event }) => event).join(", ");
        reject(new Error(`nothing that fits came in ${WAIT_MS_MAX} ms, but: ${came}`));
      }, WAIT_MS_MAX);
      this.#waiting.add(look);
      look();
    });
  }
}
