import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BackendError } from "./backend-error.ts";
import type { Answer, BackendClient } from "./openai-client.ts";
import { type WatchedClient, watchClient } from "./watched-client.ts";

const ANSWER: Answer = {
  body: Buffer.from("{}"),
  finishReason: "stop",
  promptTokens: null,
  completionTokens: null,
};
const signal = new AbortController().signal;

/** What the next requests come to: their pieces, or an error. */
let script: (string | BackendError)[] = [];
let probes: number;
let probeAnswers: boolean;
let changes: boolean[];
let watched: WatchedClient;

const inner: BackendClient = {
  model: "m",
  connections: 2,
  async stream(_body, _signal, _timeoutMs, take) {
    const next = script.shift() ?? "fine";
    if (next instanceof BackendError) throw next;
    await take({ type: "text", text: next });
    return ANSWER;
  },
  async complete() {
    probes += 1;
    if (!probeAnswers) throw new BackendError("timeout", "hangs");
    return ANSWER;
  },
  async close() {},
};

beforeEach(() => {
  script = [];
  probes = 0;
  probeAnswers = false;
  changes = [];
  const onChange = (isDown: boolean) => changes.push(isDown);
  watched = watchClient(inner, { hangsMax: 3, probePauseMs: 3 }, { onChange });
});
afterEach(() => watched.close());

/** Asks once; "fine" or the error's code. */
async function ask(): Promise<string> {
  try {
    let text = "";
    await watched.stream({}, signal, 1_000, (piece) => {
      if (piece.type === "text") text += piece.text;
      return null;
    });
    return text;
  } catch (error) {
    return (error as BackendError).code;
  }
}
const hang = () => new BackendError("timeout", "hangs");

test("three hangs in a row take the server out until a probe is answered", async () => {
  script = [hang(), hang(), hang()];
  expect([await ask(), await ask(), await ask()]).toEqual(["timeout", "timeout", "timeout"]);
  expect(await ask()).toBe("backend-unreachable");
  await vi.waitFor(() => expect(probes).toBeGreaterThan(2));
  expect(watched.isDown).toBe(true);
  probeAnswers = true;
  await vi.waitFor(() => expect(watched.isDown).toBe(false));
  expect(changes).toEqual([true, false]);
  expect(await ask()).toBe("fine");
});

test.each<[string, string | BackendError]>([
  ["an answer", "fine"],
  ["a refusal", new BackendError("backend-refused", "no", 400)],
  ["a failure", new BackendError("backend-failed", "oops", 500)],
])("%s in between is no hang, and begins the count anew", async (_name, between) => {
  script = [hang(), hang(), between, hang(), hang()];
  for (let asked = 0; asked < 5; asked += 1) await ask();
  expect(await ask()).toBe("fine");
  expect(changes).toEqual([]);
});

test("what is cancelled says nothing of the server", async () => {
  script = [hang(), hang(), new BackendError("cancelled", "gone"), hang()];
  for (let asked = 0; asked < 4; asked += 1) await ask();
  expect(changes).toEqual([true]);
});

test("a reader who leaves is no hang", async () => {
  for (let asked = 0; asked < 5; asked += 1) {
    const left = watched.stream({}, signal, 1_000, () => Promise.reject(new Error("left")));
    await expect(left).rejects.toThrow("left");
  }
  expect(changes).toEqual([]);
});
