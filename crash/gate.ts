/** Where clients wait while the exchange is away: the harness closes it before it kills. */

/** Why a request was given up: the run ends without it. */
export class Abandoned extends Error {}

export interface Gate {
  readonly isOpen: boolean;
  open(): void;
  close(): void;
  /** Nobody passes any more: whoever waits, and whoever comes, is sent away with an error. */
  abandon(): void;
  /** Resolves while it is open; rejects once it is abandoned. */
  passed(): Promise<void>;
}

/** Builds a closed gate. */
export function createGate(): Gate {
  let isOpen = false;
  let isAbandoned = false;
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const pass of waiting.splice(0)) pass();
  };
  return {
    get isOpen() {
      return isOpen;
    },
    open() {
      isOpen = true;
      wake();
    },
    abandon() {
      isAbandoned = true;
      wake();
    },
    close() {
      isOpen = false;
    },
    async passed() {
      while (!isOpen && !isAbandoned) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      if (isAbandoned) throw new Abandoned("the run is over");
    },
  };
}
