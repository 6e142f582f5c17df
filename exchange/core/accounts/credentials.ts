/** Keys, join tokens, and ids that are remembered so that a repeat changes nothing. */

export interface ApiKey {
  keyId: string;
  account: number;
  secretHash: string;
  label: string;
  createdAtMs: number;
}

export interface SigningKey {
  fingerprint: string;
  account: number;
  publicKey: string;
  label: string;
  createdAtMs: number;
}

export interface JoinToken {
  tokenHash: string;
  account: number;
  nodesLeft: number;
  expiresAtMs: number;
}

export interface ClientId {
  digest: string;
  result: Record<string, string | number | null>;
  atMs: number;
}

export interface DepositReference {
  digest: string;
  atMs: number;
}
