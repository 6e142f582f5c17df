/** A thread that lives through the worlds it is told of, one a message. */
import { parentPort } from "node:worker_threads";
import { loadSqliteOnDisks } from "./disk/sqlite-vfs.ts";
import { World, type WorldOptions } from "./world.ts";

const sqlite = await loadSqliteOnDisks();

parentPort?.on("message", async (order: WorldOptions) => {
  parentPort?.postMessage(await new World(sqlite, order).run());
});
