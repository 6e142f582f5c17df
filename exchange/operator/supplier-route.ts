/** `GET /suppliers/:id/scores`: how a supplier stands, per instrument, with the figures it rests on. */
import type { FastifyInstance } from "fastify";
import { type InstrumentScores, supplierScores } from "#exchange/core/sla/scores.ts";
import { Refused } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import { formatMicros } from "#protocol/money.ts";
import { SCORES } from "./descriptions.ts";

/** Registers the route. An account that never sold anything has scores without instruments. */
export function supplierRoute(app: FastifyInstance, shell: Shell): void {
  app.get<{ Params: { id: string } }>("/suppliers/:id/scores", SCORES, ({ params: { id } }) =>
    shell.read((state) => {
      const account = parsePublicId("account", id);
      if (account === null || !state.accounts.has(account)) {
        throw new Refused("account-not-found", `no account "${id.slice(0, 80)}"`);
      }
      const scores = supplierScores(state, account);
      return {
        data: {
          account_id: publicId("account", account),
          pending: formatMicros(scores.pendingMicros),
          held_back: formatMicros(scores.heldBackMicros),
          owed: formatMicros(scores.owedMicros),
          integrity: scores.integrity,
          instruments: scores.instruments.map(instrumentOf),
        },
      };
    }),
  );
}

function instrumentOf({ window, lastWindow, rolling, ...scores }: InstrumentScores) {
  return {
    instrument: scores.symbol,
    tier: scores.tier,
    tier_since: timeOf(scores.tierSinceMs),
    breaker: scores.breaker,
    weight_bps: scores.weightBps,
    suspended_until: timeOf(scores.suspendedUntilMs),
    suspension_level: scores.suspensionLevel,
    strikes: scores.strikes,
    window: window && {
      ends_at: timeOf(window.endsAtMs),
      windows_carried: window.windowsCarried,
      good: window.good,
      slow: window.slow,
      failed: window.failed,
      excused: window.excused,
      failed_value: formatMicros(window.failedMicros),
    },
    last_window: lastWindow && {
      ended_at: timeOf(lastWindow.endsAtMs),
      requests: lastWindow.requests,
      slow_requests: lastWindow.slowRequests,
      failed_requests: lastWindow.failedRequests,
      failure_rate_ppm: lastWindow.failureRatePpm,
      charge: formatMicros(lastWindow.chargeMicros),
      cap: formatMicros(lastWindow.capMicros),
    },
    rolling: {
      requests: rolling.scored,
      failed: rolling.failed,
      failure_rate_min: rolling.failureRateMin,
    },
  };
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
