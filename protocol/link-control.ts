/** The control records of a session, on stream 0: numbered by the sender, checked by the receiver. */
import { encodeJsonRecord, type LinkRecord, RecordType } from "./link-records.ts";

export class ControlSequence {
  #sent = 0;
  #received = 0;

  encode(message: unknown): Buffer {
    const record = encodeJsonRecord(RecordType.control, 0, this.#sent, message);
    this.#sent += 1;
    return record;
  }

  /** Why the record is not the next control record; null, and counted, when it is. */
  problem({ type, sequence }: LinkRecord): string | null {
    if (type !== RecordType.control) return `record type ${type} on stream 0`;
    if (sequence !== this.#received) {
      return `control sequence ${sequence}, expected ${this.#received}`;
    }
    this.#received += 1;
    return null;
  }
}
