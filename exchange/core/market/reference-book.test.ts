import { describe } from "vitest";
import { orderBookCases } from "./order-book.cases.ts";
import { createReferenceBook, restoreReferenceBook } from "./reference-book.ts";
import { typicalBugCases } from "./typical-bugs.cases.ts";

describe("the reference book", () => {
  orderBookCases({ create: createReferenceBook, restore: restoreReferenceBook });
  typicalBugCases({ create: createReferenceBook, restore: restoreReferenceBook });
});
