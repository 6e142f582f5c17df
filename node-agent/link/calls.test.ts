import { expect, test } from "vitest";
import type { Call } from "#protocol/link-messages.ts";
import { OutstandingCalls } from "./calls.ts";

test("a call that is not answered in time is given up, and a late answer counts for nothing", async () => {
  const sent: Call[] = [];
  const calls = new OutstandingCalls((call) => sent.push(call));
  const late = calls.call("list-asks", {}, 5);
  await expect(late).rejects.toMatchObject({ code: "timeout" });
  const next = calls.call("list-asks", {});
  calls.reply({ type: "reply", id: 1, ok: true, result: "late" });
  calls.reply({ type: "reply", id: 2, ok: true, result: "next" });
  expect(await next).toBe("next");
  expect(sent.map(({ id }) => id)).toEqual([1, 2]);
});

test("a refusal keeps its figures", async () => {
  const calls = new OutstandingCalls(() => {});
  const refused = calls.call("place-ask", { symbol: "a", price: "1", quantity: "1" });
  const error = { code: "capacity-exceeded", message: "less", details: { allowed: "0.5" } };
  calls.reply({ type: "reply", id: 1, ok: false, error });
  await expect(refused).rejects.toMatchObject(error);
});
