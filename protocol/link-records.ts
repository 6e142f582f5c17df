/**
 * The supplier link's framing: binary records, several to one WebSocket message.
 *
 * Layout, little-endian, 16 bytes then the payload:
 * `u8 type | u8 flags | u16 count | u32 stream | u32 sequence | u32 payloadBytes | payload`.
 * Stream 0 carries control records (JSON); a delivery's records carry the stream the exchange chose.
 */

export const LINK_SUBPROTOCOL = "gridspot.v1.bin";
export const LINK_VERSION = 1;
export const RECORD_HEADER_BYTES = 16;
/** Largest payload of one record; longer bodies are split and marked FINAL on the last part. */
export const RECORD_PAYLOAD_BYTES_MAX = 64 * 1024;
/** Largest WebSocket message on the link, either way. */
export const LINK_MESSAGE_BYTES_MAX = 1024 * 1024;
/** Output bytes an agent may send on a stream before the exchange grants more. */
export const STREAM_CREDIT_BYTES = 64 * 1024;

/** Record types. Control types run on stream 0. */
export const RecordType = {
  /** JSON control message, see link-messages.ts. */
  control: 1,
  /** Exchange to agent: JSON `RequestHead`, opens a stream. */
  requestHead: 2,
  /** Exchange to agent: raw bytes of the buyer's body; FINAL on the last part. */
  requestBody: 3,
  /** Agent to exchange: UTF-8 text of choice 0 only. */
  delta: 4,
  /** Agent to exchange: one raw JSON chunk that is more than text of choice 0. */
  event: 5,
  /** Agent to exchange: part of a body that is not streamed; FINAL on the last part. */
  body: 6,
  /** Agent to exchange: JSON `DeliveryEnd`, closes the stream. */
  end: 7,
  /** Agent to exchange: JSON `DeliveryError`, closes the stream. */
  error: 8,
  /** Exchange to agent: stop the backend, send nothing more. */
  cancel: 9,
  /** Exchange to agent: u32 of further output bytes allowed. */
  credit: 10,
  /** Agent to exchange: the request was accepted and is with the backend. */
  accepted: 11,
  /** Stream 0, of this socket alone: JSON, see link-channel.ts. Neither counted nor sent again. */
  channel: 12,
  /** Stream 0, of this socket alone: u64 of session records taken so far. */
  acknowledgement: 13,
} as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

/** The last part of a body. */
export const FLAG_FINAL = 1;

export interface LinkRecord {
  type: number;
  flags: number;
  /** Content chunks folded into this record (delta), else 0. */
  count: number;
  stream: number;
  /** Per stream and direction, from 0, without gaps. */
  sequence: number;
  payload: Uint8Array;
}

/** Why bytes were not a sequence of records. */
export class LinkFormatError extends Error {}

/** Encodes one record. */
export function encodeRecord(
  type: RecordType,
  stream: number,
  sequence: number,
  payload: Uint8Array,
  options: { flags?: number; count?: number } = {},
): Buffer {
  const bytes = payload.byteLength;
  const out = header(type, stream, sequence, bytes, options);
  out.set(payload, RECORD_HEADER_BYTES);
  return out;
}

/** Encodes one record of text, which takes `bytes` in UTF-8; a record of text counts as one chunk. */
export function encodeTextRecord(
  type: RecordType,
  stream: number,
  sequence: number,
  text: string,
  bytes: number,
): Buffer {
  const out = header(type, stream, sequence, bytes, ONE_CHUNK);
  out.write(text, RECORD_HEADER_BYTES, bytes, "utf8");
  return out;
}

const ONE_CHUNK = { count: 1 };

/** A record without its payload yet. */
function header(
  type: RecordType,
  stream: number,
  sequence: number,
  payloadBytes: number,
  options: { flags?: number; count?: number },
): Buffer {
  if (payloadBytes > RECORD_PAYLOAD_BYTES_MAX) {
    throw new RangeError(
      `record payload of ${payloadBytes} bytes, at most ${RECORD_PAYLOAD_BYTES_MAX}`,
    );
  }
  const out = Buffer.allocUnsafe(RECORD_HEADER_BYTES + payloadBytes);
  out[0] = type;
  out[1] = options.flags ?? 0;
  out.writeUInt16LE(options.count ?? 0, 2);
  out.writeUInt32LE(stream, 4);
  out.writeUInt32LE(sequence, 8);
  out.writeUInt32LE(payloadBytes, 12);
  return out;
}

/** Encodes a JSON payload as one record. */
export function encodeJsonRecord(
  type: RecordType,
  stream: number,
  sequence: number,
  value: unknown,
): Buffer {
  return encodeRecord(type, stream, sequence, Buffer.from(JSON.stringify(value)));
}

/** Encodes how many records of the session were taken, in all. */
export function encodeAcknowledgement(count: number): Buffer {
  const payload = Buffer.allocUnsafe(8);
  payload.writeBigUInt64LE(BigInt(count));
  return encodeRecord(RecordType.acknowledgement, 0, 0, payload);
}

/** Reads an acknowledgement's count. Throws `LinkFormatError` on another length. */
export function decodeAcknowledgement(payload: Uint8Array): number {
  if (payload.byteLength !== 8) {
    throw new LinkFormatError(`acknowledgement of ${payload.byteLength} bytes, expected a u64`);
  }
  return Number(Buffer.from(payload).readBigUInt64LE());
}

/** Whether a record belongs to its socket alone: it is neither counted nor sent again. */
export function isOfChannel(type: number): boolean {
  return type === RecordType.channel || type === RecordType.acknowledgement;
}

/** Splits one WebSocket message into its records; payloads are views into `message`. */
export function decodeRecords(message: Buffer): LinkRecord[] {
  const records: LinkRecord[] = [];
  let offset = 0;
  while (offset < message.byteLength) {
    if (message.byteLength - offset < RECORD_HEADER_BYTES) {
      throw new LinkFormatError(
        `${message.byteLength - offset} bytes left, a record header takes ${RECORD_HEADER_BYTES}`,
      );
    }
    const payloadBytes = message.readUInt32LE(offset + 12);
    if (payloadBytes > RECORD_PAYLOAD_BYTES_MAX) {
      throw new LinkFormatError(
        `payload of ${payloadBytes} bytes, at most ${RECORD_PAYLOAD_BYTES_MAX}`,
      );
    }
    const start = offset + RECORD_HEADER_BYTES;
    if (start + payloadBytes > message.byteLength) {
      throw new LinkFormatError(
        `record claims ${payloadBytes} payload bytes, ${message.byteLength - start} follow`,
      );
    }
    records.push({
      type: message[offset] as number,
      flags: message[offset + 1] as number,
      count: message.readUInt16LE(offset + 2),
      stream: message.readUInt32LE(offset + 4),
      sequence: message.readUInt32LE(offset + 8),
      payload: message.subarray(start, start + payloadBytes),
    });
    offset = start + payloadBytes;
  }
  return records;
}
