/** `npm run simulate`: see `--help`. */
import { loadSqliteOnDisks } from "./disk/sqlite-vfs.ts";
import { World } from "./world.ts";

const seed = Number(process.argv[2] ?? 1),
  hours = Number(process.argv[3] ?? 1);
const sqlite = await loadSqliteOnDisks();
for (let h = 0; h < hours; h++) {
  const w = new World(sqlite, { seed: seed + h, minutes: 60 });
  const t = performance.now();
  const r = await w.run();
  console.log(
    seed + h,
    r.digest.slice(0, 12),
    "ms",
    Math.round(performance.now() - t),
    r.tally.commands,
    r.tally.events,
    r.tally.lives,
    r.tally.diskOperations,
    r.breaches,
  );
  if (h === hours - 1) console.log(r.tally.faults, r.tally.states);
}
