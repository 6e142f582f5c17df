/** Which backend the demo's agent serves: the one named, one that runs, the bundled one, else a scripted one. */
import { detectBackend, findUsualBackend } from "#agent/backends/detect.ts";
import { startBundledEngine } from "./bundled-engine.ts";
import { startScriptedBackend } from "./scripted-backend.ts";

export interface DemoBackend {
  url: string;
  model: string;
  apiKey?: string | undefined;
  /** For the screen. */
  description: string;
  /** Only the bundled and the scripted backend sell `text-demo`; a real server sells `text-lite`. */
  isReal: boolean;
  close(): Promise<void>;
}

export interface BackendOptions {
  dataDir: string;
  backendUrl: string | undefined;
  apiKey: string | undefined;
  exchangePort: number;
}

export async function findDemoBackend(
  options: BackendOptions,
  { say }: { say: (line: string) => void },
): Promise<DemoBackend> {
  const { backendUrl, apiKey } = options;
  if (backendUrl !== undefined) {
    const named = await detectBackend(backendUrl, apiKey);
    if (named === null) {
      throw new Error(
        `BACKEND_URL is ${backendUrl}, but no OpenAI-compatible server with a model answers there; start it, or unset BACKEND_URL to use the bundled engine`,
      );
    }
    return described(named.url, named.models[0] ?? "", named.kind, apiKey);
  }
  const running = await findUsualBackend(options.exchangePort);
  if (running !== null) return described(running.url, running.models[0] ?? "", running.kind);
  try {
    const engine = await startBundledEngine({ dataDir: options.dataDir }, { say });
    return {
      ...engine,
      description: "the bundled engine (real llama.cpp on a tiny generated model)",
      isReal: false,
    };
  } catch (error) {
    say(`the bundled engine cannot be had here: ${(error as Error).message.split("\n")[0]}`);
    const scripted = await startScriptedBackend();
    return {
      url: scripted.url,
      model: scripted.model,
      description: "a SCRIPTED backend: it repeats what you say, no model answers",
      isReal: false,
      close: () => scripted.close(),
    };
  }
}

function described(url: string, model: string, kind: string, apiKey?: string): DemoBackend {
  return {
    url,
    model,
    apiKey,
    description: `${kind} at ${url}, model ${model}`,
    isReal: true,
    close: async () => {},
  };
}
