import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LINK_CLOSE } from "./link-channel.ts";
import {
  decodeRecords,
  encodeRecord,
  encodeTextRecord,
  LinkFormatError,
  RECORD_PAYLOAD_BYTES_MAX,
  RecordType,
} from "./link-records.ts";

test("several records of one message come back as they were", () => {
  const first = encodeRecord(RecordType.delta, 7, 0, Buffer.from("hällo"), { count: 2 });
  const second = encodeRecord(RecordType.requestBody, 9, 3, Buffer.alloc(0), { flags: 1 });
  expect(decodeRecords(Buffer.concat([first, second]))).toMatchObject([
    { type: 4, flags: 0, count: 2, stream: 7, sequence: 0, payload: Buffer.from("hällo") },
    { type: 3, flags: 1, count: 0, stream: 9, sequence: 3, payload: Buffer.alloc(0) },
  ]);
});

test("text is encoded as its bytes are", () => {
  for (const text of ["", "hällo", "€😀"]) {
    const bytes = Buffer.from(text);
    const record = encodeTextRecord(RecordType.delta, 7, 3, text, bytes.length);
    expect(record).toEqual(encodeRecord(RecordType.delta, 7, 3, bytes, { count: 1 }));
  }
  const tooLong = "€".repeat(RECORD_PAYLOAD_BYTES_MAX / 2);
  const encode = () => encodeTextRecord(4, 7, 3, tooLong, Buffer.byteLength(tooLong));
  expect(encode).toThrow(RangeError);
});

test("the bytes of a record are fixed", () => {
  const record = encodeRecord(RecordType.credit, 258, 1, Buffer.from([0, 0, 1, 0]));
  expect(record.toString("hex")).toBe("0a00000002010000010000000400000000000100");
});

test.each([
  ["half a header", Buffer.alloc(9), "9 bytes left"],
  [
    "a payload that is not there",
    encodeRecord(1, 0, 0, Buffer.alloc(5)).subarray(0, 18),
    "2 follow",
  ],
])("%s is refused", (_name, bytes, reason) => {
  expect(() => decodeRecords(bytes)).toThrow(LinkFormatError);
  expect(() => decodeRecords(bytes)).toThrow(reason);
});

test("a payload over the limit is neither sent nor taken", () => {
  const tooLong = Buffer.alloc(RECORD_PAYLOAD_BYTES_MAX + 1);
  expect(() => encodeRecord(1, 0, 0, tooLong)).toThrow(RangeError);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(tooLong.length, 12);
  expect(() => decodeRecords(Buffer.concat([header, tooLong]))).toThrow(LinkFormatError);
});

test("the page for other implementers has every record type and close code", () => {
  const page = readFileSync(new URL("../docs/link.md", import.meta.url), "utf8");
  const codes = [...Object.values(RecordType), ...Object.values(LINK_CLOSE)];
  expect(codes.filter((code) => !page.includes(`| ${code} |`))).toEqual([]);
});
