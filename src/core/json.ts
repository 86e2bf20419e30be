/**
 * JSON as RFC 8259 has it, with everything that JSON.parse throws away: members in order with their duplicates, raw numbers, places.
 * What a document means to Kapacitor is read by json-readers.ts.
 */

/** Where a value stands: byte offsets into the document. */
interface Located {
  readonly start: number;
  readonly end: number;
}

export interface JsonNull extends Located {
  readonly kind: "null";
}

export interface JsonBoolean extends Located {
  readonly kind: "boolean";
  readonly value: boolean;
}

export interface JsonNumber extends Located {
  readonly kind: "number";
  /** As written. */
  readonly text: string;
}

export interface JsonString extends Located {
  readonly kind: "string";
  /** Decoded. */
  readonly value: string;
}

export interface JsonArray extends Located {
  readonly kind: "array";
  readonly items: readonly JsonNode[];
}

export interface JsonObject extends Located {
  readonly kind: "object";
  /** In the order of the document, duplicates included. */
  readonly members: readonly JsonMember[];
}

export interface JsonMember {
  /** Decoded. */
  readonly name: string;
  /** Byte offset of the name. */
  readonly offset: number;
  readonly value: JsonNode;
}

export type JsonNode = JsonNull | JsonBoolean | JsonNumber | JsonString | JsonArray | JsonObject;

export interface JsonLimits {
  /** Bytes. */
  readonly size: number;
  /** Objects and arrays inside each other. */
  readonly depth: number;
}

export const defaultJsonLimits: JsonLimits = { size: 25_000_000, depth: 100 };

export type JsonReading =
  | { readonly ok: true; readonly value: JsonNode; readonly end: number }
  | { readonly ok: false; readonly text: string; readonly offset: number };

class JsonError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/**
 * The one value that a document consists of. Refused is all that is not RFC 8259 and all that Go (encoding/json) reads in another way than it is written:
 * data after the value, a byte order mark, invalid UTF-8, lone surrogates, and what is beyond the limits. Never throws. `end` is the byte offset behind the value,
 * `text` says what is wrong.
 */
export function parseJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): JsonReading {
  const { size, depth } = { ...defaultJsonLimits, ...limits };
  try {
    if (bytes.length > size) throw new JsonError(`the document is longer than ${size} bytes`, size);
    const scanner = new Scanner(bytes, depth);
    const value = scanner.document();
    return { ok: true, value, end: value.end };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return { ok: false, text: error.message, offset: error.offset };
  }
}

const quote = 0x22;
const backslash = 0x5c;
const firstBeyondAscii = 0x80;

const literals = [
  ["true", 0x74],
  ["false", 0x66],
  ["null", 0x6e],
] as const;

