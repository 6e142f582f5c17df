/** Plays one Unit's life on a real core and writes down what was posted, step by step, as a page. */
import { createTestMarket, DOLLAR, quietSla, UNIT } from "#exchange/core/core.fixture.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";

const SLOT_MS = 300_000;
const WINDOW_MS = 48 * SLOT_MS;

interface Step {
  title: string;
  prose: string;
  act: () => void;
}

/** The page, made anew from what the core posts. */
export function lifeOfAUnit(): string {
  const market = createTestMarket({ sla: quietSla });
  market.run({
    ...{ type: "fund-exchange", fund: "cover", amountMicros: 100_000n, reference: "seed" },
  });
  const s = market.supplier("S", { bondMicros: 1_000_000n });
  const s2 = market.supplier("S2");
  const b = market.account("B", 1_000_000n, "advanced", { autoTransfer: false });
  const c = market.account("C", 1_000_000n, "advanced", { autoTransfer: false });
  const names = new Map([
    [s.account, "S"],
    [s2.account, "S2"],
    [b, "B"],
    [c, "C"],
  ]);
  const resalePrice = (DOLLAR * 120) / 100;
  const coverPrice = (DOLLAR * 110) / 100;
  const steps: Step[] = [
    {
      title: "S issues a Unit and asks 1.00 for it",
      prose:
        "Issuing makes 1,000,000 tokens and, in the same stroke, the debt to deliver them: S's issuer account goes as far below zero as its issued account rises. While the ask rests, the Units are held, and 80 % of their value of S's bond with them, so that whoever buys can rely on both.",
      act: () => market.ask(s.account, DOLLAR, UNIT),
    },
    {
      title: "B buys 0.05 Units",
      prose:
        "The fill makes a Lot: 50,000 tokens that B owns and S owes. B's money does not go to S. It goes into the Lot's escrow, from which S is paid as tokens are used; the exchange takes its fee of 1 %, and the bond that stood behind this part of the ask stands behind the Lot from now on.",
      act: () => market.run(market.order(b, { quantity: 5 })),
    },
    {
      title: "S withdraws the rest of its ask",
      prose: "What was held for it is free again. The Units stay issued, and may be offered again.",
      act: () => market.run({ type: "cancel-orders", account: s.account, symbol: null }),
    },
    {
      title: "B offers 0.02 of its Units at 1.20",
      prose:
        "Until the next sweep the Lot is in Trading, and B may sell it on. The ask holds tokens of that very Lot. It needs no bond of B: S owes these tokens, and its bond is there already.",
      act: () =>
        market.run(
          market.order(b, {
            ...{ side: "sell", quantity: 2, priceTicks: resalePrice, issueMissing: false },
          }),
        ),
    },
    {
      title: "C buys them",
      prose:
        "C's 24,000 micro-dollars go to B at once, for B has nothing left to deliver. What B had paid for these tokens, 20,000, stays in escrow: it moves on to C's Lot with the tokens and with S's bond. C's premium over the price of issue is C's own risk; a refund pays what is in escrow.",
      act: () => market.run(market.order(c, { quantity: 2, priceTicks: resalePrice })),
    },
    {
      title: "The sweep",
      prose:
        "At 00, 04, 08, 12, 16 and 20 UTC every Lot in Trading enters Consumption. Nothing is posted, for nothing changes hands: from now on requests draw on it, it can no longer be sold without being moved back, and it expires in four hours.",
      act: () => market.advance(WINDOW_MS),
    },
    {
      title: "C makes two requests, of 3,200 and of 1,000 tokens",
      prose:
        "Each first sets aside what it may come to at most, here 4,000 tokens. When it is over the exchange has counted what was used: that much of the escrow is S's, rounded down over the whole Lot so that no request can gain by being small, and the rest of what was set aside is C's again. The bond behind what has been delivered is free.",
      act: () => {
        for (const used of [3_200, 1_000]) {
          market.settle(market.reserve(c, 200, 3_800).delivery, 200, used - 200);
        }
      },
    },
    {
      title: "S fails a request of 4,000 tokens, and S2 serves it at 1.10",
      prose:
        "S failed before its first token, so the exchange buys cover from the book with its own money, free of fees, and lets S2 serve. C notices nothing and pays its own price. Cover is bought in whole increments: what is not used of it is undone as if it had never been bought. The difference, 400, was agreed and set aside when S failed, and is taken from S's pay now.",
      act: () => {
        market.ask(s2.account, coverPrice, UNIT);
        const { delivery } = market.reserve(c, 1_000, 3_000);
        market.run({ type: "retry-delivery", delivery, attempt: 1, cause: "timeout" });
        market.settle(delivery, 1_000, 3_000, 2);
      },
    },
    {
      title: "The Lots expire, with S away for 20 seconds in one slot of 48",
      prose:
        "What was not used is paid to S for the slots of five minutes in which it was there: 47 of 48, rounded down, the rest to the holder. C's Lot still held 11,800 tokens, B's all of its 30,000. After that the Lots are empty, and none of the money is unaccounted for.",
      act: () => {
        market.unlink(s.node);
        market.advance(20_000);
        market.link(s.node, 1000);
        market.advance(WINDOW_MS);
      },
    },
  ];
  const pages = steps.map(({ title, prose, act }, index) => {
    const before = market.events.length;
    act();
    const rows = market.events.slice(before).flatMap((event) => rowsOf(event, names));
    return `## ${index + 1}. ${title}\n\n${prose}\n\n${table(rows)}`;
  });
  return `${HEAD}\n${pages.join("\n\n")}\n\n${balances(market, names)}\n`;
}

