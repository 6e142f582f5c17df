/** Cutting output to what a record and the credit hold; text only between characters. */

/** Longest UTF-8 encoding of a character: with this much room some text always fits. */
export const CHARACTER_BYTES_MAX = 4;

/**
 * Where to cut UTF-8 text so that the first part has at most `bytesMax` bytes and ends with a whole
 * character. Never 0 when `bytesMax` is at least `CHARACTER_BYTES_MAX` and there is text.
 */
export function textCut(text: Uint8Array, bytesMax: number): number {
  if (text.length <= bytesMax) return text.length;
  let end = bytesMax;
  // A continuation byte is 10xxxxxx: step back to the first byte of its character.
  while (end > 0 && ((text[end] as number) & 0xc0) === 0x80) end -= 1;
  return end;
}
