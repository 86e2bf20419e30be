/**
 * Keys of the contract whose feature does not exist yet: setting one is an error, because a rule that is read and not obeyed is worse than none.
 * An entry goes when its feature lands.
 */
import type { Config } from "./schema.ts";
import { type Finding, isTable, type Path, type Table } from "./tree.ts";

export interface Unbuilt {
  /** The section, and the key in it. */
  readonly key: readonly [section: keyof Config, key: string];
  /** The values that ask for nothing; a key that is not set and an empty list never do. */
  readonly allowed: readonly unknown[];
  readonly what: string;
}

/** The table; test and documentation read it. */
export const unbuilt: readonly Unbuilt[] = [];

/** An error for every key that asks for what this version cannot do. */
export function unbuiltFindings(config: Config): readonly Finding[] {
  return unbuilt.flatMap(({ key: [section, name], allowed, what }) =>
    placesOf(config, section)
      .filter(([, entry]) => !isUnused(entry[name], allowed))
      .map(([path]) => refusal([...path, name], what)),
  );
}

function placesOf(config: Config, section: keyof Config): readonly (readonly [path: Path, entry: Table])[] {
  const holder: unknown = config[section];
  if (Array.isArray(holder)) return holder.filter(isTable).map((entry, index) => [[section, index], entry]);
  return isTable(holder) ? [[[section], holder]] : [];
}

function isUnused(value: unknown, allowed: readonly unknown[]): boolean {
  return value === undefined || (Array.isArray(value) ? value.length === 0 : allowed.includes(value));
}

function refusal(path: Path, what: string): Finding {
  return { severity: "error", path, text: `${what} is not available in this version` };
}
