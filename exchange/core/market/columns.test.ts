import { expect, test } from "vitest";
import { closeRow, openRow } from "./columns.ts";
import { firstNotBelow } from "./gallop-search.ts";

const column = (length: number) => Int32Array.from({ length }, (_, row) => row * 3);

// Few rows and many: they are moved in different ways.
test.each([0, 1, 2, 31, 32, 33, 34, 200])("%i rows move by one, and no others", (moved) => {
  const at = 5;
  const end = at + moved;
  const before = Array.from(column(end + 3));
  const opened = Int32Array.from(before);
  openRow(opened, at, end);
  const back = [...before.slice(0, at + 1), ...before.slice(at, end), ...before.slice(end + 1)];
  expect(Array.from(opened)).toEqual(back);
  const closed = Int32Array.from(before);
  closeRow(closed, at, end + 1);
  const forward = [...before.slice(0, at), ...before.slice(at + 1, end + 1), ...before.slice(end)];
  expect(Array.from(closed)).toEqual(forward);
});

test.each([0, 1, 2, 3, 7, 64, 65])("the search of %i keys finds what a walk finds", (count) => {
  const keys = column(100);
  for (let key = -1; key <= count * 3 + 1; key += 1) {
    const walked = Array.from(keys.subarray(0, count)).findIndex((each) => each >= key);
    expect(firstNotBelow(keys, count, key)).toBe(walked === -1 ? count : walked);
  }
});
