/** What the fake of a GPU and the harness tell each other, one JSON object a line. */

/** How it fails the requests that come: before the first word, amid the words, never, or too slowly. */
export type Fault = "none" | "hang" | "drip" | "cut" | "cut-early" | "status-500";

export interface GpuOrder {
  fault: Fault;
}

export type GpuWord =
  | { port: number }
  | { took: Fault }
  /** A request of the market came while it failed like this. */
  | { asked: Fault }
  | { answered: string };
