import fc from "fast-check";
import { expect, test } from "vitest";
import { CHARACTER_BYTES_MAX, textCut } from "./payload-cut.ts";

test("every part is whole text within its bound, and the parts are the text", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.array(fc.integer({ min: CHARACTER_BYTES_MAX, max: 20 }), { minLength: 1 }),
      (text, bounds) => {
        const bytes = Buffer.from(text);
        let joined = "";
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const boundBytes = bounds[turn % bounds.length] as number;
          const length = textCut(bytes.subarray(at), boundBytes);
          expect(length).toBeGreaterThan(0);
          expect(length).toBeLessThanOrEqual(boundBytes);
          joined += bytes.subarray(at, at + length).toString("utf8");
          at += length;
        }
        // A part cut inside a character would hold U+FFFD.
        expect(joined).toBe(text.toWellFormed());
      },
    ),
  );
});
