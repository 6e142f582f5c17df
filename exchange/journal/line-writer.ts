/**
 * Writes events as JSON straight into bytes: the text that `JSON.stringify` would give, with amounts
 * as decimal strings, at a third of its cost. Only what an event may hold is written: objects, arrays,
 * strings, numbers, booleans, null and bigints.
 */

/** Room at the start, for an event; most have less. */
const BYTES_PER_EVENT = 512;
/** Longest a number or a safe bigint gets, sign and quotes included. */
const NUMBER_BYTES_MAX = 32;
const TEN_MILLION = 10_000_000;
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** By ASCII code: 1 for what stands in a JSON string as it is. */
const IS_PLAIN = Uint8Array.from({ length: 128 }, (_each, code) =>
  code >= 0x20 && code < 0x7f && code !== QUOTE && code !== BACKSLASH ? 1 : 0,
);

export class LineWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(events: number) {
    this.#bytes = Buffer.allocUnsafe(events * BYTES_PER_EVENT);
  }

  /** One line. Throws on a bigint whose key is no amount's: it would come back as a string. */
  line(event: object): void {
    this.#object(event as Record<string, unknown>);
    this.#byte(0x0a);
  }

  /** What was written. The writer is done with. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #value(key: string, value: unknown): void {
    if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#string(value);
    else if (typeof value === "bigint") this.#amount(key, value);
    else if (Array.isArray(value)) this.#array(key, value);
    else if (value === null) this.#ascii("null");
    else if (typeof value !== "object") this.#text(JSON.stringify(value));
    else this.#object(value as Record<string, unknown>);
  }

  #object(fields: Record<string, unknown>): void {
    this.#byte(0x7b);
    let isFirst = true;
    for (const key in fields) {
      const value = fields[key];
      if (value === undefined) continue;
      if (isFirst) isFirst = false;
      else this.#byte(COMMA);
      this.#string(key);
      this.#byte(COLON);
      this.#value(key, value);
    }
    this.#byte(0x7d);
  }

  #array(key: string, values: readonly unknown[]): void {
    this.#byte(0x5b);
    for (let n = 0; n < values.length; n += 1) {
      if (n > 0) this.#byte(COMMA);
      this.#value(key, values[n] === undefined ? null : values[n]);
    }
    this.#byte(0x5d);
  }

  #amount(key: string, value: bigint): void {
    if (!isAmount(key)) throw new Error(`bigint in field "${key}"; name it "${key}Micros"`);
    if (value < 0n || value > SAFE_MAX) {
      this.#text(`"${value}"`);
      return;
    }
    this.#reserve(NUMBER_BYTES_MAX);
    this.#byte(QUOTE);
    this.#digits(Number(value));
    this.#byte(QUOTE);
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      this.#ascii(JSON.stringify(value));
      return;
    }
    this.#reserve(NUMBER_BYTES_MAX);
    this.#digits(value);
  }

  /** In parts of at most seven digits, so that the digits come from 32-bit integers. */
  #digits(value: number): void {
    if (value < TEN_MILLION) {
      this.#sevenDigits(value, digitsIn(value));
      return;
    }
    const high = Math.floor(value / TEN_MILLION);
    this.#digits(high);
    this.#sevenDigits(value - high * TEN_MILLION, 7);
  }

  #sevenDigits(value: number, count: number): void {
    const bytes = this.#bytes;
    let left = value | 0;
    for (let at = this.#at + count - 1; at >= this.#at; at -= 1) {
      const tenth = (left / 10) | 0;
      bytes[at] = ZERO + left - tenth * 10;
      left = tenth;
    }
    this.#at += count;
  }

  #string(value: string): void {
    const { length } = value;
    this.#reserve(length + 2);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at] = QUOTE;
    for (let n = 0; n < length; n += 1) {
      const code = value.charCodeAt(n);
      if (code > 0x7e || IS_PLAIN[code] === 0) {
        // Escapes and what is beyond ASCII are rare, and JSON's own business.
        this.#text(JSON.stringify(value));
        return;
      }
      at += 1;
      bytes[at] = code;
    }
    bytes[at + 1] = QUOTE;
    this.#at = at + 2;
  }

  /** A few characters, which are written sooner one by one than handed to the buffer. */
  #ascii(text: string): void {
    this.#reserve(text.length);
    const bytes = this.#bytes;
    for (let n = 0; n < text.length; n += 1) bytes[this.#at + n] = text.charCodeAt(n);
    this.#at += text.length;
  }

  #text(text: string): void {
    // No UTF-16 unit takes more than three bytes of UTF-8.
    this.#reserve(text.length * 3);
    this.#at += this.#bytes.write(text, this.#at);
  }

  #byte(code: number): void {
    if (this.#at === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#at] = code;
    this.#at += 1;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + bytes));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

function digitsIn(value: number): number {
  if (value < 1_000) return value < 10 ? 1 : value < 100 ? 2 : 3;
  if (value < 100_000) return value < 10_000 ? 4 : 5;
  return value < 1_000_000 ? 6 : 7;
}

/** Whether a field of that name holds a bigint. */
export function isAmount(key: string): boolean {
  return key === "amount" || key.endsWith("Micros");
}
