/** A TCP proxy for tests that destroys connections when it is told to, or after so many bytes. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CuttingProxy {
  port: number;
  /** Connections that are open, the oldest first. */
  readonly open: number;
  /** Connections destroyed so far. */
  readonly cuts: number;
  /** Destroys every connection, now. */
  cutAll(): void;
  /** Destroys whichever connection carries the byte that far from now, amid it; told when it is done. */
  cutAfter(bytes: number): Promise<void>;
  /** Lets nothing through any more on the connection that carried the most, without closing it. */
  freezeBusiest(): void;
  close(): Promise<void>;
}

/** Starts it before a port of 127.0.0.1. */
export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  const pairs = new Set<[Socket, Socket]>();
  const carried = new Map<[Socket, Socket], number>();
  const frozen = new Set<[Socket, Socket]>();
  let cuts = 0;
  let left = Number.POSITIVE_INFINITY;
  let onCut: () => void = () => {};

  function cut(pair: [Socket, Socket]): void {
    if (!pairs.delete(pair)) return;
    cuts += 1;
    for (const socket of pair) socket.destroy();
  }

  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.setNoDelay(true);
      from.on("error", () => {});
      from.on("close", () => {
        pairs.delete(pair);
        carried.delete(pair);
        if (!frozen.has(pair)) to.end();
      });
      from.on("data", (part: Buffer) => {
        if (frozen.has(pair)) return;
        carried.set(pair, (carried.get(pair) ?? 0) + part.length);
        if (part.length < left) {
          left -= part.length;
          to.write(part);
          return;
        }
        const last = part.subarray(0, left);
        left = Number.POSITIVE_INFINITY;
        // What was cut off may still have its beginning delivered, amid a record.
        to.write(last, () => cut(pair));
        onCut();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return pairs.size;
    },
    get cuts() {
      return cuts;
    },
    cutAll() {
      for (const pair of [...pairs]) cut(pair);
    },
    cutAfter(bytes) {
      left = bytes;
      return new Promise((resolve) => {
        onCut = resolve;
      });
    },
    freezeBusiest() {
      const [busiest] = [...carried].sort((a, b) => b[1] - a[1]);
      if (busiest !== undefined) frozen.add(busiest[0]);
    },
    close() {
      for (const pair of [...pairs, ...frozen]) for (const socket of pair) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
