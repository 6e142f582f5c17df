import { beforeEach, describe } from "vitest";
import { journalCases } from "./journal.cases.ts";
import { createMemoryJournal, createMemoryStore } from "./memory-journal.ts";

describe("the memory journal", () => {
  let store = createMemoryStore();
  beforeEach(() => {
    store = createMemoryStore();
  });
  journalCases(async (readModelSeq) => createMemoryJournal(store, readModelSeq));
});
