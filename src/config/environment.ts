/** The environment: `KAPGATE_` + section + key; list items and entries by number; `_FILE` behind a secret. */
import { type KeyNotes, notesOf } from "./fields.ts";
import { type Section, sections } from "./schema.ts";
import { nearest } from "./suggest.ts";
import { formatPath, type Path } from "./tree.ts";

/** A value that replaces what is below it, and the name it came by. */
export interface Setting {
  readonly path: Path;
  readonly value: unknown;
  readonly source: string;
}

/** Something wrong with a variable; never repeats its value. */
export interface EnvironmentProblem {
  readonly source: string;
  readonly text: string;
}

/** How many entries the list at a path has in the file, which the environment is laid over: `["user"]`, `["access", "deny-cidrs"]`. */
export type LengthOf = (path: Path) => number;

/** Reads a file that a `_FILE` variable names; the code of the system's error when it cannot. */
export type FileReader = (
  path: string,
) => { readonly ok: true; readonly text: string } | { readonly ok: false; readonly code: string };

/** The variable that names the configuration file. */
export const configVariable = "KAPGATE_CONFIG";

const prefix = "KAPGATE_";

/** What a variable's name says. */
interface Target {
  /** Of a key, or of an item of a list. */
  readonly path: Path;
  readonly its: KeyNotes;
  /** The value is the name of a file that holds it. */
  readonly file?: true;
}

/** Turns the environment into settings. Variables of other programs are not looked at. */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  lengthOf: LengthOf,
  readFile: FileReader,
): { readonly settings: readonly Setting[]; readonly problems: readonly EnvironmentProblem[] } {
  const settings: Setting[] = [];
  const problems: EnvironmentProblem[] = [];
  const lengths = new Map<string, number>();
  const setBy = new Map<string, string>();
  const names = Object.keys(environment).filter((name) => name.startsWith(prefix) && name !== configVariable);
  for (const source of names.sort(byNumber)) {
    const text = environment[source];
    if (text === undefined) continue;
    const target = targetOf(source.slice(prefix.length));
    if (target === undefined) {
      if (!isInjected(source, text)) problems.push({ source, text: unknownText(source) });
      continue;
    }
    const refusal = gapIn(target.path) ?? clashOf(target.path);
    if (refusal !== undefined) {
      problems.push({ source, text: refusal });
      continue;
    }
    setBy.set(formatPath(target.path), source);
    const content = target.file ? readFile(text) : { ok: true as const, text };
    if (!content.ok) problems.push({ source, text: `the file that it names cannot be read (${content.code})` });
    else {
      const value = target.file ? withoutNewline(content.text) : convert(content.text, target.its);
      settings.push({ path: target.path, source, value });
    }
  }
  return { settings, problems };

  /** Entries and items have to follow one another; the variables come in the order of their numbers. */
  function gapIn(path: Path): string | undefined {
    for (const [index, step] of path.entries()) {
      if (typeof step !== "number") continue;
      const list = path.slice(0, index);
      const name = formatPath(list);
      const length = lengths.get(name) ?? lengthOf(list);
      if (step > length) return `there is no ${name}[${length}] before it: numbers begin at 0 and have no gaps`;
      lengths.set(name, Math.max(length, step + 1));
    }
    return undefined;
  }

  /** A list comes before its items, a secret before its file. */
  function clashOf(path: Path): string | undefined {
    const same = setBy.get(formatPath(path));
    const list = typeof path.at(-1) === "number" ? setBy.get(formatPath(path.slice(0, -1))) : undefined;
    if (same !== undefined) return `sets the same key as ${same}; set one of them`;
    return list === undefined ? undefined : `sets an item of the list that ${list} sets; set one of them`;
  }
}

/** What a file holds, less the newline that editors put at its end. */
export function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}

/** The variable of a key; entries are numbered by `n`. */
export function variableOf(section: Section, key: string, n: number | string = 0): string {
  return prefix + upper(section.repeated ? `${section.name}-${n}-${key}` : `${section.name}-${key}`);
}

/** Text of a flag or variable as the value that TOML would hold; what does not fit stays text and is refused by the schema. */
export function convert(text: string, its: KeyNotes): unknown {
  switch (its.kind) {
    case "boolean":
      return /^(?:1|t|true)$/i.test(text) ? true : /^(?:0|f|false)$/i.test(text) ? false : text;
    case "integer":
      return /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
    case "list":
      return splitList(text);
    default:
      return text;
  }
}

/** A comma list; blanks around items and empty items do not count. */
export function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function targetOf(name: string): Target | undefined {
  for (const section of sections) {
    const start = `${upper(section.name)}_`;
    if (!name.startsWith(start)) continue;
    const rest = name.slice(start.length);
    const [, number, entryKey] = /^(0|[1-9][0-9]{0,2})_(.+)$/.exec(rest) ?? [];
    if (!section.repeated) return keyOf(section, [section.name], rest);
    if (number !== undefined && entryKey !== undefined) return keyOf(section, [section.name, Number(number)], entryKey);
  }
  return undefined;
}

/** An exact key wins over a suffix: PASSWORD_FILE is the key password-file where there is one. */
function keyOf(section: Section, path: Path, name: string): Target | undefined {
  for (const [key, schema] of Object.entries(section.keys)) {
    if (upper(key) === name) return { path: [...path, key], its: notesOf(schema) };
  }
  for (const [key, schema] of Object.entries(section.keys)) {
    const its = notesOf(schema);
    if (!name.startsWith(`${upper(key)}_`)) continue;
    const suffix = name.slice(key.length + 1);
    if (its.kind === "secret" && suffix === "FILE") return { path: [...path, key], its, file: true };
    if (its.kind === "list" && /^(?:0|[1-9][0-9]{0,2})$/.test(suffix))
      return { path: [...path, key, Number(suffix)], its: { ...its, kind: "text" } };
  }
  return undefined;
}

/**
 * Whether Kubernetes or Docker put the variable there for a service (or linked container) called kapgate or kapgate-something.
 * A name that could as well be a mistyped key (`KAPGATE_INFLUXDB_PORT`) needs the value that they write: `tcp://10.0.0.1:9443`.
 */
function isInjected(name: string, value: string): boolean {
  if (/^KAPGATE_(?:NAME|PORT|ENV_.+)$/.test(name)) return true;
  if (/^KAPGATE_(?:.+_)?SERVICE_(?:HOST|PORT(?:_.+)?)$/.test(name)) return true;
  if (/^KAPGATE_(?:.+_)?PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|PORT_START|PORT_END|ADDR))?$/.test(name))
    return true;
  return /^KAPGATE_.+_PORT$/.test(name) && /^(?:tcp|udp|sctp):\/\//.test(value);
}

function unknownText(name: string): string {
  const index = /_([0-9]{1,3})_/.exec(name)?.[1] ?? 0;
  const known = sections.flatMap((section) =>
    Object.entries(section.keys).flatMap(([key, schema]) => {
      const variable = variableOf(section, key, index);
      return notesOf(schema).kind === "secret" ? [variable, `${variable}_FILE`] : [variable];
    }),
  );
  const near = nearest(name, [...known, configVariable]);
  return near === undefined
    ? "unknown variable: no key of the configuration has this name"
    : `unknown variable; did you mean ${near}?`;
}

function upper(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

/** `_2` before `_10`, and a list before its items. */
function byNumber(left: string, right: string): number {
  return collator.compare(left, right);
}

const collator = new Intl.Collator("en", { numeric: true });
