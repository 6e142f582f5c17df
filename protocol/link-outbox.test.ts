import { expect, test } from "vitest";
import { LinkOutbox } from "./link-outbox.ts";
import { LINK_MESSAGE_BYTES_MAX } from "./link-records.ts";

const LONG_MS = 60_000;
const record = (text: string) => Buffer.from(text);

function createOutbox() {
  const messages: Buffer[] = [];
  const outbox = new LinkOutbox((message, onWritten) => {
    messages.push(message);
    onWritten();
  });
  return { outbox, texts: () => messages.map((message) => message.toString()), messages };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("the records of one turn leave as one message, in order", async () => {
  const { outbox, texts } = createOutbox();
  for (const text of ["a", "b", "c"]) outbox.push(record(text));
  expect(texts()).toEqual([]);
  await turn();
  expect(texts()).toEqual(["abc"]);
});

test("a patient record waits for others, and leaves before the one that does not wait", async () => {
  const { outbox, texts } = createOutbox();
  outbox.pushPatient(record("a"), LONG_MS);
  await turn();
  outbox.pushPatient(record("b"), LONG_MS);
  expect(texts()).toEqual([]);
  outbox.pushNow(record("c"));
  expect(texts()).toEqual(["abc"]);
  outbox.pushPatient(record("d"), LONG_MS);
  outbox.push(record("e"));
  await turn();
  expect(texts()).toEqual(["abc", "de"]);
});

test("a patient record that no other follows leaves after its delay", async () => {
  const { outbox, texts } = createOutbox();
  outbox.pushPatient(record("a"), 1);
  await expect.poll(texts).toEqual(["a"]);
});

test("what is more than a message holds leaves as several, each record whole", async () => {
  const { outbox, messages } = createOutbox();
  const parts = Array.from({ length: 40 }, (_, index) => Buffer.alloc(65_552, index));
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 0) outbox.pushPatient(part, LONG_MS);
    else outbox.push(part);
  }
  await turn();
  expect(messages.length).toBeGreaterThan(1);
  for (const { length } of messages) {
    expect(length).toBeLessThanOrEqual(LINK_MESSAGE_BYTES_MAX);
    expect(length % 65_552).toBe(0);
  }
  expect(Buffer.concat(messages).equals(Buffer.concat(parts))).toBe(true);
});
