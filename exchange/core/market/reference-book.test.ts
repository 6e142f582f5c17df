import { describe } from "vitest";
import { orderBookCases } from "./order-book.cases.ts";
import { createReferenceBook, restoreReferenceBook } from "./reference-book.ts";

describe("the reference book", () => {
  orderBookCases({ create: createReferenceBook, restore: restoreReferenceBook });
});
