/** The type of the plain JavaScript beside it, which must run on any Node. */
export function nodeVersionProblem(version: string): string | null;
