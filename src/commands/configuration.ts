import { networkInterfaces } from "node:os";
import type { Flags } from "../config/flags.ts";
import { type Loaded, loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Source } from "../config/source.ts";
import { formatProblem, type Problem } from "../problem.ts";
import { type Preparation, prepare } from "../server/prepare.ts";
import { keepFixed } from "../server/reload-fixed.ts";
import { type Contents, contentsOf } from "../server/watch-files.ts";
import type { CommandIo } from "./io.ts";

/** A configuration that was read and, with everything that it names, prepared. */
export interface Configuration extends Preparation {
  readonly file: string | undefined;
  readonly pidfile: string | undefined;
  /** The configuration file as it was read. */
  readonly source: Source;
  /** Every file that it names and that is read. */
  readonly files: readonly string[];
}

/** For a reload: what runs, which is kept where it takes a restart to change, and what to take in place of the configuration file. */
export interface Again {
  readonly running?: Config | undefined;
  readonly source?: Source | undefined;
}

/** Reads flags, environment and file and prepares what they name. All problems at once, each once; nothing is printed. */
export async function readConfiguration(io: CommandIo, flags: Flags, again: Again = {}): Promise<Configuration> {
  const loaded = loadFor(io, flags, again.source);
  const { file, pidfile, source, files, config } = loaded;
  if (config === undefined) return { prepared: undefined, problems: loaded.problems, file, pidfile, source, files };
  const kept = again.running === undefined ? { config, problems: [] } : keepFixed(config, again.running);
  const { prepared, problems } = await prepare(kept.config, file);
  const placed = [...kept.problems, ...problems].map((problem) =>
    problem.key === undefined || problem.line !== undefined ? problem : { ...problem, ...loaded.placeOf(problem.key) },
  );
  const all = new Map([...loaded.problems, ...placed].map((problem) => [formatProblem(problem), problem]));
  return { prepared, problems: [...all.values()], file, pidfile, source, files };
}

/** The same for what watches the files: with what they held before they were read. */
export async function readWatched(
  io: CommandIo,
  flags: Flags,
  again: Again = {},
): Promise<Configuration & { readonly contents: Contents }> {
  const { files, source } = loadFor(io, flags, again.source);
  const contents = await contentsOf(files);
  return { ...(await readConfiguration(io, flags, { ...again, source })), contents };
}

function loadFor(io: CommandIo, flags: Flags, source: Source | undefined): Loaded {
  const ownAddresses = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).map(({ address }) => address),
  );
  return loadConfig({
    flags,
    environment: io.environment,
    workingDirectory: io.workingDirectory,
    ownAddresses,
    ...(source === undefined ? {} : { source }),
  });
}

/** Prints problems, one a line, errors first. */
export function printProblems(io: CommandIo, problems: readonly Problem[]): void {
  const errors = problems.filter((problem) => problem.severity === "error");
  const warnings = problems.filter((problem) => problem.severity === "warning");
  for (const problem of [...errors, ...warnings]) io.stderr.write(`${formatProblem(problem)}\n`);
}
