/** Takes a frame apart as a client's WebSocket would (RFC 6455 section 5.2). */
export function wireText(frame: Buffer): string {
  const length = frame[1] as number;
  return frame.subarray(length < 126 ? 2 : length === 126 ? 4 : 10).toString();
}
