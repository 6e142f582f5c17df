/** What the operator's routes say of themselves. */
import { type TSchema, Type } from "typebox";
import { described } from "#exchange/reference/described.ts";
import { Count, Dollars, Id, Nullable, Text, Time } from "#exchange/trading/schemas/values.ts";
import { accountBody, depositBody, joinTokenBody, keyBody } from "./bodies.ts";

const tag = "operator" as const;
const Mode = Type.Enum(["easy", "advanced"]);
const ACCOUNT_ERRORS = ["account-not-found"] as const;

export const OPEN_ACCOUNT = described({
  tag,
  summary: "Opens an account",
  body: accountBody.schema,
  status: 201,
  answer: Type.Object({ account_id: Id("account"), name: Text, mode: Mode }),
  errors: ["mode-managed-setting"],
});
export const ACCOUNTS = described({
  tag,
  summary: "Every account with its money",
  answer: Type.Array(
    Type.Object({
      account_id: Id("account"),
      name: Text,
      mode: Mode,
      available: Dollars,
      bond: Dollars,
      pending: Dollars,
    }),
  ),
});
export const INTEGRITY = described({
  tag,
  summary: "The hash of the whole state, to compare with a replay of the journal; costly",
  answer: Type.Object({ seq: Count, state_sha256: Text }),
});
export const DEPOSIT = described({
  tag,
  summary: "Books money from outside, once per reference",
  body: depositBody.schema,
  status: 201,
  answer: Type.Object({ balance: Dollars }),
  errors: [...ACCOUNT_ERRORS, "invalid-amount", "reference-reused"],
});
export const JOIN_TOKEN = described({
  tag,
  summary: "Makes a token with which nodes of an account enrol",
  body: joinTokenBody.schema,
  status: 201,
  answer: Type.Object({ token: Text, expires_at: Time }),
  errors: ACCOUNT_ERRORS,
});
export const ADD_KEY = described({
  tag,
  summary: "Makes an API key for an account, or registers a signing key",
  body: keyBody.schema,
  status: 201,
  answer: Type.Union([
    Type.Object({ key: Text, key_id: Text, label: Text }),
    Type.Object({ fingerprint: Text, label: Text }),
  ]),
  errors: [...ACCOUNT_ERRORS, "invalid-public-key", "key-exists"],
});
export const STATUS = described({
  tag,
  summary: "Whether commands are executed, and if not, why and what to do",
  answer: Type.Object({
    status: Type.Enum(["ok", "trading-stopped"]),
    seq: Count,
    reason: Type.Optional(Nullable(Text)),
    remedy: Type.Optional(Text),
  }),
});
export const REQUEST = described({
  tag,
  summary: "One request of a buyer, with a verdict on each attempt",
  answer: Type.Object({
    request_id: Text,
    instrument: Text,
    status: Text,
    cause: Nullable(Text),
    supplier_id: Id("account"),
    prompt_tokens: Count,
    completion_tokens: Count,
    cost: Dollars,
    attempts: Type.Array(
      Type.Object({ attempt: Count, supplier_id: Id("account"), verdict: Text }),
    ),
  }),
  errors: ["delivery-not-found"],
});
export const SCORES = described({
  tag,
  summary: "How a supplier stands, per instrument, with the figures it rests on",
  answer: Type.Object({
    account_id: Id("account"),
    pending: Dollars,
    held_back: Dollars,
    owed: Dollars,
    integrity: Type.Unknown(),
    instruments: Type.Array(Type.Object({ instrument: Text, tier: Text })),
  }),
  errors: ACCOUNT_ERRORS,
});
export const FUNDS = described({
  tag,
  summary: "The exchange's own money",
  answer: Type.Object({
    cover: Dollars,
    cover_in_use: Dollars,
    guaranty: Dollars,
    guaranty_set_aside: Dollars,
    fees: Dollars,
    owed_by_suppliers: Dollars,
  }),
});

/** Of `POST /exchange-funds`. */
export function fundDescription(body: TSchema) {
  return described({
    tag,
    summary: "Pays into one of the exchange's funds, once per reference",
    body,
    status: 201,
    answer: Type.Object({ fund: Type.Enum(["cover", "guaranty"]), balance: Dollars }),
    errors: ["invalid-amount", "reference-reused"],
  });
}

/** Of `POST /backup`. */
export function backupDescription(body: TSchema) {
  return described({
    tag,
    summary: "Makes a backup in a file of the machine that the exchange runs on",
    body,
    status: 201,
    answer: Type.Object({}, { additionalProperties: true }),
    errors: ["backup-running", "backup-failed", "service-stopping"],
  });
}
