/** What is said to somebody who starts gridspot on a Node that is too old; null when it is new enough. */
export function nodeVersionProblem(version) {
  const [major, minor] = version.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 13)) return null;
  return `gridspot needs Node 22.13 or newer, this is Node ${version}; install Node 24, or run it in a clone with \`npm run gridspot -- …\`, which brings its own.`;
}
