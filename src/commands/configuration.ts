import type { Flags } from "../config/flags.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblem, type Problem } from "../problem.ts";
import { type Preparation, prepare } from "../server/prepare.ts";
import type { CommandIo } from "./io.ts";

/** A configuration that was read and, with everything that it names, prepared. */
export interface Configuration extends Preparation {
  readonly file: string | undefined;
  readonly pidfile: string | undefined;
}

/** Reads flags, environment and file and prepares what they name. All problems at once; nothing is printed. */
export async function readConfiguration(io: CommandIo, flags: Flags): Promise<Configuration> {
  const loaded = loadConfig({ flags, environment: io.environment, workingDirectory: io.workingDirectory });
  const { file, pidfile } = loaded;
  if (loaded.config === undefined) return { prepared: undefined, problems: loaded.problems, file, pidfile };
  const { prepared, problems } = await prepare(loaded.config, file);
  return { prepared, problems: [...loaded.problems, ...problems], file, pidfile };
}

/** Prints problems, one a line, errors first. */
export function printProblems(io: CommandIo, problems: readonly Problem[]): void {
  const errors = problems.filter((problem) => problem.severity === "error");
  const warnings = problems.filter((problem) => problem.severity === "warning");
  for (const problem of [...errors, ...warnings]) io.stderr.write(`${formatProblem(problem)}\n`);
}
