/** The file's tree with what environment and flags set on top of it, and where each value came from. */
import type { Problem } from "../problem.ts";
import type { Locator } from "./positions.ts";
import { formatPath, type Path, setAt, type Table, valueAt } from "./tree.ts";

/** A place that an operator can go to: a line of the file, a variable or a flag. */
export type Place = Pick<Problem, "source" | "line">;

export interface Overlay {
  readonly tree: Table;
  /** Sets a value, or with undefined takes it away, and remembers the variable or flag. */
  readonly set: (path: Path, value: unknown, source: string) => void;
  /** Whether environment or flags set exactly this key. */
  readonly isSet: (path: Path) => boolean;
  /** The variable or flag that set the key or what it is in, else the nearest line of the file that leads to it. */
  readonly placeOf: (path: Path) => Place;
}

export function layOver(tree: Table, file: string | undefined, locator: Locator): Overlay {
  const origins = new Map<string, string>();
  return {
    tree,
    set(path, value, source) {
      // An entry that exists only because of this variable has its place there, too.
      for (const way of waysTo(path).slice(1)) {
        if (typeof way.at(-1) === "number" && valueAt(tree, way) === undefined) origins.set(formatPath(way), source);
      }
      setAt(tree, path, value);
      origins.set(formatPath(path), source);
    },
    isSet: (path) => origins.has(formatPath(path)),
    placeOf(path) {
      for (const way of waysTo(path)) {
        const source = origins.get(formatPath(way));
        if (source !== undefined) return { source };
      }
      if (file === undefined) return {};
      const line = waysTo(path)
        .map(locator)
        .find((found) => found !== undefined);
      return line === undefined ? { source: file } : { source: file, line };
    },
  };
}

/** The path itself, then what it is in, from the inside out. */
function waysTo(path: Path): readonly Path[] {
  return path.map((_, index) => path.slice(0, path.length - index));
}
