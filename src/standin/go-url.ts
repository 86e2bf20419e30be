/** Request targets, query strings, path.Clean and path.Match as Go's net/url and path packages have them. */
import { Buffer } from "node:buffer";
import { lossless } from "./go-text.ts";

export interface Target {
  /** Decoded; bytes that are not UTF-8 stand as lone surrogates (go-text.ts). */
  readonly path: string;
  /** The query as it came, without the question mark; undefined when there was none. */
  readonly query: string | undefined;
  /** `scheme://host` of a target in absolute form, else "". */
  readonly origin: string;
}

/** `url.ParseRequestURI` as net/http uses it; undefined where Go answers 400. */
export function parseTarget(target: string): Target | undefined {
  if (target === "*") return { path: "*", query: undefined, origin: "" };
  const absolute = /^([a-zA-Z][a-zA-Z0-9+.-]*):(\/\/[^/?]*)?/.exec(target);
  const origin = absolute === null ? "" : absolute[0];
  const rest = target.slice(origin.length);
  if (origin === "" && !rest.startsWith("/")) return undefined;
  if (origin !== "" && rest !== "" && !/^[/?]/.test(rest)) return undefined;
  const mark = rest.indexOf("?");
  const path = percentDecode(mark < 0 ? rest : rest.slice(0, mark));
  if (path === undefined) return undefined;
  return { path, query: mark < 0 ? undefined : rest.slice(mark + 1), origin };
}

/** Values by name, in order. */
export type Query = ReadonlyMap<string, readonly string[]>;

/** `url.ParseQuery` with its errors ignored: parts with `;` or a bad escape are left out. */
export function parseQuery(query: string | undefined): Query {
  const values = new Map<string, string[]>();
  for (const part of (query ?? "").split("&")) {
    if (part === "" || part.includes(";")) continue;
    const mark = part.indexOf("=");
    const name = percentDecode((mark < 0 ? part : part.slice(0, mark)).replaceAll("+", " "));
    const value = percentDecode((mark < 0 ? "" : part.slice(mark + 1)).replaceAll("+", " "));
    if (name === undefined || value === undefined) continue;
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return values;
}

/** `Query().Get(name)`: the first value or "". */
export function first(query: Query, name: string): string {
  return query.get(name)?.[0] ?? "";
}

function percentDecode(text: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const bytes = Buffer.from(text, "utf8");
  const decoded: number[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] === 0x25) {
      decoded.push(Number.parseInt(bytes.toString("latin1", at + 1, at + 3), 16));
      at += 2;
    } else {
      decoded.push(bytes[at] ?? 0);
    }
  }
  return lossless(Buffer.from(decoded));
}

/** `(&url.URL{Path: path}).EscapedPath()`: what stands in a Location or in a self link. */
export function escapePath(path: string): string {
  const bytes = Buffer.from(path.toWellFormed(), "utf8");
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    text += /[A-Za-z0-9\-_.~$&+,/:;=@]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/** `path.Clean`. */
export function cleanPath(path: string): string {
  if (path === "") return ".";
  const rooted = path.startsWith("/");
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!rooted) kept.push("..");
  }
  const joined = kept.join("/");
  return rooted ? `/${joined}` : joined || ".";
}

/** `path.Join`. */
export function joinPath(...parts: readonly string[]): string {
  const given = parts.filter((part) => part !== "");
  return given.length === 0 ? "" : cleanPath(given.join("/"));
}

/** `path.Match(pattern, name)`; undefined for `ErrBadPattern`. */
export function matchGlob(pattern: string, name: string): boolean | undefined {
  const expression = globExpression(pattern);
  return expression?.test(name);
}

/** The glob as an expression: `*` and `?` stop at a slash, classes may be negated with `^`, a backslash quotes. */
function globExpression(pattern: string): RegExp | undefined {
  let source = "";
  const chars = [...pattern];
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? "";
    if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "[") {
      const found = globClass(chars, at + 1);
      if (found === undefined) return undefined;
      source += found.source;
      at = found.end;
    } else {
      if (char === "\\") at += 1;
      const literal = chars[at];
      if (literal === undefined) return undefined;
      source += quote(literal);
    }
  }
  return new RegExp(`^${source}$`, "su");
}

function globClass(chars: readonly string[], start: number): { source: string; end: number } | undefined {
  let at = start;
  let source = chars[at] === "^" ? "[^" : "[";
  if (chars[at] === "^") at += 1;
  for (let ranges = 0; ; ranges += 1) {
    if (chars[at] === "]" && ranges > 0) return { source: `${source}]`, end: at };
    const low = classMember(chars, at);
    if (low === undefined) return undefined;
    at = low.next;
    let high = low;
    if (chars[at] === "-") {
      const upper = classMember(chars, at + 1);
      if (upper === undefined) return undefined;
      high = upper;
      at = upper.next;
    }
    if ((low.char.codePointAt(0) ?? 0) <= (high.char.codePointAt(0) ?? 0)) {
      source += `${quote(low.char)}-${quote(high.char)}`;
    }
  }
}

function classMember(chars: readonly string[], at: number): { char: string; next: number } | undefined {
  const char = chars[at];
  if (char === undefined || char === "-" || char === "]") return undefined;
  if (char !== "\\") return { char, next: at + 1 };
  const quoted = chars[at + 1];
  return quoted === undefined ? undefined : { char: quoted, next: at + 2 };
}

function quote(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
