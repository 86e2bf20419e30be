/** From the file, the environment and the flags to one checked configuration, with every problem at once. */
import { dirname, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import type { Problem } from "../problem.ts";
import { type Below, configVariable, readEnvironment } from "./environment.ts";
import { readPasswordFiles, readTextFile, resolvePaths, secretPairs } from "./files.ts";
import { type Flags, layFlags } from "./flags.ts";
import { findingsOf, withoutFindings } from "./issues.ts";
import { type Locator, locate } from "./positions.ts";
import { type Config, schema } from "./schema.ts";
import { copyTable, type Finding, formatPath, type Path, setAt, type Table, valueAt } from "./tree.ts";
import { unbuiltFindings } from "./unbuilt.ts";

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
  /** Where a file is looked for that neither flag nor environment names. */
  readonly searchPath?: readonly string[];
}

export interface Loaded {
  /** Undefined as soon as one problem is an error. */
  readonly config: Config | undefined;
  /** Errors before warnings, each in the order of the file. */
  readonly problems: readonly Problem[];
  /** The file that was read, as an absolute path. */
  readonly file: string | undefined;
  /** Absolute; only the flag sets it. */
  readonly pidfile: string | undefined;
}

/** Where a configuration file is looked for. */
export const defaultSearchPath = ["/etc/kapgate/kapgate.toml", "kapgate.toml"] as const;

/**
 * Loads the configuration: flags over environment over file over defaults. Never throws for anything an operator wrote;
 * fails closed: with an error there is no configuration.
 */
export function loadConfig(input: LoadInput): Loaded {
  const { flags = {}, environment, workingDirectory, serving = true } = input;
  const pidfile = flags.pidfile === undefined ? undefined : resolve(workingDirectory, flags.pidfile);
  const source = readSource(input);
  if (!source.ok) return { config: undefined, problems: [source.problem], file: source.file, pidfile };
  const { file, tree, locator } = source;
  const base = file === undefined ? workingDirectory : dirname(file);
  const origins = new Map<string, string>();
  const problems: Problem[] = [];

  const below: Below = {
    entriesOf: (section) => Math.max(lengthOf(tree[section]), section === "kapacitor" ? 1 : 0),
    itemsOf: (path) => lengthOf(valueAt(tree, path)),
  };
  const read = readEnvironment(environment, below, (path) => readTextFile(resolve(base, path)));
  for (const { path, value, source } of read.settings) {
    replacePartner(path);
    set(path, value, source);
  }
  const flagProblems = layFlags(flags, tree, set, workingDirectory);
  for (const { source, text } of [...read.problems, ...flagProblems])
    problems.push({ severity: "error", source, text });

  if (lengthOf(tree.kapacitor) === 0 && (tree.kapacitor === undefined || Array.isArray(tree.kapacitor)))
    tree.kapacitor = [{}];
  resolvePaths(tree, base);
  const fileFindings = serving ? readPasswordFiles(tree) : [];
  const result = schema.safeParse(tree);
  const broken = [...fileFindings, ...(result.success ? [] : findingsOf(result.error.issues, tree))];
  const whole = result.success ? result : schema.safeParse(withoutFindings(broken, tree));
  const checked = whole.success ? unbuiltFindings(whole.data) : [];
  for (const finding of [...broken, ...checked]) problems.push(place(finding));

  const failed = problems.some((problem) => problem.severity === "error");
  return {
    config: result.success && !failed ? result.data : undefined,
    problems: problems.toSorted(inOrder),
    file,
    pidfile,
  };

  /** A secret that comes from above replaces the file that stood below, and the other way round. */
  function replacePartner(path: Path): void {
    for (const [section, secret, file] of secretPairs) {
      if (path[0] !== section) continue;
      const partner = path.at(-1) === secret ? file : path.at(-1) === file ? secret : undefined;
      if (partner === undefined) continue;
      const other = [...path.slice(0, -1), partner];
      if (!origins.has(formatPath(other))) setAt(tree, other, undefined);
    }
  }

  function set(path: Path, value: unknown, source: string): void {
    for (let length = 1; length < path.length; length += 1) {
      const way = path.slice(0, length);
      if (valueAt(tree, way) === undefined && typeof way.at(-1) === "number") origins.set(formatPath(way), source);
    }
    setAt(tree, path, value);
    origins.set(formatPath(path), source);
  }

  /** The place of a finding: the variable or flag that set the key or what it is in, else the nearest line of the file. */
  function place({ severity, path, text }: Finding): Problem {
    const key = formatPath(path);
    for (let length = path.length; length > 0; length -= 1) {
      const source = origins.get(formatPath(path.slice(0, length)));
      if (source !== undefined) return { severity, source, key, text };
    }
    if (file === undefined) return { severity, key, text };
    for (let length = path.length; length > 0; length -= 1) {
      const line = locator(path.slice(0, length));
      if (line !== undefined) return { severity, source: file, line, key, text };
    }
    return { severity, source: file, key, text };
  }
}

type Source =
  | { readonly ok: true; readonly file: string | undefined; readonly tree: Table; readonly locator: Locator }
  | { readonly ok: false; readonly file: string | undefined; readonly problem: Problem };

/** Finds and parses the file. A file that was named must be there; one that was only looked for need not. */
function readSource({ flags = {}, environment, workingDirectory, searchPath = defaultSearchPath }: LoadInput): Source {
  const named = flags.config ?? (environment[configVariable] || undefined);
  for (const candidate of named === undefined ? searchPath : [named]) {
    const file = resolve(workingDirectory, candidate);
    const result = readTextFile(file);
    if (result.ok) return parseSource(file, result.text);
    if (named === undefined && (result.code === "ENOENT" || result.code === "ENOTDIR")) continue;
    const text = `the configuration file cannot be read: ${result.code}`;
    return { ok: false, file, problem: { severity: "error", source: file, text } };
  }
  return { ok: true, file: undefined, tree: copyTable({}), locator: () => undefined };
}

function parseSource(file: string, text: string): Source {
  try {
    const tree = copyTable(parse(text, { maxDepth: 32 }));
    return { ok: true, file, tree, locator: locate(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The message goes on with lines of the file, which may hold a password.
    const [first = ""] = error.message.split("\n");
    const said = first.replace(/^Invalid TOML document: /, "");
    const problem: Problem = {
      severity: "error",
      source: file,
      line: error.line,
      text: `not TOML, at column ${error.column}: ${said}`,
    };
    return { ok: false, file, problem };
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
