import fc from "fast-check";
import { expect, test } from "vitest";
import { LineWriter } from "./line-writer.ts";

const written = (...values: object[]) => {
  const writer = new LineWriter(values.length);
  for (const value of values) writer.line(value);
  return new TextDecoder().decode(writer.bytes());
};

test("whatever JSON can say is written as JSON.stringify writes it", () => {
  const value = fc.dictionary(
    fc.string({ unit: "binary" }),
    fc.jsonValue({ stringUnit: "binary" }),
    {
      noNullPrototype: true,
    },
  );
  fc.assert(
    fc.property(fc.array(value), (values) => {
      expect(written(...values)).toBe(values.map((each) => `${JSON.stringify(each)}\n`).join(""));
    }),
  );
});

test.each([
  0,
  9,
  10,
  999_999,
  9_999_999,
  10_000_000,
  10_000_001,
  1_793_577_600_000,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  1e21,
  -0,
  -1,
  0.5,
  Number.NaN,
])("the number %d is written as JSON.stringify writes it", (value) => {
  expect(written({ value })).toBe(`${JSON.stringify({ value })}\n`);
});

test.each([0n, 9n, 10_000_000n, BigInt(Number.MAX_SAFE_INTEGER), 2n ** 53n, 2n ** 70n, -7n])(
  "the amount %d is written as a decimal string",
  (amount) => {
    expect(written({ amount, costMicros: amount })).toBe(
      `{"amount":"${amount}","costMicros":"${amount}"}\n`,
    );
  },
);

test("a field without a value is left out, and a line longer than the room for it is written whole", () => {
  const long = "é".repeat(10_000);
  expect(written({ a: undefined, long, b: [] })).toBe(`{"long":"${long}","b":[]}\n`);
});
