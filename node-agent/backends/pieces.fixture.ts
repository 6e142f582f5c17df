/** A streamed answer as a list, its finish at the end. */
import type { BackendClient, Finish, Piece } from "./openai-client.ts";

export type Told = Piece | ({ type: "finish" } & Finish);

/** Streams `body`; `slow` is waited for at each piece. */
export async function collectPieces(
  client: BackendClient,
  body: object,
  options: { signal?: AbortSignal; timeoutMs: number; slow?: () => Promise<void> },
): Promise<Told[]> {
  const { signal = new AbortController().signal, timeoutMs, slow } = options;
  const told: Told[] = [];
  const finish = await client.stream(body, signal, timeoutMs, (piece) => {
    told.push(piece);
    return slow === undefined ? null : slow();
  });
  return [...told, { type: "finish", ...finish }];
}
