/** The HTTP server under all of the exchange's APIs, with a limit on how long a request may take to arrive. */
import http from "node:http";

export interface HttpTimes {
  headersTimeoutMs: number;
  /** For the whole request; the answer may take as long as it does. */
  requestTimeoutMs: number;
  /** How often connections are looked at for both. */
  checkMs: number;
}

export const HTTP_TIMES: HttpTimes = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  checkMs: 5_000,
};

export function createHttpServer(
  handler: http.RequestListener,
  times: HttpTimes = HTTP_TIMES,
): http.Server {
  return http.createServer(
    {
      headersTimeout: times.headersTimeoutMs,
      requestTimeout: times.requestTimeoutMs,
      connectionsCheckingInterval: times.checkMs,
    },
    handler,
  );
}
