import { readdir, readFile, stat } from "node:fs/promises";
import { PassThrough } from "node:stream";
import type { CommandIo } from "../../src/commands/io.ts";

/** What a command did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in a directory, with nothing in its environment. */
export async function runIn(
  workingDirectory: string,
  command: (io: CommandIo) => Promise<number>,
  ...argv: readonly string[]
): Promise<Outcome> {
  const written = { stdout: "", stderr: "" };
  const code = await command({
    argv,
    environment: {},
    workingDirectory,
    stdin: new PassThrough(),
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
  });
  return { code, ...written };
}

export const read = (path: string) => readFile(path, "utf8");
/** The permission bits, octal. */
export const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

/** Every file below a directory with its content: what must not change. */
export async function contents(directory: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
  return Object.fromEntries(await Promise.all(files.sort().map(async (file) => [file, await read(file)])));
}
