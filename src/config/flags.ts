/** The flags of `run`, laid over file and environment. */
import { resolve } from "node:path";
import type { Problem } from "../problem.ts";
import { splitList } from "./environment.ts";
import type { Overlay } from "./overlay.ts";
import { type Path, type Table, valueAt } from "./tree.ts";

/** The flags that the configuration knows; a value is the text behind the flag, lists are comma lists. */
export type FlagName =
  | "config"
  | "bind-address"
  | "upstream"
  | "deny-cidrs"
  | "deny-target-cidrs"
  | "blacklist-cidrs"
  | "disable-handlers"
  | "log-level"
  | "log-file"
  | "pidfile";

export type Flags = Readonly<Partial<Record<FlagName, string>>>;

/**
 * Lays the flags over the tree. A flag replaces what the file says for single instances as well: who writes `-disable-handlers exec`
 * means every Kapacitor. `-blacklist-cidrs` adds to the lists of clients and of targets; its word `private` concerns targets only.
 * File names on the command line are relative to the working directory, as everywhere in a shell.
 * Returns what is wrong with a flag that names no key by itself.
 */
export function layFlags(flags: Flags, tree: Table, set: Overlay["set"], workingDirectory: string): readonly Problem[] {
  const problems: Problem[] = [];
  const single: readonly (readonly [FlagName, Path])[] = [
    ["bind-address", ["http", "bind-address"]],
    ["log-level", ["logging", "level"]],
  ];
  for (const [flag, path] of single) if (flags[flag] !== undefined) set(path, flags[flag], `-${flag}`);

  const logFile = flags["log-file"];
  if (logFile !== undefined) {
    const word = /^(?:STDERR|STDOUT)$/i.test(logFile);
    set(["logging", "file"], word || logFile === "" ? logFile : resolve(workingDirectory, logFile), "-log-file");
  }
  if (flags.upstream !== undefined) {
    const index = defaultInstance(tree);
    if (index === undefined) {
      problems.push({
        severity: "error",
        source: "-upstream",
        text: `needs a [[kapacitor]] named "default" when there are several`,
      });
    } else set(["kapacitor", index, "url"], flags.upstream, "-upstream");
  }
  const denied = flags["deny-cidrs"];
  if (denied !== undefined) set(["access", "deny-cidrs"], splitList(denied), "-deny-cidrs");
  for (const flag of ["deny-target-cidrs", "disable-handlers"] as const) {
    const text = flags[flag];
    if (text === undefined) continue;
    set(["alerts", flag], splitList(text), `-${flag}`);
    for (const path of instancePaths(tree, flag)) set(path, undefined, `-${flag}`);
  }
  const both = splitList(flags["blacklist-cidrs"] ?? "");
  const clients = both.filter((item) => item !== "private");
  if (clients.length > 0) add(["access", "deny-cidrs"], clients);
  if (both.length > 0) {
    add(["alerts", "deny-target-cidrs"], both);
    for (const path of instancePaths(tree, "deny-target-cidrs")) add(path, both);
  }
  return problems;

  function add(path: Path, items: readonly string[]): void {
    const before = valueAt(tree, path);
    if (before !== undefined && !Array.isArray(before)) return;
    const length = before?.length ?? 0;
    for (const [index, item] of items.entries()) set([...path, length + index], item, "-blacklist-cidrs");
  }
}

/** The instance that is meant when none is named: the only one, else the one named default. */
function defaultInstance(tree: Table): number | undefined {
  const instances = instancesOf(tree);
  if (instances.length <= 1) return 0;
  const index = instances.findIndex(
    (_, index) => (valueAt(tree, ["kapacitor", index, "name"]) ?? "default") === "default",
  );
  return index === -1 ? undefined : index;
}

/** Where single instances set a key of [alerts] for themselves. */
function instancePaths(tree: Table, key: string): readonly Path[] {
  return instancesOf(tree)
    .map((_, index): Path => ["kapacitor", index, key])
    .filter((path) => valueAt(tree, path) !== undefined);
}

function instancesOf(tree: Table): readonly unknown[] {
  return Array.isArray(tree.kapacitor) ? tree.kapacitor : [];
}
