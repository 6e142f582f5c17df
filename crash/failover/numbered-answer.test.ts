/** That a wrong word is seen: a check that cannot fail shows nothing. */
import { expect, test } from "vitest";
import { answerWords, questionText, readQuestion, wrongAnswer } from "./numbered-answer.ts";

const QUESTION = { name: "auto-1-7", words: 4 };
const RIGHT = "auto-1-7: 1 2 3 4";

test("a question is read back from its text, and any other text is none", () => {
  expect(readQuestion(questionText(QUESTION))).toEqual(QUESTION);
  expect(readQuestion("Note 12. Count: one two")).toBeNull();
  expect(answerWords(QUESTION).join("")).toBe(RIGHT);
});

test.each([
  ["right", RIGHT, false, true],
  ["cut at its limit", "auto-1-7: 1 2", true, true],
  ["cut without a reason", "auto-1-7: 1 2", false, false],
  ["with a word twice", "auto-1-7: 1 2 2 3 4", false, false],
  ["with a word missing", "auto-1-7: 1 3 4", false, false],
  ["of another request", "auto-1-8: 1 2 3 4", false, false],
  ["begun by one supplier and again by another", `auto-1-7: 1${RIGHT}`, false, false],
  ["empty", "", true, false],
])("an answer that is %s is judged so", (_what, text, isCut, isRight) => {
  expect(wrongAnswer(QUESTION, text, isCut) === null).toBe(isRight);
});
