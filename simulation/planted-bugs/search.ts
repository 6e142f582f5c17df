/** Looks for a breach, hour after hour, in the tree it stands in; says the first one on stdout. */
import { loadSqliteOnDisks } from "#simulation/disk/sqlite-vfs.ts";
import { World } from "#simulation/world.ts";

const MINUTES = 60;
const [firstSeed = "1", hoursMax = "10"] = process.argv.slice(2);

// A bug may leave a promise that nobody waits for; what it breaks is for the oracle to say.
process.on("unhandledRejection", () => {});

async function search(): Promise<string> {
  const sqlite = await loadSqliteOnDisks();
  for (let hour = 0; hour < Number(hoursMax); hour += 1) {
    const seed = Number(firstSeed) + hour;
    const { breaches } = await new World(sqlite, { seed, minutes: MINUTES }).run();
    if (breaches[0] !== undefined) return `found in hour ${hour + 1}: ${breaches[0]}`;
  }
  return `not found in ${hoursMax} hours`;
}

process.stdout.write(`${await search()}\n`);
process.exit(0);
