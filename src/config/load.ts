/** From the file, the environment and the flags to one checked configuration, with every problem at once. */
import { dirname, resolve } from "node:path";
import type { Problem } from "../problem.ts";
import { check } from "./checks.ts";
import { configVariable, type FileReader, readEnvironment } from "./environment.ts";
import { filesToRead, readPasswordFiles, readTextFile, resolvePaths, secretPairs } from "./files.ts";
import { type Flags, layFlags } from "./flags.ts";
import { findingsOf, withoutFindings } from "./issues.ts";
import { layOver, type Overlay, type Place } from "./overlay.ts";
import { type Config, schema } from "./schema.ts";
import { defaultSearchPath, readSource, type Source } from "./source.ts";
import { copyTable, type Finding, formatPath, type Path, parsePath, setAt, valueAt } from "./tree.ts";

export interface LoadInput {
  readonly flags?: Flags;
  /** Only `KAPGATE_*` is looked at. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /**
   * Whether the configuration is going to be served (the default). When false, what only a server needs is not asked for: the certificate,
   * somebody who can log in, password files. `kapgate explain` runs without them.
   */
  readonly serving?: boolean;
  /** Addresses of this machine's interfaces, for the warning about a deny list that shuts them out. */
  readonly ownAddresses?: readonly string[];
  /** Where a file is looked for that neither flag nor environment names. */
  readonly searchPath?: readonly string[];
  /** The configuration file as it was read before, to be taken as it was; what it names is read anew. */
  readonly source?: Source;
}

export interface Loaded {
  /** Undefined as soon as one problem is an error. */
  readonly config: Config | undefined;
  /** With errors: what is right of it, the wrong keys at their defaults. Never to be served; only for a look at what else is wrong. */
  readonly rest: Config | undefined;
  /** Errors before warnings, each in the order of the file. */
  readonly problems: readonly Problem[];
  /** The file that was read (or could not be), as an absolute path. */
  readonly file: string | undefined;
  /** Absolute; only the flag sets it. */
  readonly pidfile: string | undefined;
  /** Where a key (`user[0].password-hash`) was set, for problems that are found later. */
  readonly placeOf: (key: string) => Place;
  /** The configuration file as it was read now. */
  readonly source: Source;
  /** Every file that is named and read, in configuration or environment: of certificates, keys, authorities and passwords. */
  readonly files: readonly string[];
}

/**
 * Loads the configuration: flags over environment over file over defaults. Never throws for anything an operator wrote;
 * fails closed: with an error there is no configuration. No problem holds a secret.
 */
export function loadConfig(input: LoadInput): Loaded {
  const { flags = {}, environment, workingDirectory, serving = true, ownAddresses = [] } = input;
  const chosen = flags.config ?? (environment[configVariable] || undefined);
  const source = input.source ?? readSource(chosen, input.searchPath ?? defaultSearchPath, workingDirectory);
  const { file } = source;
  const pidfile = flags.pidfile === undefined ? undefined : resolve(workingDirectory, flags.pidfile);
  if (!source.ok) {
    const problems = [source.problem];
    return { config: undefined, rest: undefined, problems, file, pidfile, placeOf: () => ({}), source, files: [] };
  }

  const base = file === undefined ? workingDirectory : dirname(file);
  const overlay = layOver(copyTable(source.tree), file, source.locator);
  const { tree, placeOf } = overlay;
  const named = new Set<string>();
  const laid = [
    ...layEnvironment(environment, overlay, (path) => {
      const absolute = resolve(base, path);
      named.add(absolute);
      return readTextFile(absolute);
    }),
    ...layFlags(flags, tree, overlay.set, workingDirectory),
  ];
  if (Array.isArray(tree.kapacitor ?? []) && lengthOf(tree.kapacitor) === 0) tree.kapacitor = [{}];
  resolvePaths(tree, base);
  for (const path of filesToRead(tree)) named.add(path);

  const files = serving ? readPasswordFiles(tree) : [];
  const result = schema.safeParse(tree);
  const wrong = [...files, ...(result.success ? [] : findingsOf(result.error.issues, tree))];
  const whole = result.success ? result : schema.safeParse(withoutFindings(wrong, tree));
  const broken = wrong.map(({ path }) => path);
  const findings = [...wrong, ...(whole.success ? check(whole.data, { serving, ownAddresses, broken }) : [])];
  const problems = [...laid, ...findings.map(problemOf)].toSorted(inOrder);
  const failed = problems.some(({ severity }) => severity === "error");
  return {
    config: result.success && !failed ? result.data : undefined,
    rest: failed && whole.success ? whole.data : undefined,
    problems,
    file,
    pidfile,
    placeOf: (key) => placeOf(parsePath(key)),
    source,
    files: [...named],
  };

  function problemOf({ severity, path, text }: Finding): Problem {
    return { severity, ...placeOf(path), key: formatPath(path), text };
  }
}

/** Lays the environment over the tree; the problems are those of single variables. */
function layEnvironment(
  environment: LoadInput["environment"],
  overlay: Overlay,
  readFile: FileReader,
): readonly Problem[] {
  const { tree, set } = overlay;
  // The default instance is there to be changed although no file mentions it.
  const length = (path: Path) => Math.max(lengthOf(valueAt(tree, path)), formatPath(path) === "kapacitor" ? 1 : 0);
  const { settings, problems } = readEnvironment(environment, length, readFile);
  for (const { path, value, source } of settings) {
    if (value !== "") removePartner(overlay, path);
    set(path, value, source);
  }
  return problems.map(({ source, text }) => ({ severity: "error", source, text }));
}

/** A secret from the environment replaces the file's `password-file`, and the other way round; both from the environment stay and are a mistake. */
function removePartner({ tree, isSet }: Overlay, path: Path): void {
  for (const [section, secret, file] of secretPairs) {
    const key = path.at(-1);
    const partner = key === secret ? file : key === file ? secret : undefined;
    if (path[0] !== section || partner === undefined) continue;
    const other = [...path.slice(0, -1), partner];
    if (!isSet(other)) setAt(tree, other, undefined);
  }
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

/** Errors before warnings; what stands in the file by its line, then the rest. */
function inOrder(left: Problem, right: Problem): number {
  const rank = (problem: Problem) => (problem.severity === "error" ? 0 : 1);
  return rank(left) - rank(right) || (left.line ?? Number.MAX_SAFE_INTEGER) - (right.line ?? Number.MAX_SAFE_INTEGER);
}
