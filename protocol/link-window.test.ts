import fc from "fast-check";
import { expect, test } from "vitest";
import { ReceiveCount, SendWindow, UNACKNOWLEDGED_BYTES_MAX } from "./link-window.ts";

type Step =
  | { does: "send" }
  | { does: "arrive" }
  | { does: "acknowledge" }
  /** The socket is lost with everything under way, and the next one resumes. */
  | { does: "lose" };

const step = fc.constantFrom<Step["does"]>(
  "send",
  "send",
  "arrive",
  "arrive",
  "acknowledge",
  "lose",
);

test("whatever is lost and acknowledged when, each record is taken once and in order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3_000 }), (steps) => {
      const sender = new SendWindow();
      const receiver = new ReceiveCount();
      const taken: number[] = [];
      let sent = 0;
      let underWay: Buffer[] = [];
      const arrive = () => {
        const record = underWay.shift();
        if (record === undefined) return;
        taken.push(record.readUInt32LE());
        receiver.take(record.length);
      };
      const resume = () => {
        expect(sender.canResumeAt(receiver.taken)).toBe(true);
        expect(sender.acknowledge(receiver.tell())).toBe(true);
        underWay = sender.unacknowledged();
      };
      for (const does of steps) {
        if (does === "send") {
          const record = Buffer.alloc(4);
          record.writeUInt32LE(sent);
          sent += 1;
          sender.push(record);
          underWay.push(record);
        } else if (does === "arrive") arrive();
        else if (does === "acknowledge") expect(sender.acknowledge(receiver.tell())).toBe(true);
        else resume();
        expect(sender.sent).toBe(sent);
      }
      resume();
      while (underWay.length > 0) arrive();
      expect(taken).toEqual([...Array(sent).keys()]);
      expect(sender.acknowledge(receiver.tell())).toBe(true);
      expect(sender.bytes).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test("what was never sent cannot be acknowledged, and what is gone not be resumed", () => {
  const sender = new SendWindow();
  for (let sent = 0; sent < 3; sent += 1) sender.push(Buffer.alloc(1));
  expect(sender.acknowledge(4)).toBe(false);
  expect(sender.acknowledge(2)).toBe(true);
  expect(sender.acknowledge(1)).toBe(true);
  expect([1, 2, 3, 4].map((count) => sender.canResumeAt(count))).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test("small records count with what they cost, so that the limit bounds memory", () => {
  const sender = new SendWindow();
  let records = 0;
  for (; sender.bytes < UNACKNOWLEDGED_BYTES_MAX; records += 1) sender.push(Buffer.alloc(16));
  expect(records).toBeLessThan(100_000);
});

test("an acknowledgement is due every 32 KiB or 256 records", () => {
  const small = new ReceiveCount();
  const due = Array.from({ length: 256 }, () => small.take(1));
  expect(due.lastIndexOf(false)).toBe(254);
  expect(due[255]).toBe(true);
  expect(small.tell()).toBe(256);
  expect(small.take(1)).toBe(false);
  expect(new ReceiveCount().take(32_768)).toBe(true);
});
