/** What a buyer reads from the body of an answer, streamed or whole. */

export interface Read {
  text: string;
  finish: string | null;
  error: string | null;
  usage: { prompt_tokens: number; completion_tokens: number } | null;
}

interface AnswerChunk {
  choices?: {
    delta?: { content?: string };
    message?: { content?: string };
    finish_reason?: string | null;
  }[];
  usage?: Read["usage"];
  error?: { message: string };
}

function add(read: Read, { choices, usage, error }: AnswerChunk): void {
  const [choice] = choices ?? [];
  read.text += choice?.delta?.content ?? choice?.message?.content ?? "";
  read.finish ??= choice?.finish_reason ?? null;
  read.usage ??= usage ?? null;
  read.error ??= error?.message ?? null;
}

/** Reads all of a body; throws on one that is neither a stream of events nor JSON. */
export function readAnswer(body: string): Read {
  const read: Read = { text: "", finish: null, error: null, usage: null };
  if (body.startsWith("{")) add(read, JSON.parse(body) as AnswerChunk);
  else {
    for (const line of body.split("\n")) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      add(read, JSON.parse(line.slice("data: ".length)) as AnswerChunk);
    }
  }
  return read;
}
