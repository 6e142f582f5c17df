/** The ledger against the naive one: every posting, refusal, forgotten account and restart agrees. */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createTally, runParameters, TEST_MS_MAX } from "#exchange/core/model/run-tally.fixture.ts";
import { Ledger, LedgerError, type Posting } from "./ledger.ts";
import * as naive from "./naive-ledger.fixture.ts";

const RUNS = 600;
const COMMANDS_MAX = 120;
const parameters = runParameters(process.env, RUNS);
/** Of this many postings together; what does not fit stops the rest. */
const POSTINGS_MAX = 4;

const ACCOUNTS = [
  "world",
  "exch:fees",
  "1:avail",
  "2:avail",
  "1:bond",
  "lot1:escrow",
  "1/text-lite:issuer",
  "1/text-lite:issued",
  "lot1/text-lite:tokens",
  "1/text-prime:issuer",
  "1/text-prime:issued",
];
const HOLDS = ["bid1", "bid2", "ask1", "ask1:margin", "delivery1:lot1"];

interface Model {
  ledger: naive.NaiveLedger;
}
interface Real {
  ledger: Ledger;
}

const tally = createTally(process.env);

/** Every figure that the ledger shows, against the model's. */
function compare({ ledger: model }: Model, { ledger: real }: Real): void {
  const shown = (account: string) => [
    real.balance(account),
    real.held(account),
    real.free(account),
  ];
  const meant = (account: string) => {
    const [balance, held] = [naive.balanceOf(model, account), naive.heldOf(model, account)];
    return [balance, held, balance - held];
  };
  expect(ACCOUNTS.map(shown)).toEqual(ACCOUNTS.map(meant));
  expect(HOLDS.map((hold) => real.holdAmount(hold))).toEqual(
    HOLDS.map((hold) => naive.holdOf(model, hold)),
  );
  expect([...real.sums().values()].filter((sum) => sum !== 0n)).toEqual([]);
  for (const { name, credits, debits, held } of real.accounts()) {
    expect(credits - debits >= held || naive.mayGoBelowZero(name), `${name} is covered`).toBe(true);
  }
}

/** An amount that is chosen when the ledger is known: often exactly what there is, or one more. */
type Amount = { of: "number" | "free" | "hold"; add: bigint };

class Postings implements fc.Command<Model, Real> {
  readonly wishes: readonly {
    kind: Posting["kind"];
    from: string;
    to: string;
    hold: string;
    amount: Amount;
  }[];
  constructor(wishes: Postings["wishes"]) {
    this.wishes = wishes;
  }
  check = () => true;
  toString = () =>
    JSON.stringify(this.wishes, (_key, value) => (typeof value === "bigint" ? `${value}n` : value));

  run(model: Model, real: Real): void {
    const before = real.ledger.snapshot();
    const postings: Posting[] = [];
    let after = model.ledger;
    let misfit: naive.Misfit | null = null;
    for (const wish of this.wishes) {
      const posting = this.posting(after, wish);
      postings.push(posting);
      const next = naive.post(after, posting);
      if (typeof next === "string") {
        misfit = next;
        break;
      }
      after = next;
    }
    const last = postings.at(-1) as Posting;
    tally.add(misfit === null ? `accepted ${last.kind}` : `refused ${last.kind}: ${misfit}`);
    if (misfit === null) {
      real.ledger.apply(postings);
      model.ledger = after;
      return;
    }
    expect(() => real.ledger.apply(postings)).toThrow(LedgerError);
    this.expectOthersUntouched(after, real.ledger, last);
    // The process would end here; it starts again from what it had.
    real.ledger = Ledger.restore(before);
  }

  posting(ledger: naive.NaiveLedger, wish: Postings["wishes"][number]): Posting {
    const { kind, from, to, hold } = wish;
    const base = {
      number: 1n,
      free: naive.balanceOf(ledger, from) - naive.heldOf(ledger, from),
      hold: naive.holdOf(ledger, hold),
    };
    // Where there is nothing, all of it would be no amount at all.
    const amount = (base[wish.amount.of] || 5n) + wish.amount.add;
    if (kind === "move") return { kind, from, to, amount };
    if (kind === "hold") return { kind, hold, from, amount };
    return kind === "post" ? { kind, hold, to, amount } : { kind, hold, amount };
  }

  /** What does not fit may leave traces on the accounts and the hold it names, and nowhere else. */
  expectOthersUntouched(model: naive.NaiveLedger, real: Ledger, posting: Posting): void {
    const named = new Set<string>();
    if ("from" in posting) named.add(posting.from);
    if ("to" in posting) named.add(posting.to);
    if ("hold" in posting) named.add(model.holds.get(posting.hold)?.account ?? "");
    const others = ACCOUNTS.filter((account) => posting.amount <= 0n || !named.has(account));
    for (const account of others) {
      expect(real.balance(account), account).toBe(naive.balanceOf(model, account));
      expect(real.held(account), account).toBe(naive.heldOf(model, account));
    }
    for (const hold of HOLDS) {
      if ("hold" in posting && posting.hold === hold) continue;
      expect(real.holdAmount(hold), hold).toBe(naive.holdOf(model, hold));
    }
    expect([...real.sums().values()].filter((sum) => sum !== 0n)).toEqual([]);
  }
}

