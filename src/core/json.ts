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
  /** Values, those inside of others included: each takes a hundred times the memory of the two bytes that it may be written in. */
  readonly values: number;
}

const defaultJsonLimits: JsonLimits = { size: 25_000_000, depth: 100, values: 500_000 };

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
  const { size, depth, values } = { ...defaultJsonLimits, ...limits };
  try {
    if (bytes.length > size) throw new JsonError(`the document is longer than ${size} bytes`, size);
    const scanner = new Scanner(bytes, depth, values);
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

const escapes: ReadonlyMap<string, string> = new Map(
  Object.entries({ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }),
);

/** One character for each byte, and the same one for ASCII: fast to scan, and its indices are byte offsets. */
const singleBytes = new TextDecoder("windows-1252");

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #text: string;
  readonly #deepest: number;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #mostValues: number;
  #at = 0;
  #depth = 0;
  #values = 0;

  constructor(bytes: Uint8Array, deepest: number, mostValues: number) {
    this.#mostValues = mostValues;
    this.#bytes = bytes;
    this.#text = singleBytes.decode(bytes);
    this.#deepest = deepest;
  }

  document(): JsonNode {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#wrong("data after the value");
    return value;
  }

  #value(): JsonNode {
    this.#skipSpace();
    if (++this.#values > this.#mostValues) throw this.#wrong(`more than ${this.#mostValues} values`);
    const start = this.#at;
    switch (this.#text[start]) {
      case "{":
        return this.#object();
      case "[":
        return this.#array();
      case '"':
        return { kind: "string", value: this.#string(), start, end: this.#at };
      case "t":
        return { kind: "boolean", value: true, start, end: this.#word("true") };
      case "f":
        return { kind: "boolean", value: false, start, end: this.#word("false") };
      case "n":
        return { kind: "null", start, end: this.#word("null") };
      default:
        return this.#number();
    }
  }

  #object(): JsonObject {
    const start = this.#enter();
    const members: JsonMember[] = [];
    this.#skipSpace();
    if (!this.#take("}")) {
      do {
        this.#skipSpace();
        const offset = this.#at;
        if (this.#text[offset] !== '"') throw this.#wrong("a name in double quotes is missing");
        const name = this.#string();
        this.#skipSpace();
        if (!this.#take(":")) throw this.#wrong("a colon is missing");
        members.push({ name, offset, value: this.#value() });
        this.#skipSpace();
      } while (this.#take(","));
      if (!this.#take("}")) throw this.#wrong("a comma or the end of the object is missing");
    }
    this.#depth--;
    return { kind: "object", members, start, end: this.#at };
  }

  #array(): JsonArray {
    const start = this.#enter();
    const items: JsonNode[] = [];
    this.#skipSpace();
    if (!this.#take("]")) {
      do {
        items.push(this.#value());
        this.#skipSpace();
      } while (this.#take(","));
      if (!this.#take("]")) throw this.#wrong("a comma or the end of the array is missing");
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

  /** Gives where it ends. */
  #word(word: string): number {
    if (!this.#text.startsWith(word, this.#at)) throw this.#wrong("a value is missing");
    this.#at += word.length;
    return this.#at;
  }

  /** [ "-" ] ( "0" | 1-9 { digit } ) [ "." digit { digit } ] [ ( "e" | "E" ) [ "+" | "-" ] digit { digit } ] */
  #number(): JsonNumber {
    const start = this.#at;
    this.#take("-");
    if (!this.#take("0")) this.#digits(start);
    if (this.#take(".")) this.#digits(start);
    if (this.#take("e") || this.#take("E")) {
      if (!this.#take("+")) this.#take("-");
      this.#digits(start);
    }
    return { kind: "number", text: this.#text.slice(start, this.#at), start, end: this.#at };
  }

  #digits(start: number): void {
    const first = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
    if (this.#at === first) throw this.#wrong(first === start ? "a value is missing" : "a digit is missing");
  }

  /** Takes what stands between escapes at once. */
  #string(): string {
    const start = this.#at;
    let value = "";
    let from = ++this.#at;
    let ascii = true;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code < 0x20) throw this.#wrong("a control character in a string");
      if (Number.isNaN(code)) throw this.#wrong("a string has no end");
      this.#at++;
      if (code >= firstBeyondAscii) ascii = false;
      if (code !== quote && code !== backslash) continue;
      value += this.#run(from, this.#at - 1, ascii);
      if (code === quote) break;
      value += this.#escape();
      from = this.#at;
      ascii = true;
    }
    if (!value.isWellFormed()) throw new JsonError("half a surrogate pair in a string", start);
    return value;
  }

  #run(start: number, end: number, ascii: boolean): string {
    if (ascii) return this.#text.slice(start, end);
    try {
      return this.#utf8.decode(this.#bytes.subarray(start, end));
    } catch {
      throw new JsonError("invalid UTF-8 in a string", start);
    }
  }

  /** What stands behind a backslash. */
  #escape(): string {
    const letter = this.#text[this.#at] ?? "";
    const plain = escapes.get(letter);
    if (plain !== undefined) {
      this.#at++;
      return plain;
    }
    if (letter !== "u") throw this.#wrong("an unknown escape");
    const digits = this.#text.slice(this.#at + 1, this.#at + 5);
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) throw this.#wrong("four hexadecimal digits are missing");
    this.#at += 5;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #take(character: string): boolean {
    const found = this.#text[this.#at] === character;
    if (found) this.#at++;
    return found;
  }

  #wrong(text: string): JsonError {
    return new JsonError(text, this.#at);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
