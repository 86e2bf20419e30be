/** The configuration before it is checked: what the file, the environment and the flags hold, as one tree, and where each value came from. */

/** The way to a key: `["user", 0, "name"]`. */
export type Path = readonly (string | number)[];

export type Table = Record<string, unknown>;

/** A finding about a key, before its place is known. */
export interface Finding {
  readonly severity: "error" | "warning";
  readonly path: Path;
  readonly text: string;
}

/** A finding, and the other keys that it depends on. */
export interface CheckFinding extends Finding {
  readonly involves?: readonly Path[];
}

/** `user[0].password-hash`; a key that is not plain is quoted. */
export function formatPath(path: Path): string {
  return path.reduce<string>((before, step) => {
    if (typeof step === "number") return `${before}[${step}]`;
    const name = /^[A-Za-z0-9_-]{1,80}$/.test(step) ? step : JSON.stringify(step.slice(0, 80));
    return before === "" ? name : `${before}.${name}`;
  }, "");
}

/** The way back of {@link formatPath} for plain keys. */
export function parsePath(key: string): Path {
  return [...key.matchAll(/\[([0-9]+)\]|([^.[\]]+)/g)].map(([, index, name = ""]) =>
    index === undefined ? name : Number(index),
  );
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A deep copy of tables and lists. */
export function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  return isTable(value) ? copyTable(value) : value;
}

export function copyTable(table: Table): Table {
  const result: Table = Object.create(null);
  for (const [key, value] of Object.entries(table)) result[key] = copy(value);
  return result;
}

/** The value at a path, undefined when there is none. */
export function valueAt(tree: Table, path: Path): unknown {
  let value: unknown = tree;
  for (const step of path) {
    if (typeof step === "number") value = Array.isArray(value) ? value[step] : undefined;
    else value = isTable(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/**
 * Sets (or with undefined removes) the value at a path and makes the tables and lists on the way.
 * Where something else stands on the way nothing is changed: the check of the whole tree reports that.
 */
export function setAt(tree: Table, path: Path, value: unknown): void {
  let holder: unknown = tree;
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1;
    const next = last ? value : (child(holder, step) ?? (typeof path[index + 1] === "number" ? [] : copyTable({})));
    if (typeof step === "number" && Array.isArray(holder)) holder[step] = next;
    else if (typeof step === "string" && isTable(holder)) {
      if (next === undefined) delete holder[step];
      else holder[step] = next;
    } else return;
    holder = next;
  }
}

function child(holder: unknown, step: string | number): unknown {
  if (typeof step === "number") return Array.isArray(holder) ? holder[step] : undefined;
  return isTable(holder) && Object.hasOwn(holder, step) ? holder[step] : undefined;
}
