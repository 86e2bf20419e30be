import { GoJsonError } from "./go-json.ts";
import type { Shape } from "./go-json-shapes.ts";

const names = "OKINFOWARNINGCRITICAL";
const offsets = [0, 2, 6, 13];

/** `alert.Level`'s UnmarshalText: 0 for OK to 3 for CRITICAL. Any beginning of a name will do, also none (OK). */
export function parseLevel(level: string): number | undefined {
  const at = offsets.indexOf(names.indexOf(level));
  return at < 0 ? undefined : at;
}

/** A level in JSON, kept as it was written. */
export const level: Shape<string> = {
  zero: () => "",
  read: (tree, earlier) => {
    if (tree.kind === "null") return earlier;
    if (tree.kind !== "string" || parseLevel(tree.value) === undefined) {
      throw new GoJsonError(`unknown alert level '${tree.kind === "string" ? tree.value : tree.kind}'`);
    }
    return tree.value;
  },
};
