/** Bodies of the operator's API. */
import { Type } from "typebox";
import { bodyReader } from "#exchange/request-body.ts";

const CLOSED = { additionalProperties: false };
const AccountId = Type.String({ maxLength: 80 });
const Label = Type.String({ minLength: 1, maxLength: 64 });
const JOIN_TOKEN_SECONDS_MAX = 604_800;
const JOIN_TOKEN_NODES_MAX = 1000;

export const accountBody = bodyReader(
  Type.Object(
    {
      name: Label,
      mode: Type.Optional(Type.Enum(["easy", "advanced"])),
      auto_transfer_enabled: Type.Optional(Type.Boolean()),
    },
    CLOSED,
  ),
);
export const depositBody = bodyReader(
  Type.Object(
    {
      account_id: AccountId,
      amount: Type.String({ maxLength: 32 }),
      to: Type.Optional(Type.Enum(["available", "bond"])),
      reference: Type.String({ minLength: 1, maxLength: 100 }),
    },
    CLOSED,
  ),
);
export const joinTokenBody = bodyReader(
  Type.Object(
    {
      account_id: AccountId,
      nodes_max: Type.Optional(Type.Integer({ minimum: 1, maximum: JOIN_TOKEN_NODES_MAX })),
      expires_in_seconds: Type.Optional(
        Type.Integer({ minimum: 1, maximum: JOIN_TOKEN_SECONDS_MAX }),
      ),
    },
    CLOSED,
  ),
);
export const keyBody = bodyReader(
  Type.Object(
    {
      account_id: AccountId,
      label: Label,
      kind: Type.Optional(Type.Enum(["api", "signing"])),
      environment: Type.Optional(Type.Enum(["live", "test"])),
      public_key: Type.Optional(Type.String({ maxLength: 200 })),
    },
    CLOSED,
  ),
);