class Forget implements fc.Command<Model, Real> {
  readonly account: string;
  constructor(account: string) {
    this.account = account;
  }
  check = () => true;
  toString = () => `forget ${this.account}`;
  run(model: Model, real: Real): void {
    const after = naive.forgotten(model.ledger, this.account);
    tally.add(after === null ? "refused forget" : "accepted forget");
    if (after === null) {
      expect(() => real.ledger.forget(this.account)).toThrow(LedgerError);
      return;
    }
    real.ledger.forget(this.account);
    model.ledger = after;
    expect([...real.ledger.accounts()].map(({ name }) => name)).not.toContain(this.account);
  }
}

class Restart implements fc.Command<Model, Real> {
  check = () => true;
  toString = () => "restart";
  run(_model: Model, real: Real): void {
    const before = JSON.stringify(real.ledger.snapshot());
    real.ledger = Ledger.restore(JSON.parse(before));
    expect(JSON.stringify(real.ledger.snapshot())).toBe(before);
    tally.add("accepted restart");
  }
}

/** Runs a command and compares afterwards, whatever it was. */
const compared = (command: fc.Command<Model, Real>): fc.Command<Model, Real> => ({
  check: () => true,
  toString: () => command.toString(),
  run(model, real) {
    command.run(model, real);
    compare(model, real);
  },
});

const amount: fc.Arbitrary<Amount> = fc.record({
  of: fc.constantFrom("number", "number", "free", "hold"),
  add: fc.oneof(
    { weight: 6, arbitrary: fc.bigInt(1n, 1_000n) },
    { weight: 4, arbitrary: fc.constant(0n) },
    { weight: 1, arbitrary: fc.constantFrom(-1n, 1n, 2n ** 70n) },
    { weight: 1, arbitrary: fc.bigInt(-500n, 0n) },
  ),
});
/** Mostly accounts of one asset, so that most postings get as far as the amounts. */
const pair = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant("world"), fc.constantFrom("1:avail", "2:avail", "1:bond")),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant("1/text-lite:issuer"), fc.constant("1/text-lite:issued")),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("1/text-prime:issuer"), fc.constant("1/text-prime:issued")),
  },
  { weight: 4, arbitrary: fc.tuple(...[0, 1].map(() => fc.constantFrom(...ACCOUNTS.slice(0, 6)))) },
  { weight: 3, arbitrary: fc.tuple(...[0, 1].map(() => fc.constantFrom(...ACCOUNTS.slice(6, 9)))) },
  { weight: 1, arbitrary: fc.tuple(...[0, 1].map(() => fc.constantFrom(...ACCOUNTS))) },
) as fc.Arbitrary<[string, string]>;
const wish = fc
  .record({
    kind: fc.constantFrom("move", "move", "hold", "post", "void") as fc.Arbitrary<Posting["kind"]>,
    pair,
    hold: fc.constantFrom(...HOLDS),
    amount,
  })
  .map(({ pair: [from, to], ...rest }) => ({ ...rest, from, to }));

const commands = fc.commands(
  [
    ...Array.from({ length: 6 }, () => wish.map((one) => compared(new Postings([one])))),
    fc
      .array(wish, { minLength: 2, maxLength: POSTINGS_MAX })
      .map((wishes) => compared(new Postings(wishes))),
    fc.constantFrom(...ACCOUNTS).map((account) => compared(new Forget(account))),
    fc.constant(compared(new Restart())),
  ],
  { maxCommands: COMMANDS_MAX, size: "max" },
);

/** What a default run must have met, or its generator is blind. */
const AIMED = [
  ...["move", "hold", "post", "void", "forget", "restart"].map((kind) => `accepted ${kind}`),
  ...["move", "hold", "post", "void"].map((kind) => `refused ${kind}: amount`),
  ...["refused move: assets", "refused move: uncovered", "refused forget"],
  ...["refused hold: uncovered", "refused hold: other-account"],
  ...["refused post: hold-too-small", "refused post: assets", "refused void: hold-too-small"],
];

describe(`the ledger equals the naive ledger (SEED=${parameters.seed})`, () => {
  afterAll(() => tally.print("ledger model", tally.total()));

  test(
    "after every posting, refusal, forgotten account and restart",
    () => {
      fc.assert(
        fc.property(commands, (list) => {
          const start = { model: { ledger: naive.EMPTY }, real: { ledger: new Ledger() } };
          fc.modelRun(() => start, list);
        }),
        parameters,
      );
      if (parameters.numRuns >= RUNS) expect(tally.never(AIMED)).toEqual([]);
    },
    TEST_MS_MAX,
  );
});
