/**
 * The question that a buyer asks and the one right answer to it: numbered words under a name of its
 * own, so that a word that came twice, is missing or belongs to another answer is seen.
 */

export interface Question {
  name: string;
  words: number;
}

const QUESTION = /^Count to (\d{1,3}) as ([a-z0-9-]+)\.$/;

export function questionText({ name, words }: Question): string {
  return `Count to ${words} as ${name}.`;
}

/** Null for a text that is no such question. */
export function readQuestion(text: string): Question | null {
  const match = QUESTION.exec(text);
  return match === null ? null : { words: Number(match[1]), name: match[2] as string };
}

/** The words of the answer, each with the space before it. */
export function answerWords({ name, words }: Question): string[] {
  const numbers = Array.from({ length: words }, (_, at) => ` ${at + 1}`);
  return [`${name}:`, ...numbers];
}

/** What is wrong with an answer, or null: one that was cut at its limit must be a beginning. */
export function wrongAnswer(question: Question, text: string, isCut: boolean): string | null {
  const right = answerWords(question).join("");
  const isRight = isCut ? right.startsWith(text) && text !== "" : text === right;
  return isRight ? null : `${question.name} got "${text}", expected "${right}"`;
}
