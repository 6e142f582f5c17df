/**
 * What `strace -f -yy` wrote, as calls with a beginning and an end. A line's place is its time: the
 * tracer stops a thread at both, and writes them down in the order in which they happened.
 */

export interface SystemCall {
  name: string;
  thread: number;
  /** What the file descriptor stands for: a path, or `TCP:[…]`. */
  file: string;
  /** Everything it wrote, as latin1 text. */
  data: string;
  /** Lines at which it began and had ended; no end means that it was still under way. */
  beganAt: number;
  endedAt: number | null;
  /** Null while under way; -1 when it failed. */
  result: number | null;
}

/** What a test needs of the tracer: descriptors by name, whole strings, these calls and no others. */
export function traceCommand(outputFile: string): string[] {
  const calls = "write,writev,sendto,sendmsg,pwrite64,pwritev,fdatasync,fsync";
  return ["strace", "-f", "-yy", "-s", "1000000", "-e", `trace=${calls}`, "-o", outputFile];
}

const LINE = /^(\d+) +(.*)$/;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)$/;
const UNFINISHED = " <unfinished ...>";
const CALL = /^(\w+)\((?:\d+<((?:[\w-]+:\[[^\]]*\])|[^>]*)>)?/;
const RESULT = /\) += (-?\d+|\?)[^)]*$/;
const STRING = /"((?:\\.|[^"\\])*)"(\.\.\.)?/g;

/** Reads a trace. Throws for a string that the tracer cut short: nothing can be found in it. */
export function readTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const underWay = new Map<number, { call: SystemCall; head: string }>();
  for (const [at, line] of text.split("\n").entries()) {
    const [, pid = "", rest = ""] = LINE.exec(line) ?? [];
    const thread = Number(pid);
    const resumed = RESUMED.exec(rest);
    if (resumed !== null) {
      const begun = underWay.get(thread);
      underWay.delete(thread);
      if (begun !== undefined) end(begun.call, begun.head + (resumed[2] ?? ""), at);
      continue;
    }
    const [, name, file = ""] = CALL.exec(rest) ?? [];
    if (name === undefined) continue;
    const call: SystemCall = {
      name,
      thread,
      file,
      data: "",
      beganAt: at,
      endedAt: null,
      result: null,
    };
    calls.push(call);
    if (rest.endsWith(UNFINISHED)) {
      const head = rest.slice(0, -UNFINISHED.length);
      call.data = writtenIn(head, at);
      underWay.set(thread, { call, head });
    } else end(call, rest, at);
  }
  return calls;
}

function end(call: SystemCall, text: string, at: number): void {
  const result = RESULT.exec(text)?.[1];
  call.data = writtenIn(text, at);
  call.endedAt = at;
  call.result = result === undefined || result === "?" ? null : Number(result);
}

function writtenIn(text: string, at: number): string {
  let data = "";
  for (const [, string = "", cut] of text.matchAll(STRING)) {
    if (cut !== undefined) throw new Error(`line ${at + 1}: the tracer cut a string; raise its -s`);
    data += string.replace(/\\([0-7]{1,3}|.)/g, (_all, code: string) => unescaped(code));
  }
  return data;
}

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", v: "\v", f: "\f" };

function unescaped(code: string): string {
  if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
  return ESCAPES[code] ?? code;
}
