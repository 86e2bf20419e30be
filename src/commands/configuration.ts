import { networkInterfaces } from "node:os";
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

/** Reads flags, environment and file and prepares what they name. All problems at once, each once; nothing is printed. */
export async function readConfiguration(io: CommandIo, flags: Flags): Promise<Configuration> {
  const ownAddresses = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).map(({ address }) => address),
  );
  const loaded = loadConfig({
    flags,
    environment: io.environment,
    workingDirectory: io.workingDirectory,
    ownAddresses,
  });
  const { file, pidfile } = loaded;
  if (loaded.config === undefined) return { prepared: undefined, problems: loaded.problems, file, pidfile };
  const { prepared, problems } = await prepare(loaded.config, file);
  const placed = problems.map((problem) =>
    problem.key === undefined || problem.line !== undefined ? problem : { ...problem, ...loaded.placeOf(problem.key) },
  );
  const all = new Map([...loaded.problems, ...placed].map((problem) => [formatProblem(problem), problem]));
  return { prepared, problems: [...all.values()], file, pidfile };
}

/** Prints problems, one a line, errors first. */
export function printProblems(io: CommandIo, problems: readonly Problem[]): void {
  const errors = problems.filter((problem) => problem.severity === "error");
  const warnings = problems.filter((problem) => problem.severity === "warning");
  for (const problem of [...errors, ...warnings]) io.stderr.write(`${formatProblem(problem)}\n`);
}
