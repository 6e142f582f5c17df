/** A thread that lives through the hours it is told, one world a message. */
import { parentPort } from "node:worker_threads";
import { loadSqliteOnDisks } from "./disk/sqlite-vfs.ts";
import { World } from "./world.ts";

const MINUTES = 60;
const sqlite = await loadSqliteOnDisks();

parentPort?.on("message", async (seed: number) => {
  parentPort?.postMessage(await new World(sqlite, { seed, minutes: MINUTES }).run());
});
