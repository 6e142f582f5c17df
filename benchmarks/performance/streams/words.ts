/** What the processes of this benchmark say to each other. */
export const ENGINES = ["streams", "bare"] as const;
export type EngineName = (typeof ENGINES)[number];

/** To an engine: measure the memory; send so many messages, each when the readers have the one before. */
export type ToEngine =
  | { type: "memory" }
  | { type: "round"; messages: number }
  | { type: "got" }
  /** For the bare loop: what it sends. */
  | { type: "texts"; texts: string[] };
export type FromEngine =
  | { type: "listening"; port: number }
  | { type: "memory"; bytes: number }
  /** For the bare loop, from a third process: so that making them leaves nothing behind in it. */
  | { type: "texts"; texts: string[] }
  | { type: "measured"; cpuMicros: number; wallMs: number };

export interface ReaderWish {
  port: number;
  readers: number;
  /** Texts that each reader sends first, and how many frames it gets for them. */
  opening: string[];
  openingFrames: number;
}
/** From the readers: all are there; all have one more message. */
export type FromReaders = { type: "ready" } | { type: "got" };
