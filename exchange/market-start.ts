/** What every process of the exchange does before it opens its doors. */
import type { ExchangeConfig } from "#exchange/config.ts";
import type { Command, CommandType } from "#exchange/core/commands.ts";
import type { Shell } from "#exchange/shell.ts";

/**
 * The first commands of a process: what stopped with the last one, then the operator's settings.
 * Throws in words when one is refused.
 */
export async function startMarket(
  shell: Shell,
  { policy, instruments }: Pick<ExchangeConfig, "policy" | "instruments">,
): Promise<void> {
  const run = async <T extends CommandType>(command: Command<T>) => {
    const outcome = await shell.execute(command);
    if (!outcome.ok) throw new Error(`${command.type}: ${outcome.rejection.message}`);
  };
  // First: what fell due while the exchange was away must be tolled before it can expire.
  if (shell.state.seq > 0) await run({ type: "resume", lastSeenMs: shell.state.nowMs });
  await run({ type: "adopt-policy", policy });
  for (const instrument of instruments) await run({ type: "list-instrument", instrument });
}