const escapes: ReadonlyMap<number, string> = new Map([
  [quote, '"'],
  [backslash, "\\"],
  [0x2f, "/"],
  [0x62, "\b"],
  [0x66, "\f"],
  [0x6e, "\n"],
  [0x72, "\r"],
  [0x74, "\t"],
]);

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #deepest: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array, deepest: number) {
    this.#bytes = bytes;
    this.#deepest = deepest;
  }

  document(): JsonNode {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#bytes.length) throw this.#wrong("data after the value");
    return value;
  }

  #value(): JsonNode {
    this.#skipSpace();
    const code = this.#bytes[this.#at];
    switch (code) {
      case 0x7b:
        return this.#object();
      case 0x5b:
        return this.#array();
      case quote: {
        const start = this.#at;
        return { kind: "string", value: this.#string(), start, end: this.#at };
      }
      case 0x74:
      case 0x66:
      case 0x6e:
        return this.#literal();
      default:
        return this.#number();
    }
  }

  #object(): JsonObject {
    const start = this.#enter();
    const members: JsonMember[] = [];
    this.#skipSpace();
    if (!this.#take(0x7d)) {
      do {
        this.#skipSpace();
        const offset = this.#at;
        if (this.#bytes[offset] !== quote) throw this.#wrong("a name in double quotes is missing");
        const name = this.#string();
        this.#skipSpace();
        if (!this.#take(0x3a)) throw this.#wrong("a colon is missing");
        members.push({ name, offset, value: this.#value() });
        this.#skipSpace();
      } while (this.#take(0x2c));
      if (!this.#take(0x7d)) throw this.#wrong("a comma or the end of the object is missing");
    }
    this.#depth--;
    return { kind: "object", members, start, end: this.#at };
  }

  #array(): JsonArray {
    const start = this.#enter();
    const items: JsonNode[] = [];
    this.#skipSpace();
    if (!this.#take(0x5d)) {
      do {
        items.push(this.#value());
        this.#skipSpace();
      } while (this.#take(0x2c));
      if (!this.#take(0x5d)) throw this.#wrong("a comma or the end of the array is missing");
    }
    this.#depth--;
    return { kind: "array", items, start, end: this.#at };
  }

  /** Steps over the bracket; gives where it stands. */
  #enter(): number {
    this.#depth++;
    if (this.#depth > this.#deepest) throw this.#wrong(`nested deeper than ${this.#deepest}`);
    return this.#at++;
  }

  #literal(): JsonNull | JsonBoolean {
    const start = this.#at;
    for (const [word] of literals) {
      if (!this.#startsWith(word)) continue;
      this.#at += word.length;
      const place = { start, end: this.#at };
      return word === "null" ? { kind: "null", ...place } : { kind: "boolean", value: word === "true", ...place };
    }
    throw this.#wrong("a value is missing");
  }

  /** [ "-" ] ( "0" | 1-9 { digit } ) [ "." digit { digit } ] [ ( "e" | "E" ) [ "+" | "-" ] digit { digit } ] */
  #number(): JsonNumber {
    const start = this.#at;
    this.#take(0x2d);
    if (!this.#take(0x30)) this.#digits(start);
    if (this.#take(0x2e)) this.#digits(start);
    if (this.#take(0x65) || this.#take(0x45)) {
      if (!this.#take(0x2b)) this.#take(0x2d);
      this.#digits(start);
    }
    return { kind: "number", text: this.#decode(start, this.#at), start, end: this.#at };
  }

  #digits(start: number): void {
    const first = this.#at;
    while (isDigit(this.#bytes[this.#at])) this.#at++;
    if (this.#at > first) return;
    throw this.#wrong(first === start ? "a value is missing" : "a digit is missing");
  }

  /** Reads runs without escapes at once, so that what is not escaped is checked as UTF-8 in one go. */
  #string(): string {
    let value = "";
    let from = ++this.#at;
    let escaped = false;
    for (;;) {
      const code = this.#bytes[this.#at];
      if (code === undefined) throw this.#wrong("a string has no end");
      if (code < 0x20) throw this.#wrong("a control character in a string");
      if (code !== quote && code !== backslash) {
        this.#at++;
        continue;
      }
      value += this.#decode(from, this.#at);
      this.#at++;
      if (code === quote) break;
      value += this.#escape();
      escaped = true;
      from = this.#at;
    }
    if (escaped && !value.isWellFormed()) throw this.#wrong("half a surrogate pair in the string before");
    return value;
  }

  /** What stands behind a backslash. */
  #escape(): string {
    const code = this.#bytes[this.#at] ?? 0;
    const plain = escapes.get(code);
    if (plain !== undefined) {
      this.#at++;
      return plain;
    }
    if (code !== 0x75) throw this.#wrong("an unknown escape");
    const digits = this.#decode(this.#at + 1, this.#at + 5);
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) throw this.#wrong("four hexadecimal digits are missing");
    this.#at += 5;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #decode(start: number, end: number): string {
    let ascii = true;
    for (let at = start; at < end && ascii; at++) ascii = (this.#bytes[at] ?? 0) < firstBeyondAscii;
    const run = this.#bytes.subarray(start, end);
    if (ascii && run.length < 64) return String.fromCharCode(...run);
    try {
      return this.#decoder.decode(run);
    } catch {
      throw new JsonError("invalid UTF-8", start);
    }
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#bytes[this.#at];
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #take(code: number): boolean {
    const found = this.#bytes[this.#at] === code;
    if (found) this.#at++;
    return found;
  }

  #startsWith(word: string): boolean {
    for (let index = 0; index < word.length; index++) {
      if (this.#bytes[this.#at + index] !== word.charCodeAt(index)) return false;
    }
    return true;
  }

  #wrong(text: string): JsonError {
    return new JsonError(text, this.#at);
  }
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= 0x30 && code <= 0x39;
}
