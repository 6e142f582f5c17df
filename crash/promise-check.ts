/** Holds what clients were told against what the journal says: anything lost or doubled is a sentence. */
import type { JournalFacts } from "./journal-facts.ts";
import type { Promised, Seen } from "./notebook.ts";

/** What is wrong with one promise, or null. */
export function brokenPromise(told: Promised, facts: JournalFacts): string | null {
  switch (told.kind) {
    case "account":
      return facts.accounts.has(told.account) ? null : `account ${told.account} is lost`;
    case "key":
      return facts.keys.has(told.key) ? null : `key ${told.key} is lost`;
    case "deposit": {
      const { reference, account, micros } = told;
      const booked = facts.deposits.get(reference);
      if (booked === undefined) return `deposit ${reference} is lost`;
      return booked.account === account && booked.micros === micros
        ? null
        : `deposit ${reference} of ${micros} to ${account} was booked as ${booked.micros} to ${booked.account}`;
    }
    case "order": {
      const id = `${told.account}:${told.clientOrderId}`;
      const order = facts.clientIds.get(id);
      if (order === undefined) return `order ${told.order} (${id}) is lost`;
      return order === told.order ? null : `${id} was told order ${told.order}, it is ${order}`;
    }
    case "order refused": {
      const id = `${told.account}:${told.clientOrderId}`;
      return facts.clientIds.has(id) ? `order ${id} was refused and yet placed` : null;
    }
    case "cancel": {
      const closed = facts.orders.get(told.order)?.closed ?? null;
      return closed === "cancelled" ? null : `the cancel of order ${told.order} is lost`;
    }
    case "completion begun":
      return facts.deliveryOfRequest.has(told.requestId)
        ? null
        : `completion ${told.requestId} sent a byte and has no reservation`;
    case "completion":
      return brokenCompletion(told, facts);
    case "completion free": {
      const number = facts.deliveryOfRequest.get(told.requestId) ?? 0;
      const settled = facts.deliveries.get(number)?.settled ?? null;
      return settled === null ? null : `completion ${told.requestId} was to be free and was billed`;
    }
  }
}

function brokenCompletion(
  told: Extract<Promised, { kind: "completion" }>,
  facts: JournalFacts,
): string | null {
  const { requestId, promptTokens, completionTokens } = told;
  const number = facts.deliveryOfRequest.get(requestId) ?? 0;
  const settled = facts.deliveries.get(number)?.settled ?? null;
  if (settled === null) return `completion ${requestId} was answered, its settlement is lost`;
  const isSame =
    settled.promptTokens === promptTokens && settled.completionTokens === completionTokens;
  const isWhole = settled.usedTokens === promptTokens + completionTokens;
  return isSame && isWhole
    ? null
    : `completion ${requestId} was told ${promptTokens} + ${completionTokens} tokens, ${settled.promptTokens} + ${settled.completionTokens} were settled as ${settled.usedTokens}`;
}

/** Whether a repeated request found its work done by a process that died before it could say so. */
export function wasDoneBefore(told: Promised, facts: JournalFacts): boolean {
  if (!told.wasRepeated) return false;
  const seq = seqOfEffect(told, facts);
  return seq !== null && seq <= told.processSeq;
}

function seqOfEffect(told: Promised, facts: JournalFacts): number | null {
  if (told.kind === "deposit") return facts.deposits.get(told.reference)?.seq ?? null;
  if (told.kind === "order") return facts.orders.get(told.order)?.seq ?? null;
  if (told.kind === "cancel") return facts.orders.get(told.order)?.closedSeq ?? null;
  return null;
}

/** What a view of the live process got wrong, or null. `facts` must stand at its sequence. */
export function wrongView(seen: Seen, facts: JournalFacts, sha256: () => string): string | null {
  const at = `at event ${seen.seq}`;
  if (seen.what === "state") {
    return seen.sha256 === sha256() ? null : `${at} the live state differs from the replayed one`;
  }
  if (seen.what === "balance") {
    const name = `${seen.account}:avail`;
    const total = facts.money.balance(name);
    const held = facts.money.held(name);
    return total === seen.total && held === seen.held
      ? null
      : `${at} account ${seen.account} was shown ${seen.total} (${seen.held} held), its postings give ${total} (${held})`;
  }
  const open = [...(facts.openOrders.get(seen.account) ?? [])].sort((a, b) => a - b);
  const shown = [...seen.orders].sort((a, b) => a - b);
  return open.join() === shown.join()
    ? null
    : `${at} account ${seen.account} was shown the open orders ${shown}, the journal has ${open}`;
}
