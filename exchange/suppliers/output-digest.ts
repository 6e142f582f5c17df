/**
 * The digest of what an agent sends, to compare with the one it signs for. Deltas are a few bytes each:
 * they are put together, so that most answers cost one call of the digest and none per record.
 */
import { createHash, type Hash, hash } from "node:crypto";

/** Bytes that are put together; longer parts are digested as they come. */
const JOINED_BYTES_MAX = 2_048;

export class OutputDigest {
  #joined: Buffer | null = null;
  #bytes = 0;
  #hash: Hash | null = null;

  /** Adds a part; it may be overwritten afterwards. */
  add(part: Buffer): void {
    this.#joined ??= Buffer.allocUnsafe(JOINED_BYTES_MAX);
    if (this.#bytes + part.length > JOINED_BYTES_MAX) this.#flush();
    if (part.length > JOINED_BYTES_MAX) {
      this.#hash = (this.#hash ?? createHash("sha256")).update(part);
      return;
    }
    part.copy(this.#joined, this.#bytes);
    this.#bytes += part.length;
  }

  /** SHA-256 of all parts in hexadecimal digits. */
  hex(): string {
    const rest = this.#joined?.subarray(0, this.#bytes) ?? Buffer.alloc(0);
    return this.#hash === null
      ? hash("sha256", rest)
      : this.#hash.copy().update(rest).digest("hex");
  }

  #flush(): void {
    if (this.#joined === null || this.#bytes === 0) return;
    this.#hash = (this.#hash ?? createHash("sha256")).update(this.#joined.subarray(0, this.#bytes));
    this.#bytes = 0;
  }
}
