/** Lets this process load TypeScript sources, through tsx where Node cannot strip types itself. */
export async function readTypeScript() {
  // tsx names every closure when it is made, which costs a table of 256 bytes each: a quarter of the
  // memory of an open stream.
  if (process.features.typescript) return;
  const { register } = await import("tsx/esm/api");
  register();
}
