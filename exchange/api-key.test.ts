import { expect, test } from "vitest";
import { createCore } from "#exchange/core/core.ts";
import { createApiKey, findByApiKey, parseApiKey } from "./api-key.ts";

test("a key names its environment and id, and passes its own checksum", () => {
  const { key, keyId } = createApiKey("live");
  expect(key).toMatch(/^gs_live_[0-9A-Za-z]{46}$/);
  expect(parseApiKey(key)).toBe(keyId);
});

test("any one changed, lost or added character fails the checksum", () => {
  const { key } = createApiKey("test");
  for (let at = 8; at < key.length; at += 1) {
    const other = key[at] === "a" ? "b" : "a";
    expect(parseApiKey(`${key.slice(0, at)}${other}${key.slice(at + 1)}`)).toBeNull();
  }
  expect(parseApiKey(key.slice(0, -1))).toBeNull();
  expect(parseApiKey(`${key}a`)).toBeNull();
});

test("a sound key that was never issued, or another secret under a known id, finds nobody", () => {
  const core = createCore();
  const known = createApiKey("live");
  const stranger = createApiKey("live");
  core.execute({ type: "open-account", name: "a", mode: "easy" }, 1);
  const { keyId } = known;
  core.execute({ type: "add-api-key", account: 1, keyId, secretHash: known.hash, label: "l" }, 1);
  expect(findByApiKey(core.state, known.key)).toEqual({ account: 1, keyId });
  expect(findByApiKey(core.state, stranger.key)).toBeNull();
  core.execute(
    { type: "add-api-key", account: 1, keyId: stranger.keyId, secretHash: known.hash, label: "l" },
    1,
  );
  expect(findByApiKey(core.state, stranger.key)).toBeNull();
});
