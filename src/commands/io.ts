import type { Readable } from "node:stream";

/** Where a command reads from: `process.stdin`, or any stream of bytes. */
export interface CommandInput extends Readable {
  /** True for a terminal, which then has `setRawMode` too. */
  readonly isTTY?: boolean;
  readonly setRawMode?: (raw: boolean) => unknown;
}

/** Where a command writes to: `process.stdout`, `process.stderr`. */
export interface CommandOutput {
  readonly write: (text: string) => unknown;
}

/**
 * All that a command sees of the process. A command returns its exit code (0 fine, 1 usage or configuration, 2 could not
 * start or run, 3 findings) and never ends the process itself.
 */
export interface CommandIo {
  /** What stands behind the command's name. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly stdin: CommandInput;
  readonly stdout: CommandOutput;
  readonly stderr: CommandOutput;
}
