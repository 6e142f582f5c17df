/**
 * `npm run bench:streams [-- readers messages rounds]`: CPU per message delivered to the readers of one
 * busy book, beside a bare `ws` loop that sends the same texts; turn about in one run, as a ratio. The
 * streams pay for commands, core, mirror and serialisation as well. Then memory per connection.
 */
import { type ChildProcess, fork } from "node:child_process";
import { spread } from "#benchmarks/performance/durability/measurement.ts";
import {
  ENGINES,
  type EngineName,
  type FromEngine,
  type FromReaders,
  type ReaderWish,
  type ToEngine,
} from "./words.ts";

const [readers = 1_000, messages = 200, rounds = 5] = process.argv.slice(2).map(Number);
const START_MS_MAX = 60_000;

const frame = (event: string, payload: object) =>
  JSON.stringify({ topic: "ws:trading", event, payload, ref: "1" });
/** What a reader says first, and the frames it gets for it: a reply, an ack, a snapshot. */
const OPENING: Record<EngineName, Pick<ReaderWish, "opening" | "openingFrames">> = {
  streams: {
    opening: [
      frame("phx_join", {}),
      frame("subscribe", { streams: [{ name: "market.book", market: "text-lite" }] }),
    ],
    openingFrames: 3,
  },
  bare: { opening: [], openingFrames: 0 },
};

function started(file: string, ...args: string[]): ChildProcess {
  const execArgv = ["--expose-gc", ...process.execArgv];
  return fork(new URL(`./${file}`, import.meta.url), args, { execArgv });
}

function next<T extends { type: string }>(child: ChildProcess, type: T["type"]): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${type} came`)), START_MS_MAX);
    const onMessage = (message: T): void => {
      if (message.type !== type) return;
      clearTimeout(timer);
      child.off("message", onMessage);
      resolve(message);
    };
    child.on("message", onMessage);
  });
}

async function openEngine(name: EngineName) {
  const engine = started("engine-process.ts", name);
  if (name === "bare") engine.send({ type: "texts", texts } satisfies ToEngine);
  const { port } = (await next<FromEngine>(engine, "listening")) as { port: number };
  const memory = async () => {
    const told = next<FromEngine>(engine, "memory");
    engine.send({ type: "memory" } satisfies ToEngine);
    return ((await told) as { bytes: number }).bytes;
  };
  const before = await memory();
  const crowd = started("readers-process.ts");
  const ready = next<FromReaders>(crowd, "ready");
  crowd.send({ port, readers, ...OPENING[name] } satisfies ReaderWish);
  await ready;
  const bytesEach = ((await memory()) - before) / readers;
  crowd.on("message", ({ type }: FromReaders) => {
    if (type === "got") engine.send({ type: "got" } satisfies ToEngine);
  });
  return {
    bytesEach,
    /** Microseconds of CPU per message delivered. */
    async round(): Promise<number> {
      const measured = next<FromEngine>(engine, "measured");
      engine.send({ type: "round", messages } satisfies ToEngine);
      return ((await measured) as { cpuMicros: number }).cpuMicros / (messages * readers);
    },
    close() {
      crowd.disconnect();
      engine.disconnect();
    },
  };
}

const recorder = started("engine-process.ts", "recorder");
const { texts } = (await next<FromEngine>(recorder, "texts")) as { texts: string[] };
const engines = { streams: await openEngine("streams"), bare: await openEngine("bare") };
const found: Record<EngineName | "ratio", number[]> = { streams: [], bare: [], ratio: [] };
// The first round compiles.
for (const name of ENGINES) await engines[name].round();
for (let round = 0; round < rounds; round += 1) {
  const [streams, bare] = [await engines.streams.round(), await engines.bare.round()];
  found.streams.push(streams);
  found.bare.push(bare);
  found.ratio.push(streams / bare);
}
const kib = (name: EngineName) => (engines[name].bytesEach / 1024).toFixed(1);
console.log(`Node ${process.versions.node}, ${readers} readers of one book, ${rounds} rounds of ${messages} messages, turn about; median [least..most]

| | streams | bare ws | streams / bare |
|---|---|---|---|
| CPU per message delivered, us | ${spread(found.streams, 2)} | ${spread(found.bare, 2)} | ${spread(found.ratio, 2)} |
| memory per connection, KiB of RSS | ${kib("streams")} | ${kib("bare")} | |`);
for (const name of ENGINES) engines[name].close();
