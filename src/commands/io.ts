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

/** What a command that serves needs besides. */
export interface ProcessIo extends CommandIo {
  readonly pid: number;
  /** Calls the listener for every SIGHUP, SIGTERM and SIGINT; from then on they do not end the process by themselves. */
  readonly onSignal: (listener: (signal: "SIGHUP" | "SIGTERM" | "SIGINT") => void) => void;
  /** Calls the listener for an exception that nobody caught: the process is in no known state and has to end. */
  readonly onFault: (listener: (error: unknown) => void) => void;
}
