/** What this machine has, for the log: never blocks longer than a bound, and says what it could not read. */
import si from "systeminformation";

const READ_TIMEOUT_MS = 5_000;

export interface Hardware {
  cpu: string | null;
  cores: number | null;
  memoryBytes: number | null;
  gpus: string[] | null;
  unread: string[];
}

export async function readHardware(): Promise<Hardware> {
  const unread: string[] = [];
  async function bounded<T>(name: string, read: Promise<T>): Promise<T | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), READ_TIMEOUT_MS);
    });
    const value = await Promise.race([read.catch(() => null), late]);
    clearTimeout(timer);
    if (value === null) unread.push(name);
    return value;
  }
  const [cpu, memory, graphics] = await Promise.all([
    bounded("cpu", si.cpu()),
    bounded("memory", si.mem()),
    bounded("gpus", si.graphics()),
  ]);
  return {
    cpu: cpu === null ? null : `${cpu.manufacturer} ${cpu.brand}`.trim(),
    cores: cpu?.cores ?? null,
    memoryBytes: memory?.total ?? null,
    gpus: graphics?.controllers.map((gpu) => `${gpu.vendor} ${gpu.model}`.trim()) ?? null,
    unread,
  };
}
