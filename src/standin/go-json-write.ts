/** What encoding/json writes: `Map` as a Go map (sorted), an object as a Go struct (in its order), HTML characters escaped. */
export type Encodable =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Encodable[]
  | ReadonlyMap<string, Encodable>
  | { readonly [name: string]: Encodable };

/** `json.Marshal`, or `json.MarshalIndent` with an indent. */
export function encode(value: Encodable, indent = "", outer = ""): string {
  if (value === null || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "string") return encodeText(value);
  const inner = outer + indent;
  const [open, close, separator] = indent === "" ? ["", "", ":"] : [`\n${inner}`, `\n${outer}`, ": "];
  if (isList(value)) {
    if (value.length === 0) return "[]";
    return `[${open}${value.map((item) => encode(item, indent, inner)).join(`,${open}`)}${close}]`;
  }
  const members = value instanceof Map ? [...value].sort(byCodePoint) : Object.entries(value);
  if (members.length === 0) return "{}";
  const lines = members.map(([name, item]) => `${encodeText(name)}${separator}${encode(item, indent, inner)}`);
  return `{${open}${lines.join(`,${open}`)}${close}}`;
}

/** Compares as Go compares strings, by bytes of UTF-8, which is by code point. */
export function compareText(left: string, right: string): number {
  const a = [...left];
  const b = [...right];
  for (let at = 0; at < a.length && at < b.length; at += 1) {
    const difference = (a[at]?.codePointAt(0) ?? 0) - (b[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function byCodePoint([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return compareText(left, right);
}

function isList(value: Encodable): value is readonly Encodable[] {
  return Array.isArray(value);
}

const rewritten: Readonly<Record<string, string>> = { "\\b": "\\u0008", "\\f": "\\u000c" };

function encodeText(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(/[<>&\u2028\u2029]|\\./g, (found) =>
    found.length === 1 ? `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}` : (rewritten[found] ?? found),
  );
}
