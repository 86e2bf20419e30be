import { networkInterfaces } from "node:os";
import type { Flags } from "../config/flags.ts";
import { type Loaded, loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Source } from "../config/source.ts";
import { formatProblem, type Problem } from "../problem.ts";
import { type Preparation, prepare, problemsOf } from "../server/prepare.ts";
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
  if (config === undefined) {
    const problems = withPlaces(loaded, [...loaded.problems, ...(await furtherProblems(loaded))]);
    return { prepared: undefined, problems, file, pidfile, source, files };
  }
  const kept = again.running === undefined ? { config, problems: [] } : keepFixed(config, again.running);
  const { prepared, problems } = await prepare(kept.config, file);
  const all = withPlaces(loaded, [...loaded.problems, ...kept.problems, ...problems]);
  return { prepared, problems: all, file, pidfile, source, files };
}

/** What an unreadable certificate or a bad hash is to be told for at once, although the configuration has other errors; nothing that follows from those. */
async function furtherProblems({ rest, problems, file }: Loaded): Promise<readonly Problem[]> {
  if (rest === undefined) return [];
  const wrong = problems.flatMap(({ severity, key }) =>
    severity === "error" && key !== undefined ? [topicOf(key)] : [],
  );
  return (await problemsOf(rest, file)).filter(({ key }) => {
    const topic = key === undefined ? undefined : topicOf(key);
    return topic === undefined || !wrong.some((other) => isWithin(topic, other) || isWithin(other, topic));
  });
}

/** Keys that are judged together count as one. */
function topicOf(key: string): string {
  if (key.startsWith("http.https-")) return "http.https";
  return key.startsWith("tls.client-") ? "tls.client" : key;
}

function isWithin(key: string, other: string): boolean {
  return key === other || (key.startsWith(other) && /^[.[]/.test(key.slice(other.length)));
}

/** Each problem once, with the place of its key. */
function withPlaces({ placeOf }: Loaded, problems: readonly Problem[]): readonly Problem[] {
  const placed = problems.map((problem) =>
    problem.key === undefined || problem.line !== undefined ? problem : { ...problem, ...placeOf(problem.key) },
  );
  return [...new Map(placed.map((problem) => [formatProblem(problem), problem])).values()];
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
