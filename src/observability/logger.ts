import { open } from "node:fs/promises";
import pino from "pino";
import { formatLogfmt } from "./logfmt.ts";

/** Settings of `[logging]`. */
export interface LoggingOptions {
  /** `STDERR`, `STDOUT` or a path. */
  readonly file: string;
  readonly level: "DEBUG" | "INFO" | "WARN" | "ERROR";
  readonly format: "json" | "logfmt";
}

/** The process log. Records are objects of named fields; nothing in them is a header object, a body or a secret. */
export interface Log {
  readonly pino: pino.Logger;
  /** Opens the file again under its name: log rotation by SIGHUP. A no-op for STDERR and STDOUT. */
  reopen(): void;
  /** Ends the log: resolves when everything logged so far has been handed to the system, or could not be. */
  close(): Promise<void>;
}

/**
 * Opens the log. Writes are buffered and leave the event loop free; {@link Log.close} it before the process ends, or they are lost.
 * A sink that fails (disk full, closed pipe) loses records, never requests. Rejects when the file cannot be opened for appending.
 */
export async function openLog(options: LoggingOptions): Promise<Log> {
  const standard = options.file === "STDERR" ? 2 : options.file === "STDOUT" ? 1 : undefined;
  // pino reports a file that cannot be opened much later, by an event.
  if (standard === undefined) await (await open(options.file, "a")).close();
  const destination = pino.destination({
    dest: standard ?? options.file,
    sync: false,
    append: true,
    mkdir: false,
    maxLength: 16_777_216,
  });
  destination.on("error", () => {
    // The sink is gone and there is no other place to say so; the next reopen or restart mends it.
  });
  const stream =
    options.format === "logfmt" ? { write: (line: string) => destination.write(formatLogfmt(line)) } : destination;
  const logger = pino(
    {
      level: options.level.toLowerCase(),
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    pino: logger,
    reopen: () => {
      if (standard === undefined) destination.reopen();
    },
    close: () =>
      new Promise((resolve) => {
        destination.once("close", resolve);
        destination.once("error", () => resolve());
        destination.end();
      }),
  };
}
