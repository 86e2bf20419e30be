/**
 * JSON as Kapacitor reads it (Go's encoding/json and mapstructure), refused where it could be read in two ways. Kapacitor takes the last of several
 * members that name the same thing, whatever their case; here there is only one, spelt as it is known. `null` leaves what was there before, and
 * nothing was: in structs and options it counts as absent.
 */
import type { JsonNode } from "./json.ts";

/** Why a value is refused; the text completes "the body is refused: …". */
export interface Refused {
  readonly ok: false;
  readonly text: string;
  /** Byte offset of what is wrong. */
  readonly offset: number;
}

export interface Members {
  readonly ok: true;
  /** The value of a member; undefined when it is absent or null. */
  get(name: string): JsonNode | undefined;
  /** Every member that is there and not null, in the order of the document. */
  readonly names: readonly string[];
}

/**
 * Where Go decodes a struct: `knownFields` are the names in its `json` tags. Refused are no object, two members whose names fold to the same, and a
 * name that folds to a known one without being it. Unknown members pass; `null` instead of the object is an empty one.
 */
export function readStruct(node: JsonNode, knownFields: readonly string[]): Members | Refused {
  const known = new Map(knownFields.map((name) => [foldName(name), name]));
  return readMembers(node, (name) => {
    const folded = foldName(name);
    const field = known.get(folded);
    if (field !== undefined && field !== name) return { text: `the member ${show(name)} must be spelt "${field}"` };
    return { key: folded };
  });
}

/** Where mapstructure decodes the options of a handler: names are compared without case. `get` takes any spelling. */
export function readFolded(node: JsonNode): Members | Refused {
  return readMembers(node, (name) => ({ key: foldName(name) }));
}

/** Where Go decodes a map: every name is another one, `null` is a value. Refused are no object and the same name twice. */
export function readMap(
  node: JsonNode,
): { readonly ok: true; readonly entries: ReadonlyMap<string, JsonNode> } | Refused {
  const entries = new Map<string, JsonNode>();
  if (node.kind === "null") return { ok: true, entries };
  if (node.kind !== "object") return { ok: false, text: "an object is missing", offset: node.start };
  for (const { name, value, offset } of node.members) {
    if (entries.has(name)) return { ok: false, text: `the member ${show(name)} is there twice`, offset };
    entries.set(name, value);
  }
  return { ok: true, entries };
}

function readMembers(
  node: JsonNode,
  keyOf: (name: string) => { readonly key: string } | { readonly text: string },
): Members | Refused {
  if (node.kind === "null") return { ok: true, get: () => undefined, names: [] };
  if (node.kind !== "object") return { ok: false, text: "an object is missing", offset: node.start };
  const seen = new Map<string, { readonly name: string; readonly value: JsonNode }>();
  for (const { name, value, offset } of node.members) {
    const reading = keyOf(name);
    if ("text" in reading) return { ok: false, text: reading.text, offset };
    const earlier = seen.get(reading.key);
    if (earlier !== undefined) {
      return {
        ok: false,
        text: `the members ${show(earlier.name)} and ${show(name)} are the same to Kapacitor`,
        offset,
      };
    }
    seen.set(reading.key, { name, value });
  }
  const present = [...seen.values()].filter(({ value }) => value.kind !== "null");
  return {
    ok: true,
    names: present.map(({ name }) => name),
    get: (name) => {
      const value = seen.get(foldName(name))?.value;
      return value?.kind === "null" ? undefined : value;
    },
  };
}

/**
 * The same text for names that Go's EqualFold takes for one another (compared with all of Unicode's simple case folding: U+017F is s, U+212A is k).
 * It is coarser for a few letters (ß is ss), so more is refused, never less.
 */
export function foldName(name: string): string {
  return name.toLowerCase().toUpperCase().toLowerCase();
}

function show(name: string): string {
  const text = JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);
  return text.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
