/** Figures that several benchmarks print. */
import { readdir, readFile } from "node:fs/promises";

/** The value below which so many percent of the values are; NaN where there is none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}

export interface ProcessFigures {
  /** Resident memory in MB of 10^6 bytes. */
  readonly residentMb: number;
  /** Open file descriptors. */
  readonly descriptors: number;
  /** Seconds of CPU time since its start, user and system. */
  readonly cpuSeconds: number;
}

/** Clock ticks of /proc in a second: USER_HZ, the same on every Linux. */
const ticks = 100;

/** What Linux says of a process. */
export async function processFigures(pid: number): Promise<ProcessFigures> {
  const [status, stat, descriptors] = await Promise.all([
    readFile(`/proc/${pid}/status`, "utf8"),
    readFile(`/proc/${pid}/stat`, "utf8"),
    readdir(`/proc/${pid}/fd`),
  ]);
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  // The name of the command, in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    residentMb: Math.round((kilobytes * 1024) / 1e6),
    descriptors: descriptors.length,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticks,
  };
}
