/** What runs in the thread that makes a backup of a running exchange. */
import { runInThread } from "#exchange/journal/errand-program.ts";
import { type BackupOrder, makeBackup } from "./backup-work.ts";

await runInThread((order: BackupOrder) => makeBackup(order));
