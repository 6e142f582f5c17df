/** `GET /diagnostics`: what an account would have to change before it can trade or be served. */
import type { FastifyInstance } from "fastify";
import { available, bond } from "#exchange/core/ledger/account-names.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { described } from "#exchange/reference/described.ts";
import type { Shell } from "#exchange/shell.ts";
import { formatMicros } from "#protocol/money.ts";
import { accountOf } from "./account-routes.ts";
import { DiagnosticsAnswer } from "./schemas/account.ts";
import { callerOf, readData } from "./scope.ts";

type Status = "ok" | "warn" | "fail";
interface Check {
  name: string;
  status: Status;
  code: string;
  detail: string;
  next_action: string | null;
}

const DIAGNOSTICS = described({
  tag: "health",
  summary: "Checks the exchange and the caller's account, and says what to do",
  answer: DiagnosticsAnswer,
});

export async function diagnosticsRoute(
  app: FastifyInstance,
  { shell }: { shell: Shell },
): Promise<void> {
  app.get("/diagnostics", DIAGNOSTICS, (request, reply) =>
    readData(shell, reply, (state) => {
      const checks = [
        tradingCheck(shell.stoppedBecause !== null),
        modeCheck(state, callerOf(request)),
        moneyCheck(state, callerOf(request)),
        nodesCheck(state, callerOf(request)),
      ];
      const worst = (["fail", "warn"] as const).find((status) =>
        checks.some((check) => check.status === status),
      );
      const notOk = checks.filter(({ status }) => status !== "ok");
      return {
        status: worst ?? "ok",
        service: "trading",
        server_time: new Date(state.nowMs).toISOString(),
        checks,
        summary: notOk.length === 0 ? "all is well" : notOk.map(({ detail }) => detail).join("; "),
      };
    }),
  );
}

function ok(name: string, detail: string): Check {
  return { name, status: "ok", code: "OK", detail, next_action: null };
}

function tradingCheck(isStopped: boolean): Check {
  if (!isStopped) return ok("trading", "commands are executed");
  return {
    name: "trading",
    status: "fail",
    code: "TRADING_STOPPED",
    detail: "the exchange executes nothing",
    next_action: "wait for its operator",
  };
}

function modeCheck(state: CoreState, account: number): Check {
  const { mode } = accountOf(state, account);
  if (mode === "advanced") return ok("account_mode", "Advanced Mode: the account trades by itself");
  return ok("account_mode", "Auto Mode: requests buy what they need, orders are not taken");
}

function moneyCheck(state: CoreState, account: number): Check {
  const free = state.ledger.free(available(account));
  if (free > 0n) return ok("balance", `${formatMicros(free)} USD are available`);
  return {
    name: "balance",
    status: "warn",
    code: "NO_BALANCE",
    detail: "no money is available",
    next_action: "deposit, or cancel bids that hold it",
  };
}

function nodesCheck(state: CoreState, account: number): Check {
  const nodes = [...state.nodes.values()].filter((node) => node.account === account);
  if (nodes.length === 0)
    return ok("nodes", "the account has no nodes and sells nothing it issues");
  const linked = nodes.filter(({ session }) => session !== null).length;
  if (linked === 0) {
    return {
      name: "nodes",
      status: "fail",
      code: "NODES_AWAY",
      detail: `none of ${nodes.length} nodes is linked`,
      next_action: "start an agent; its asks leave the book while it is away",
    };
  }
  if (state.ledger.balance(bond(account)) > 0n) return ok("nodes", `${linked} nodes are linked`);
  return {
    name: "nodes",
    status: "warn",
    code: "NO_BOND",
    detail: "nodes are linked, and there is no bond for asks",
    next_action: "post bond",
  };
}
