import { readFile } from "node:fs/promises";

/** Connections to Kapacitor, files, and what the runtime itself needs. */
const reserve = 512;

/**
 * Warns when the process may not open as many files as max-connections asks for; undefined when it may, or when the system does not say
 * (only Linux does). Past the limit connections wait or are closed by the system, and Kapacitor cannot be reached either.
 */
export async function fileLimitProblem(
  maxConnections: number,
  limits = "/proc/self/limits",
): Promise<string | undefined> {
  const text = await readFile(limits, "utf8").catch(() => "");
  // The runtime raises the soft limit to the hard one when it starts.
  const [, soft = ""] = /^Max open files\s+(\d+)/m.exec(text) ?? [];
  const needed = maxConnections + reserve;
  if (soft === "" || Number(soft) >= needed) return undefined;
  return `max-connections = ${maxConnections} needs about ${needed} open files, and this process may have ${soft}: raise the limit (LimitNOFILE= in the unit, ulimit -n) or lower max-connections`;
}
