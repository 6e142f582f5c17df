/** `gridspot exchange` and its sub-commands: what they are called with, printed and how they exit. */
import { Command, Option } from "commander";

const dataDirOption = () =>
  new Option("--data-dir <folder>", "data directory of the exchange")
    .env("GRIDSPOT_DATA_DIR")
    .default("./data");

const BACKUP_HELP = `
Works on a running exchange, which goes on meanwhile, and on a stopped one. The file must not be
there yet; it is written under another name, synced, read back and proved before it gets its own.
The exchange's key is not in it: keep a copy of <data>/exchange.key apart.

Examples:
  gridspot exchange backup --to /backups/2026-11-25.journal
  gridspot exchange backup --to spare.journal --data-dir /var/lib/gridspot`;

const RESTORE_HELP = `
The backup is verified first, and nothing is overwritten: move journal.db and history.db of the data
directory away. A snapshot that is no good is left out; the events are the truth. Whatever was
acknowledged after the backup was made is not in it.

Example:
  gridspot exchange restore --from /backups/2026-11-25.journal --data-dir /var/lib/gridspot`;

const VERIFY_HELP = `
Proves every hash, replays every event from the first, compares each snapshot with that, and checks
the state that comes out. Writes nothing. Some 20 seconds per million events. Exit code 0 when all is
sound, else 1.

Examples:
  gridspot exchange verify /backups/2026-11-25.journal
  gridspot exchange verify --data-dir ./data`;

const REBUILD_HISTORY_HELP = `
For history.db alone: orders, trades, Lots, statements and usage as they are listed. Nothing that
moves money is read from it. The exchange must be stopped; the new file takes the old one's place only
when it is whole. Some 20 seconds per million events.

Example:
  gridspot exchange rebuild-history --data-dir /var/lib/gridspot`;

const NEW_KEY_HELP = `
For an exchange that has lost exchange.key and every copy of it. With another key it is another
exchange to its agents, and each has to be told so by whoever runs it.

Example:
  gridspot exchange new-key --data-dir /var/lib/gridspot`;

/** Runs `act`, prints what it returns; a problem is one message and exit code 1, never a stack. */
async function report(act: () => Promise<string[]>): Promise<void> {
  try {
    for (const line of await act()) process.stdout.write(`${line}\n`);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

export function exchangeCommand(): Command {
  const exchange = new Command("exchange")
    .description("host the exchange (settings from the environment, see README)")
    .action(async () => {
      const { runExchange } = await import("./main.ts");
      await runExchange();
    });
  exchange
    .command("backup")
    .description("copy the journal of an exchange, running or not, into one file")
    .requiredOption("--to <file>", "the file to make")
    .addOption(dataDirOption())
    .addHelpText("after", BACKUP_HELP)
    .action(({ to, dataDir }: { to: string; dataDir: string }) =>
      report(async () => (await import("./backup/commands.ts")).backUp(dataDir, to)),
    );
  exchange
    .command("restore")
    .description("put a backup into an empty data directory")
    .requiredOption("--from <file>", "the backup")
    .addOption(dataDirOption())
    .addHelpText("after", RESTORE_HELP)
    .action(({ from, dataDir }: { from: string; dataDir: string }) =>
      report(async () => (await import("./backup/commands.ts")).restore(from, dataDir)),
    );
  exchange
    .command("verify")
    .description("prove a backup, or the journal of a stopped exchange")
    .argument("[file]", "a backup; without it, the journal of the data directory")
    .addOption(dataDirOption())
    .addHelpText("after", VERIFY_HELP)
    .action((file: string | undefined, { dataDir }: { dataDir: string }) =>
      report(async () => {
        const { verify } = await import("./backup/commands.ts");
        const { lines, isSound } = verify(file === undefined ? { dataDir } : { file });
        if (!isSound) process.exitCode = 1;
        return lines;
      }),
    );
  exchange
    .command("rebuild-history")
    .description("build history.db anew from the journal of a stopped exchange")
    .addOption(dataDirOption())
    .addHelpText("after", REBUILD_HISTORY_HELP)
    .action(({ dataDir }: { dataDir: string }) =>
      report(async () => (await import("./backup/commands.ts")).rebuild(dataDir)),
    );
  exchange
    .command("new-key")
    .description("give an exchange that has lost its key another identity")
    .addOption(dataDirOption())
    .addHelpText("after", NEW_KEY_HELP)
    .action(({ dataDir }: { dataDir: string }) =>
      report(async () => (await import("./identity.ts")).makeNewKey(dataDir)),
    );
  return exchange;
}
