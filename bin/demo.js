/** `npm start`: checks the runtime, then hands over to the demo's sources. */
import { nodeVersionProblem } from "./node-version.js";
import { readTypeScript } from "./read-typescript.js";

const problem = nodeVersionProblem(process.versions.node);
if (problem !== null) {
  console.error(problem);
  process.exit(1);
}
await readTypeScript();
await import("../demo/main.ts");
