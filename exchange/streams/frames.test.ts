import { describe, expect, test } from "vitest";
import * as ws from "ws";
import { eventBytes, wireBytes } from "./frames.ts";
import { wireText } from "./wire-text.fixture.ts";

/** Exported by `ws`, and not in its types. */
const { Sender } = ws as unknown as {
  Sender: { frame(data: Buffer, options: object): Buffer[] };
};
const TEXT_OPTIONS = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };

describe("a text on the wire", () => {
  // Around each length at which the head grows; that of 123 has a "{" in it.
  test.each([0, 1, 123, 125, 126, 127, 65_535, 65_536, 200_000])(
    "of %i bytes is the frame that ws makes",
    (bytes) => {
      const text = "x".repeat(bytes);
      const made = Buffer.concat(Sender.frame(Buffer.from(text), TEXT_OPTIONS));
      expect(wireBytes(text).equals(made)).toBe(true);
      expect(wireText(wireBytes(text))).toBe(text);
    },
  );

  test("counts bytes, not characters", () => {
    const text = wireText(eventBytes("e", { data: "ü€🙂" }));
    expect(JSON.parse(text).payload).toEqual({ data: "ü€🙂" });
  });
});
