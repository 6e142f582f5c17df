/**
 * What a thread of ours is started with, so that it can run TypeScript: nothing where Node strips types
 * itself. Under tsx a thread loads a compiler first, and runs code with a name tied to every closure.
 */
export function typeScriptFlags(
  stripsTypes: unknown = process.features.typescript,
  resolve: (name: string) => string = import.meta.resolve,
): string[] {
  // Resolved from here, not from wherever the process was started.
  return stripsTypes ? [] : ["--import", resolve("tsx")];
}