const HEAD = `# The life of a Unit

One Unit from issue to expiry, with every posting that the exchange's ledger makes for it. The amounts are those of a real run: this page is written by \`docs/guides/life-of-a-unit.test.ts\`, and the test fails when the code posts anything else.

S and S2 sell, B and C buy; the fee is 1 %, the bond 80 % of the value. Money is in micro-dollars, a millionth of a dollar; one tick times one increment is exactly one of them. *hold* sets something aside on an account, *post* takes it from there, *void* lets it go; only *move* and *post* change balances.
`;

function rowsOf(event: CoreEvent, names: ReadonlyMap<number, string>): string[] {
  const postings: readonly Posting[] = "postings" in event ? event.postings : [];
  return postings.map((posting) => {
    const { kind, amount } = posting;
    const from = "from" in posting ? posting.from : posting.hold;
    const to =
      kind === "move" || kind === "post" ? posting.to : kind === "hold" ? posting.hold : "";
    const cells = [event.type, kind, named(from, names), named(to, names), grouped(amount)];
    return `| ${cells.join(" | ")} |`;
  });
}

function table(rows: readonly string[]): string {
  if (rows.length === 0) return "Nothing is posted.";
  return ["| event | | from | to | amount |", "|---|---|---|---|---:|", ...rows].join("\n");
}

/** `3:avail` is "C avail"; accounts of Lots and of the exchange keep their names. */
function named(name: string, names: ReadonlyMap<number, string>): string {
  return name
    .replace(/^(\d+)([:/])/, (_all, number: string, mark: string) =>
      mark === ":" ? `${names.get(Number(number))} ` : `${names.get(Number(number))}/`,
    )
    .replace(/^(charge\d+):(\d+):/, (_all, charge: string, number: string) => {
      return `${charge}: ${names.get(Number(number))} `;
    });
}

/** What everybody has in the end. */
function balances(
  market: ReturnType<typeof createTestMarket>,
  names: ReadonlyMap<number, string>,
): string {
  const rows = [...market.state.ledger.accounts()]
    .filter(({ credits, debits }) => credits !== debits)
    .map(({ name, credits, debits }) => `| ${named(name, names)} | ${grouped(credits - debits)} |`)
    .sort();
  const head = ["| account | balance |", "|---|---:|"];
  return `## What is where in the end\n\nThe world is what came from outside. Each asset sums to zero, here as after every step.\n\n${[...head, ...rows].join("\n")}`;
}

function grouped(amount: bigint): string {
  return String(amount).replace(/\B(?=(\d{3})+$)/g, ",");
}
