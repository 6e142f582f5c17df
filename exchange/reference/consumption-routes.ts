/** What the consumption API says of itself: it is served before the framework, so no route carries it. */
import { Type } from "typebox";
import { ChatRequestSchema } from "#exchange/consumption/chat-request.ts";
import type { Description, KnownRoute } from "./described.ts";

const Model = Type.Object({
  id: Type.String({ description: "the instrument" }),
  object: Type.Literal("model"),
  created: Type.Integer(),
  owned_by: Type.String(),
  description: Type.String(),
  context_length: Type.Integer(),
  max_output_tokens: Type.Integer(),
  price_per_million: Type.Union([Type.String(), Type.Null()]),
});
const Usage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
});
const Completion = Type.Object({
  id: Type.String(),
  object: Type.Literal("chat.completion"),
  created: Type.Integer(),
  model: Type.String(),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      message: Type.Object({ role: Type.String() }),
      finish_reason: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
  usage: Usage,
});

const CHAT: Description = {
  tag: "consumption",
  summary: "A chat completion; `model` is an instrument",
  notes:
    "As OpenAI's. With `stream` the answer is `text/event-stream`: chunks, then `data: [DONE]`. Fields that are not named here pass to the supplier as they came. `usage` counts in the instrument's reference tokenizer.",
  body: ChatRequestSchema,
  bare: true,
  answer: Completion,
  errors: [
    "instrument-not-found",
    "payment-required",
    "no-units",
    "context-length-exceeded",
    "backend-refused",
    "no-supplier",
    "supplier-failed",
    "poison-request",
    "too-many-deliveries",
    "rate-limit-exceeded",
    "service-stopping",
  ],
};
const MODELS: Description = {
  tag: "consumption",
  summary: "The instruments as models, with their limits and the best price now",
  bare: true,
  answer: Type.Object({ object: Type.Literal("list"), data: Type.Array(Model) }),
};
const MODEL: Description = {
  tag: "consumption",
  summary: "One instrument as a model",
  bare: true,
  answer: Model,
  errors: ["instrument-not-found"],
};

export const CONSUMPTION_ROUTES: readonly KnownRoute[] = [
  { method: "POST", path: "/v1/chat/completions", description: CHAT, proof: "key" },
  { method: "GET", path: "/v1/models", description: MODELS, proof: "none" },
  { method: "GET", path: "/v1/models/:model", description: MODEL, proof: "none" },
];
