/** A client that times one streamed answer: first content, end, and how many deltas came. */
import http from "node:http";

export interface StreamTimes {
  firstMs: number;
  totalMs: number;
  deltas: number;
}

export interface StreamTarget {
  url: string;
  model: string;
  apiKey: string;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

/** Sends one request with the stub's schedule in its message; rejects on anything but a whole stream. */
export function timeStream(
  target: StreamTarget,
  schedule: string,
  deltas: number,
): Promise<StreamTimes> {
  const body = JSON.stringify({
    model: target.model,
    stream: true,
    max_tokens: deltas + 64,
    messages: [{ role: "user", content: schedule }],
  });
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    let firstMs = 0;
    let seen = 0;
    let rest = "";
    let done = false;
    const request = http.request(
      `${target.url}/v1/chat/completions`,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${target.apiKey}`,
          "content-length": Buffer.byteLength(body),
        },
      },
      (response) => {
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          const lines = (rest + text).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) {
            if (line.includes('"content":" word"')) {
              if (seen === 0) firstMs = performance.now() - startMs;
              seen += 1;
            } else if (line === "data: [DONE]") done = true;
          }
        });
        response.on("end", () => {
          if (response.statusCode === 200 && done && seen === deltas) {
            resolve({ firstMs, totalMs: performance.now() - startMs, deltas: seen });
          } else {
            reject(new Error(`status ${response.statusCode}, ${seen} of ${deltas} deltas ${rest}`));
          }
        });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}
