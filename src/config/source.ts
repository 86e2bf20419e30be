/** The configuration file: found, read, parsed. */
import { resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import type { Problem } from "../problem.ts";
import { readTextFile } from "./files.ts";
import { type Locator, locate } from "./positions.ts";
import { copyTable, type Table } from "./tree.ts";

/** Where a file is looked for that nobody names. */
export const defaultSearchPath: readonly string[] = ["/etc/kapgate/kapgate.toml", "kapgate.toml"];

export type Source =
  | {
      readonly ok: true;
      /** Absolute; undefined when there is none and everything is a default. */
      readonly file: string | undefined;
      readonly tree: Table;
      readonly locator: Locator;
    }
  | { readonly ok: false; readonly file: string; readonly problem: Problem };

/** Reads the named file, else the first of the search path that exists. A file that was named must be there; one that was only looked for need not. */
export function readSource(named: string | undefined, searchPath: readonly string[], workingDirectory: string): Source {
  for (const candidate of named === undefined ? searchPath : [named]) {
    const file = resolve(workingDirectory, candidate);
    const result = readTextFile(file);
    if (result.ok) return parseSource(file, result.text);
    if (named === undefined && (result.code === "ENOENT" || result.code === "ENOTDIR")) continue;
    return failure(file, `the configuration file cannot be read: ${result.code}`);
  }
  return { ok: true, file: undefined, tree: copyTable({}), locator: () => undefined };
}

function parseSource(file: string, text: string): Source {
  try {
    return { ok: true, file, tree: copyTable(parse(text, { maxDepth: 32 })), locator: locate(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The message goes on with lines of the file, which may hold a password.
    const [first = ""] = error.message.split("\n");
    const said = first.replace(/^Invalid TOML document: /, "");
    return failure(file, `not TOML, at column ${error.column}: ${said}`, error.line);
  }
}

function failure(file: string, text: string, line?: number): Source {
  const problem: Problem = { severity: "error", source: file, text };
  return { ok: false, file, problem: line === undefined ? problem : { ...problem, line } };
}
