/**
 * Why orders end, in one table. The first five are The Grid's published words; the others are ours,
 * for ends that it does not publish. A word never changes its meaning.
 */
export const CLOSURE_REASONS = {
  cancelled: "Its owner cancelled it, or it could not pay its fee when it came to trade.",
  partially_filled_no_liquidity: "It traded what there was and does not rest.",
  partially_filled_max_slippage: "It traded as far as its protection price.",
  no_fill_no_liquidity: "There was nothing to trade with, or not all of it for fok.",
  no_fill_max_slippage: "Everything was beyond its protection price.",
  self_trade_prevented: "It met an order of its own owner.",
  supplier_away: "Its supplier lost its link or its breaker opened, and the grace was over.",
  supplier_suspended: "Its supplier was suspended from selling.",
  capacity_fell: "Measured capacity no longer carries it.",
  post_only_would_cross: "post_only, it came back to orders that it would have taken.",
  bond_exhausted: "Its supplier could not pay a charge.",
  swept: "It offered Lots that entered Consumption.",
  lot_ended: "It offered a Lot that ended.",
  out_of_band: "Its stop price came when its limit was too far from the reference price.",
  expired: "Its day or its date was over.",
  session_ended: "It was placed for a session that ended.",
  cancel_after: "Its owner's dead man's switch was not renewed.",
  quote_group_limit: "Fills of its quote group reached their limit.",
  replaced: "Another set of quotes took its place.",
  market_closed: "Trading of its instrument was closed.",
} as const;

export type ClosureReason = keyof typeof CLOSURE_REASONS;
