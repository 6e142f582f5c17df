/** Two clients that know the published text alone, and a whole exchange: one of them sells, one buys. */
import { randomBytes } from "node:crypto";
import { startRunningExchange } from "#exchange/running-exchange.fixture.ts";
import { type Published, PublishedClient, PublishedError } from "./published-client.fixture.ts";

export const SYMBOL = "text-prime";

/** Starts it; the supplier's node is linked, and nothing is issued. */
export async function startPublishedWorld() {
  const exchange = await startRunningExchange();
  const newClient = () =>
    new PublishedClient({
      baseUrl: `${exchange.url}/v1`,
      privateKey: randomBytes(32).toString("base64"),
    });

  /** An account with a registered key, by the operator; in life the dashboard does this. */
  async function open(name: string, dollars: string, mode = "advanced") {
    const client = newClient();
    const { account_id } = (await exchange.operator("POST", "accounts", { name, mode })) as {
      account_id: string;
    };
    const key = { account_id, label: name, kind: "signing", public_key: client.publicKey };
    await exchange.operator("POST", "keys", key);
    await exchange.operator("POST", "deposits", { account_id, amount: dollars, reference: name });
    return { client, account_id };
  }

  const { client: trader } = await open("trader", "100");
  const { client: supplier, account_id } = await open("supplier", "10");
  const bond = { account_id, amount: "1000", to: "bond", reference: "bond" };
  await exchange.operator("POST", "deposits", bond);
  // A node that is linked and was measured; an agent does this.
  const account = Number.parseInt(account_id.slice(-12), 16);
  const tokenHash = "token";
  const expiresAtMs = Date.now() + 600_000;
  await exchange.run({ type: "create-join-token", account, tokenHash, nodesMax: 1, expiresAtMs });
  const { node } = await exchange.run({ type: "enrol-node", tokenHash, publicKey: "p", name: "n" });
  const supplies = [{ symbol: SYMBOL, capacityTokens: 400_000_000 }];
  await exchange.run({ type: "connect-node", node, session: "s", slots: 4, supplies });
  const markets: Published[] = await trader.get("/markets");
  const market: Published = markets.find((each) => each.name.startsWith(SYMBOL));

  const order = (fields: object) => ({
    market_id: market.market_id,
    side: "buy",
    type: "limit",
    quantity: "1",
    price: "0.50",
    time_in_force: "gtc",
    ...fields,
  });

  return {
    ...exchange,
    ...{ trader, supplier, market, instrumentId: market.instruments[0].instrument_id as string },
    ...{ newClient, open, order },
    /** The supplier offers 10 Units at a dollar, and the trader buys 2 of them. */
    async trade() {
      const instrument_id = SYMBOL;
      await supplier.post("/supply-issuances", { instrument_id, quantity: 20 });
      await supplier.post("/issuance-accounts/transfer", { instrument_id, quantity: 15 });
      await supplier.post("/orders", order({ side: "sell", price: "1.00", quantity: 10 }));
      await trader.post("/orders", order({ price: "1.00", quantity: "2" }));
    },
  };
}
export type PublishedWorld = Awaited<ReturnType<typeof startPublishedWorld>>;

/** What it is refused with; throws when it is not. */
export async function refusal(what: Promise<unknown>): Promise<PublishedError> {
  try {
    await what;
  } catch (error) {
    if (error instanceof PublishedError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}
