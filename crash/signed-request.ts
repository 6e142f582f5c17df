/** A trading request with its Ed25519 signature; built anew for each sending, for it has a time in it. */
import { fingerprintOf, type Identity, signedRequestText } from "#protocol/signing.ts";

/** What `fetch` takes for this request. */
export function signedRequest(
  identity: Identity,
  method: string,
  path: string,
  body = "",
): RequestInit {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const text = signedRequestText(timestamp, method, path.split("?")[0] ?? "", body);
  return {
    method,
    headers: {
      "content-type": "application/json",
      "x-thegrid-timestamp": timestamp,
      "x-thegrid-fingerprint": fingerprintOf(identity.publicKey),
      "x-thegrid-signature": identity.sign(text).toString("base64"),
    },
    ...(body === "" ? {} : { body }),
  };
}
