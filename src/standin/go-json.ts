/**
 * JSON text as Go's encoding/json scans it: what is one value, what is a syntax error (with Go's words), what is in a string.
 * Members keep their order and their duplicates; go-json-shapes.ts decides what a Go type makes of them.
 */
import type { Buffer } from "node:buffer";
import { replacingLatin1 } from "./go-text.ts";

export type Tree =
  | { readonly kind: "null" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly Tree[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [name: string, value: Tree])[] };

/** An error of encoding/json; the message is Go's. */
export class GoJsonError extends Error {}

/** Go allows 10,000; a recursive reader in Node has less stack than that. */
const maximalDepth = 1_000;

/** `json.NewDecoder(body).Decode`: the first value, whatever follows it. Throws GoJsonError. */
export function firstValue(body: Buffer): Tree {
  const reader = new Reader(body.toString("latin1"));
  reader.skipSpace();
  if (reader.atEnd()) throw new GoJsonError("EOF");
  return reader.value(0);
}

/** `json.Unmarshal`: exactly one value and white space. Throws GoJsonError. */
export function onlyValue(body: Buffer): Tree {
  const reader = new Reader(body.toString("latin1"), "unexpected end of JSON input");
  const tree = reader.value(0);
  reader.skipSpace();
  if (!reader.atEnd()) reader.fail("after top-level value");
  return tree;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Reader {
  readonly #text: string;
  readonly #endError: string;
  #at = 0;

  constructor(text: string, endError = "unexpected EOF") {
    this.#text = text;
    this.#endError = endError;
  }

  atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  skipSpace(): void {
    while (" \t\r\n".includes(this.#text[this.#at] ?? "x")) this.#at += 1;
  }

  fail(where: string): never {
    const char = this.#text[this.#at];
    if (char === undefined) throw new GoJsonError(this.#endError);
    throw new GoJsonError(`invalid character ${quoteCharacter(char)} ${where}`);
  }

  value(depth: number): Tree {
    this.skipSpace();
    const char = this.#text[this.#at];
    if (char === "{" || char === "[") {
      if (depth >= maximalDepth) throw new GoJsonError("exceeded max depth");
      this.#at += 1;
      return char === "{" ? this.#object(depth + 1) : this.#array(depth + 1);
    }
    if (char === '"') return { kind: "string", value: this.#string() };
    if (char === "t") return this.#literal("true", { kind: "bool", value: true });
    if (char === "f") return this.#literal("false", { kind: "bool", value: false });
    if (char === "n") return this.#literal("null", { kind: "null" });
    if (char !== undefined && (char === "-" || isDigit(char))) return this.#number();
    return this.fail("looking for beginning of value");
  }

  #object(depth: number): Tree {
    const members: [string, Tree][] = [];
    this.skipSpace();
    if (this.#take("}")) return { kind: "object", members };
    for (;;) {
      this.skipSpace();
      if (this.#text[this.#at] !== '"') this.fail("looking for beginning of object key string");
      const name = this.#string();
      this.skipSpace();
      if (!this.#take(":")) this.fail("after object key");
      members.push([name, this.value(depth)]);
      this.skipSpace();
      if (this.#take("}")) return { kind: "object", members };
      if (!this.#take(",")) this.fail("after object key:value pair");
    }
  }

  #array(depth: number): Tree {
    const items: Tree[] = [];
    this.skipSpace();
    if (this.#take("]")) return { kind: "array", items };
    for (;;) {
      items.push(this.value(depth));
      this.skipSpace();
      if (this.#take("]")) return { kind: "array", items };
      if (!this.#take(",")) this.fail("after array element");
    }
  }

  #string(): string {
    this.#at += 1;
    let value = "";
    let from = this.#at;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char < " ") this.fail("in string literal");
      if (char === '"' || char === "\\") {
        value += replacingLatin1(this.#text.slice(from, this.#at));
        this.#at += 1;
        if (char === '"') return value.toWellFormed();
        value += this.#escape();
        from = this.#at;
      } else {
        this.#at += 1;
      }
    }
  }

  #escape(): string {
    const char = this.#text[this.#at] ?? "";
    const plain = escapes[char];
    if (plain !== undefined) {
      this.#at += 1;
      return plain;
    }
    if (char !== "u") this.fail("in string escape code");
    this.#at += 1;
    for (let digit = 0; digit < 4; digit += 1) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? "")) this.fail("in \\u hexadecimal character escape");
      this.#at += 1;
    }
    return String.fromCharCode(Number.parseInt(this.#text.slice(this.#at - 4, this.#at), 16));
  }

  #literal(word: string, tree: Tree): Tree {
    for (const char of word) {
      if (!this.#take(char)) this.fail(`in literal ${word} (expecting ${quoteCharacter(char)})`);
    }
    return tree;
  }

  #number(): Tree {
    const from = this.#at;
    if (this.#take("-") && !isDigit(this.#text[this.#at] ?? "")) this.fail("in numeric literal");
    if (!this.#take("0")) this.#digits();
    if (this.#take(".")) {
      if (!isDigit(this.#text[this.#at] ?? "")) this.fail("after decimal point in numeric literal");
      this.#digits();
    }
    if (this.#take("e") || this.#take("E")) {
      if (!this.#take("+")) this.#take("-");
      if (!isDigit(this.#text[this.#at] ?? "")) this.fail("in exponent of numeric literal");
      this.#digits();
    }
    return { kind: "number", text: this.#text.slice(from, this.#at) };
  }

  #digits(): void {
    while (isDigit(this.#text[this.#at] ?? "")) this.#at += 1;
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9";
}

/** Go's `quoteChar`: single quotes around the byte, taken as a code point. */
function quoteCharacter(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return "'\"'";
  const code = char.charCodeAt(0);
  const short = {
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\\": "\\\\",
    "\v": "\\v",
    "\x07": "\\a",
  };
  const named = short[char as keyof typeof short];
  if (named !== undefined) return `'${named}'`;
  if (code < 0x20 || code === 0x7f) return `'\\x${code.toString(16).padStart(2, "0")}'`;
  if ((code >= 0x80 && code <= 0xa0) || code === 0xad) return `'\\u00${code.toString(16)}'`;
  return `'${char}'`;
}
