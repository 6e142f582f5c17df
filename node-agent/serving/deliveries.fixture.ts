/** Deliveries between a scripted backend and a link that only records, with the exchange's words to drive them. */
import { createHash } from "node:crypto";
import { eventually } from "#agent/link/scripted-exchange.fixture.ts";
import type { RequestHead } from "#protocol/link-messages.ts";
import { decodeRecords, FLAG_FINAL, type LinkRecord, RecordType } from "#protocol/link-records.ts";
import { forgetfulAttempts } from "./accepted-attempts.ts";
import { Deliveries } from "./deliveries.ts";
import type { DeliveryLink, DeliveryReport } from "./delivery.ts";
import { createScriptedClient, type ScriptedRequest } from "./scripted-client.fixture.ts";

export const SLOTS = 2;

export const jsonOf = (record: LinkRecord | undefined) =>
  JSON.parse(Buffer.from(record?.payload ?? "null").toString("utf8"));
export const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");
export const turn = () => new Promise((resolve) => setImmediate(resolve));

export type Serving = ReturnType<typeof createServing>;

export function createServing(options: { creditTimeoutMs?: number } = {}) {
  const client = createScriptedClient();
  const sent: LinkRecord[] = [];
  /** Places in `sent` of what did not wait. */
  const urgent: number[] = [];
  const reports: DeliveryReport[] = [];
  const sequences = new Map<number, number>();
  const deliveries = new Deliveries(
    { slots: SLOTS, ...options },
    { backend: client, accepted: forgetfulAttempts(), onReport: (report) => reports.push(report) },
  );
  const link: DeliveryLink = {
    sendRecord(record, departure) {
      if (departure === "now") urgent.push(sent.length);
      sent.push(...decodeRecords(record));
    },
    room: () => serving.room,
  };
  const of = (stream: number, type: number) =>
    sent.filter((record) => record.stream === stream && record.type === type);

  const serving = {
    client,
    deliveries,
    sent,
    urgent,
    reports,
    sequences,
    /** What the link says of its socket. */
    room: null as Promise<void> | null,
    receive(type: number, stream: number, payload: Buffer, flags = 0): void {
      const sequence = sequences.get(stream) ?? 0;
      sequences.set(stream, sequence + 1);
      deliveries.receive({ type, flags, count: 0, stream, sequence, payload }, link);
    },
    head(stream: number, fields: Partial<RequestHead> = {}): void {
      const value: RequestHead = {
        attemptId: `attempt-${stream}`,
        symbol: "text-test",
        path: "/v1/chat/completions",
        streamed: true,
        maxOutputTokens: 100,
        bodyBytes: 2,
        firstTokenTimeoutMs: 1_000,
        creditBytes: 65_536,
        ...fields,
      };
      serving.receive(RecordType.requestHead, stream, Buffer.from(JSON.stringify(value)));
    },
    open(stream: number, fields: Partial<RequestHead> = {}, body = "{}"): void {
      const bytes = Buffer.from(body);
      serving.head(stream, { bodyBytes: bytes.length, ...fields });
      serving.receive(RecordType.requestBody, stream, bytes, FLAG_FINAL);
    },
    grant(stream: number, bytes: number): void {
      const payload = Buffer.alloc(4);
      payload.writeUInt32LE(bytes);
      serving.receive(RecordType.credit, stream, payload);
    },
    of,
    textOf: (stream: number): string =>
      Buffer.concat(of(stream, RecordType.delta).map(({ payload }) => payload)).toString("utf8"),
    request: (index: number): Promise<ScriptedRequest> =>
      eventually(`request ${index} at the backend`, () => client.requests[index]),
    ended: (stream: number): Promise<LinkRecord> =>
      eventually(
        `the end of stream ${stream}`,
        () => of(stream, RecordType.end)[0] ?? of(stream, RecordType.error)[0],
      ),
  };
  return serving;
}
