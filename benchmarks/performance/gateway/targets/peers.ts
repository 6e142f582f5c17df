/** The gateways that ours is compared with, and the stub without any. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, hasProgram, start } from "#benchmarks/performance/gateway/processes.ts";
import { type Target, type TargetContext, TargetMissing } from "./target.ts";

const CONNECTIONS_MAX = 16_384;
const peer = fileURLToPath(new URL("../peer/", import.meta.url));

/** The stub itself. */
export async function directTarget({ stubPort }: TargetContext): Promise<Target> {
  return {
    name: "direct",
    port: stubPort,
    model: "stub",
    headers: {},
    keysFile: null,
    processes: {},
    close: async () => {},
  };
}

/** nginx as a pass-through: one worker, nothing buffered, connections to the stub kept. */
export async function nginxTarget({ stubPort, dir }: TargetContext): Promise<Target> {
  if (!hasProgram("nginx")) {
    throw new TargetMissing("nginx is not installed (Debian: apt-get install nginx-light)");
  }
  const port = await freePort();
  const file = join(dir, "nginx.conf");
  writeFileSync(file, nginxConfig({ port, stubPort, dir }));
  const nginx = await start({
    core: "target",
    command: "nginx",
    args: ["-c", file, "-p", dir],
    says: /(start worker process \d+)/,
  });
  return {
    name: "nginx",
    port,
    model: "stub",
    headers: {},
    keysFile: null,
    processes: { gateway: Number(/\d+/.exec(nginx.said)?.[0]) },
    close: nginx.stop,
  };
}

function nginxConfig({ port, stubPort, dir }: { port: number; stubPort: number; dir: string }) {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
worker_processes 1;
worker_rlimit_nofile ${2 * CONNECTIONS_MAX};
error_log stderr notice;
pid ${dir}/nginx.pid;
events { worker_connections ${CONNECTIONS_MAX}; }
http {
  access_log off;
${temp.map((name) => `  ${name}_temp_path ${dir}/${name};`).join("\n")}
  keepalive_requests 100000000;
  upstream stub {
    server 127.0.0.1:${stubPort};
    keepalive ${CONNECTIONS_MAX / 2};
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://stub;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_buffering off;
    }
  }
}
`;
}

/** Portkey's gateway, in the versions of its own lockfile. */
export async function portkeyTarget({ stubPort }: TargetContext): Promise<Target> {
  const program = "node_modules/@portkey-ai/gateway/build/start-server.js";
  if (!existsSync(join(peer, program))) {
    throw new TargetMissing(
      "@portkey-ai/gateway is not installed (npm ci --prefix benchmarks/performance/gateway/peer)",
    );
  }
  const port = await freePort();
  const started = await start({
    core: "target",
    command: process.execPath,
    args: [program, `--port=${port}`, "--headless"],
    cwd: peer,
    env: { NODE_ENV: "production" },
    says: /(Ready for connections)/,
  });
  return {
    name: "portkey",
    port,
    model: "stub",
    headers: {
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `http://127.0.0.1:${stubPort}/v1`,
    },
    keysFile: null,
    processes: { gateway: started.pid },
    close: started.stop,
  };
}
