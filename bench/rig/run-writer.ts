import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { cores } from "./programs.ts";
import type { WriterResult, WriterSettings } from "./writer.ts";

const run = promisify(execFile);

/** Runs a writer on the core of the others. */
export async function runWriter(settings: WriterSettings): Promise<WriterResult> {
  const script = join(import.meta.dirname, "writer.ts");
  const args = ["-c", String(cores.others), process.execPath, script, JSON.stringify(settings)];
  const { stdout } = await run("taskset", args, { maxBuffer: 1 << 24 });
  return JSON.parse(stdout);
}
