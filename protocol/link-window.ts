/**
 * What makes a session outlive its sockets: each direction counts the session's records from its
 * beginning, the receiver says now and then how many it took, and the sender keeps the rest to send
 * again over the next socket.
 */

/** Bytes unacknowledged above which output waits. */
export const UNACKNOWLEDGED_BYTES_HIGH = 2 * 1024 * 1024;
/** Bytes unacknowledged above which the session ends: the other side takes nothing. */
export const UNACKNOWLEDGED_BYTES_MAX = 8 * 1024 * 1024;
/** The receiver acknowledges after so many bytes or records, and with each heartbeat. */
export const ACKNOWLEDGE_BYTES = 32 * 1024;
export const ACKNOWLEDGE_RECORDS = 256;
/** What a kept record costs beside its bytes, so that the limit bounds small ones, too. */
const RECORD_COST_BYTES = 96;
/** Acknowledged places at the head of the queue before they are given back. */
const SPENT_PLACES_MAX = 1_024;

/** The records that were sent and may have to be sent again. */
export class SendWindow {
  #records: Buffer[] = [];
  #head = 0;
  #acknowledged = 0;
  #bytes = 0;

  /** Records of this direction since the session began. */
  get sent(): number {
    return this.#acknowledged + this.#records.length - this.#head;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  push(record: Buffer): void {
    this.#records.push(record);
    this.#bytes += record.length + RECORD_COST_BYTES;
  }

  /** Drops the first `count` records of the session. False when so many were never sent. */
  acknowledge(count: number): boolean {
    if (count > this.sent) return false;
    while (this.#acknowledged < count) {
      this.#bytes -= (this.#records[this.#head] as Buffer).length + RECORD_COST_BYTES;
      this.#records[this.#head] = EMPTY;
      this.#head += 1;
      this.#acknowledged += 1;
    }
    if (this.#head === this.#records.length) {
      this.#records = [];
      this.#head = 0;
    } else if (this.#head > SPENT_PLACES_MAX && this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    return true;
  }

  /** Whether the other side, having taken `count` records, can be sent all that it lacks. */
  canResumeAt(count: number): boolean {
    return count >= this.#acknowledged && count <= this.sent;
  }

  /** What is not acknowledged, in order. */
  unacknowledged(): Buffer[] {
    return this.#records.slice(this.#head);
  }
}

const EMPTY = Buffer.alloc(0);

/** How many of the other side's records were taken, and whether it is time to say so. */
export class ReceiveCount {
  #taken = 0;
  #told = 0;
  #bytes = 0;

  get taken(): number {
    return this.#taken;
  }

  /** Whether there is something to acknowledge. */
  get isBehind(): boolean {
    return this.#told < this.#taken;
  }

  /** Counts a record; true when it is time to acknowledge. */
  take(bytes: number): boolean {
    this.#taken += 1;
    this.#bytes += bytes;
    return this.#bytes >= ACKNOWLEDGE_BYTES || this.#taken - this.#told >= ACKNOWLEDGE_RECORDS;
  }

  /** The count to tell; from here the next acknowledgement is measured. */
  tell(): number {
    this.#told = this.#taken;
    this.#bytes = 0;
    return this.#taken;
  }
}
