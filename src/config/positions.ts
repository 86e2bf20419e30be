/**
 * Finds the line of a key in TOML text. The parser gives values without positions, and an error without a line is hard to find in a long file.
 * Reads text that the parser has accepted; on any other text it finds less, and it never throws.
 */
import type { Path } from "./tree.ts";

/** The 1-based line where a key, an item or a table begins; undefined for what the text does not mention. */
export type Locator = (path: Path) => number | undefined;

export function locate(text: string): Locator {
  const lines = new Map<string, number>();
  const lengths = new Map<string, number>();
  let at = 0;
  let line = 1;
  let counted = 0;

  // document = { "[" key "]" | "[[" key "]]" | key "=" value | comment | newline }
  let table: Path = [];
  while (at < text.length) {
    const start = at;
    skip(/[\s\uFEFF]+|#[^\n]*/y);
    if (text[at] === "[") {
      const repeated = text[at + 1] === "[";
      const here = lineHere();
      at += repeated ? 2 : 1;
      table = open(readKey(), repeated);
      record(table, here);
      skip(/[ \t]*\]{1,2}/y);
    } else if (at < text.length) readPair(table);
    if (at === start) at += 1;
  }
  return (path) => lines.get(id(path));

  /** pair = key "=" value */
  function readPair(holder: Path): void {
    const here = lineHere();
    const path = [...holder, ...readKey()];
    if (!skip(/[ \t]*=[ \t]*/y)) return;
    record(path, here);
    readValue(path);
  }

  /** value = string | "[" [ value { "," value } ] "]" | "{" [ pair { "," pair } ] "}" | bare */
  function readValue(path: Path): void {
    const opening = text[at];
    if (opening !== "[" && opening !== "{") {
      if (readString() === undefined) skip(/[^,\]}\n#]*/y);
      return;
    }
    at += 1;
    for (let index = 0; at < text.length; index += 1) {
      while (skip(/[\s,]+|#[^\n]*/y));
      if (text[at] === "]" || text[at] === "}") break;
      const start = at;
      if (opening === "{") readPair(path);
      else {
        const item = [...path, index];
        record(item, lineHere());
        readValue(item);
      }
      if (at === start) return;
    }
    at += 1;
  }

  /** key = part { "." part }, part = bare | string */
  function readKey(): readonly string[] {
    const parts: string[] = [];
    do {
      skip(/[ \t]+/y);
      const part = readString() ?? skip(/[A-Za-z0-9_-]+/y);
      if (part === undefined) break;
      parts.push(part);
      skip(/[ \t]+/y);
    } while (skip(/\./y));
    return parts;
  }

  /** A string of any of the four kinds; the content of those on one line. */
  function readString(): string | undefined {
    const literal = skip(/'''[\s\S]*?'''(?!')|'[^'\n]*'/y);
    if (literal !== undefined) return literal.slice(1, -1);
    const basic = skip(/"""(?:[^\\]|\\[\s\S])*?"""(?!")|"(?:[^"\\\n]|\\.)*"/y);
    return basic === undefined ? undefined : unescaped(basic.slice(1, -1));
  }

  /** The table that a header names: in a list of tables the last one, for `[[…]]` a new one. */
  function open(keys: readonly string[], repeated: boolean): Path {
    const path: (string | number)[] = [];
    for (const [index, key] of keys.entries()) {
      path.push(key);
      const length = lengths.get(id(path));
      if (repeated && index === keys.length - 1) {
        lengths.set(id(path), (length ?? 0) + 1);
        path.push(length ?? 0);
      } else if (length !== undefined) path.push(length - 1);
    }
    return path;
  }

  /** A table that is only mentioned on the way to another one begins there. */
  function record(path: Path, here: number): void {
    for (let length = path.length; length > 0; length -= 1) {
      const key = id(path.slice(0, length));
      if (lines.has(key)) return;
      lines.set(key, here);
    }
  }

  function lineHere(): number {
    for (; counted < at; counted += 1) if (text[counted] === "\n") line += 1;
    return line;
  }

  function skip(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  }
}

function id(path: Path): string {
  return JSON.stringify(path);
}

const escapes: Readonly<Record<string, string>> = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", e: "\u001b" };

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/g, (_, x, u, U, one: string) => {
    const code = Number.parseInt(x ?? u ?? U, 16);
    if (!Number.isNaN(code)) return code <= 0x10ffff ? String.fromCodePoint(code) : "";
    return escapes[one] ?? one;
  });
}
