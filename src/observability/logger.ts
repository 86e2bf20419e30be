import pino from "pino";
import { formatLogfmt } from "./logfmt.ts";
import { openSink, type Sink } from "./sink.ts";

/** Settings of `[logging]`. */
export interface LoggingOptions {
  /** `STDERR`, `STDOUT` or a path. */
  readonly file: string;
  readonly level: "DEBUG" | "INFO" | "WARN" | "ERROR";
  readonly format: "json" | "logfmt";
}

/** A log. Records are objects of named fields; nothing in them is a header object, a body or a secret. */
export interface Log {
  readonly pino: pino.Logger;
  /** Opens the file again under its name: log rotation by SIGHUP. Resolves with what went wrong. Nothing for STDERR and STDOUT. */
  reopen(): Promise<string | undefined>;
  /** Ends the log: resolves when everything logged so far has been handed to the system, or could not be. */
  close(): Promise<void>;
  /** Records lost because the file or its reader was too slow, or full. */
  dropped(): number;
  /** Why records wait, in the system's word; undefined while they are taken. */
  problem(): string | undefined;
}

/**
 * Opens a log. Writes are buffered and leave the event loop free; {@link Log.close} it before the process ends, or they are lost.
 * A sink that fails (disk full, closed pipe) loses records, never requests. Rejects when the file cannot be opened for appending.
 */
export async function openLog(options: LoggingOptions): Promise<Log> {
  const sink = await openSink(options.file);
  const { reopen, close, dropped, problem } = sink;
  return { pino: createLogger(options, sink), reopen, close, dropped, problem };
}

function createLogger({ level, format }: LoggingOptions, sink: Sink): pino.Logger {
  return pino(
    {
      level: level.toLowerCase(),
      base: null,
      timestamp: () => `,"time":"${timestamp()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === "logfmt" ? { write: (line: string) => sink.write(formatLogfmt(line)) } : sink,
  );
}

/** Writes a record that is JSON already, without a line end. The caller has looked at the level. */
export function writeLine(log: pino.Logger, line: string): void {
  const { [pino.symbols.streamSym]: stream } = log as pino.Logger & Record<typeof pino.symbols.streamSym, LineTaker>;
  stream.write(`${line}\n`);
}

interface LineTaker {
  write(line: string): void;
}

let lastTime = 0;
let lastTimestamp = "";

/** The time of a record; writing it out is most of what a record costs, and many come within a millisecond. */
export function timestamp(): string {
  const now = Date.now();
  if (now !== lastTime) {
    lastTime = now;
    lastTimestamp = new Date(now).toISOString();
  }
  return lastTimestamp;
}
