/** Whom the command line gives the operator's token, when the address in a data directory may be stale. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fastify } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCore } from "#exchange/core/core.ts";
import { healthRoutes } from "#exchange/health-routes.ts";
import { askForBackup, publishAddress, withdrawAddress } from "./running-exchange.ts";

const TOKEN = "gso_secret";
let dir = "";
let closings: (() => unknown)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-address-"));
  writeFileSync(join(dir, "operator.token"), `${TOKEN}\n`);
});
afterEach(async () => {
  for (const close of closings) await close();
  closings = [];
  rmSync(dir, { recursive: true, force: true });
});

/** Somebody who listens; `heard` is every request with its token. */
async function listener(answer: (path: string) => Promise<string>) {
  const heard: string[] = [];
  const server = http.createServer(async (request, response) => {
    heard.push(`${request.url?.split("?")[0]} ${request.headers.authorization ?? "no token"}`);
    response.end(await answer(request.url ?? ""));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closings.push(() => server.close());
  return { heard, port: (server.address() as AddressInfo).port };
}

/** An exchange with that token, as far as it shows who it is; returns its port. */
async function exchangeWith(token: string): Promise<number> {
  const app = fastify();
  const { state } = createCore();
  const shell = {
    stoppedBecause: null,
    read: async <T>(view: (of: typeof state) => T) => view(state),
  };
  healthRoutes(app, { shell, operatorToken: token, isStopping: () => false });
  app.post("/operator/v1/backup", async (request, reply) => {
    expect(request.headers.authorization).toBe(`Bearer ${token}`);
    return reply.status(201).send({ data: { file: "made" } });
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  closings.push(() => app.close());
  return (app.server.address() as AddressInfo).port;
}

const proofFrom = (port: number) => async (path: string) =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).text();

test("the exchange itself is asked, once it has shown who it is", async () => {
  publishAddress(dir, "0.0.0.0", await exchangeWith(TOKEN));
  expect(await askForBackup(dir, "/backup")).toEqual({ file: "made" });
});

test.each<[string, () => Promise<(path: string) => Promise<string>>]>([
  ["says nothing", async () => async () => ""],
  ["says something else", async () => async () => '{"data":{"proof":"0"}}'],
  ["says too much", async () => async () => "x".repeat(100_000)],
  ["is an exchange with another token", async () => proofFrom(await exchangeWith("gso_other"))],
  ["asks our exchange on another port", async () => proofFrom(await exchangeWith(TOKEN))],
])("somebody who %s gets no token", async (_what, answering) => {
  const { heard, port } = await listener(await answering());
  publishAddress(dir, "127.0.0.1", port);
  await expect(askForBackup(dir, "/backup")).rejects.toThrow(
    `an exchange has ${dir} open but does not answer at http://127.0.0.1:${port} yet; try again`,
  );
  expect(heard).toEqual(["/operator-proof no token"]);
});

test("without an address, or with one where nobody listens, the words say to try again", async () => {
  await expect(askForBackup(dir, "/backup")).rejects.toThrow("does not answer yet; try again");
  publishAddress(dir, "127.0.0.1", 9);
  await expect(askForBackup(dir, "/backup")).rejects.toThrow("does not answer at http");
  withdrawAddress(dir);
  await expect(askForBackup(dir, "/backup")).rejects.toThrow("does not answer yet; try again");
});

test("a challenge that is none is refused", async () => {
  const port = await exchangeWith(TOKEN);
  for (const challenge of ["", "?challenge=", "?challenge=xyz", "?challenge=1&challenge=2"]) {
    const { status } = await fetch(`http://127.0.0.1:${port}/operator-proof${challenge}`);
    expect(status).not.toBe(200);
  }
});
