import { runCommand } from "./commands/cli.ts";
import type { ProcessIo } from "./commands/io.ts";

/** The edge of the process: arguments in, exit code out. Nothing else reads `process.argv` or ends the process. */
const io: ProcessIo = {
  argv: process.argv.slice(2),
  environment: process.env,
  workingDirectory: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  pid: process.pid,
  onSignal: (listener) => {
    for (const signal of ["SIGHUP", "SIGTERM", "SIGINT"] as const) process.on(signal, () => listener(signal));
  },
  onFault: (listener) => {
    process.on("uncaughtException", listener);
    process.on("unhandledRejection", listener);
  },
};

// A reader that went away (`kapgate help | head -1`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 2));

process.exit(await runCommand(io));
