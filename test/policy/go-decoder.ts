/**
 * Go's encoding/json, literally and slowly (decode.go and scanner.go of Go 1.19, which Kapacitor 1.5 to 1.8 read alike): what a Decoder makes of the first value
 * of a body. Written for the tests, and after Go's code only: nothing is shared with the reader that it is held against.
 */

/** A value of `interface{}`. */
export type Any = null | boolean | number | string | readonly Any[] | ReadonlyMap<string, Any>;

/** Go gives an error, and Kapacitor refuses the request. */
export class GoError extends Error {}

type Tree =
  | { readonly kind: "null" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly Tree[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [name: string, value: Tree])[] };

const deepest = 10_000;
const code = (character: string): number => character.charCodeAt(0);

/** The syntax of one value. */
class Scanner {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** What stands behind the value is never looked at. */
  first(): Tree {
    return this.#value(0);
  }

  #peek(): number {
    return this.#bytes[this.#at] ?? -1;
  }

  #space(): void {
    while ([0x20, 0x09, 0x0d, 0x0a].includes(this.#peek())) this.#at++;
  }

  #expect(text: string): void {
    for (const character of text) {
      if (this.#peek() !== code(character)) throw new GoError("invalid character");
      this.#at++;
    }
  }

  #value(depth: number): Tree {
    if (depth > deepest) throw new GoError("exceeded max depth");
    this.#space();
    switch (String.fromCharCode(this.#peek())) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return { kind: "string", value: this.#string() };
      case "t":
        this.#expect("true");
        return { kind: "bool", value: true };
      case "f":
        this.#expect("false");
        return { kind: "bool", value: false };
      case "n":
        this.#expect("null");
        return { kind: "null" };
      default:
        return { kind: "number", text: this.#number() };
    }
  }

  #object(depth: number): Tree {
    const members: (readonly [string, Tree])[] = [];
    this.#expect("{");
    this.#space();
    if (this.#peek() === code("}")) {
      this.#at++;
      return { kind: "object", members };
    }
    for (;;) {
      this.#space();
      const name = this.#string();
      this.#space();
      this.#expect(":");
      members.push([name, this.#value(depth + 1)]);
      this.#space();
      if (this.#peek() === code("}")) break;
      this.#expect(",");
    }
    this.#at++;
    return { kind: "object", members };
  }

  #array(depth: number): Tree {
    const items: Tree[] = [];
    this.#expect("[");
    this.#space();
    if (this.#peek() === code("]")) {
      this.#at++;
      return { kind: "array", items };
    }
    for (;;) {
      items.push(this.#value(depth + 1));
      this.#space();
      if (this.#peek() === code("]")) break;
      this.#expect(",");
    }
    this.#at++;
    return { kind: "array", items };
  }

  #number(): string {
    const start = this.#at;
    const digit = (): boolean => this.#peek() >= 0x30 && this.#peek() <= 0x39;
    const digits = (): void => {
      if (!digit()) throw new GoError("invalid character in numeric literal");
      while (digit()) this.#at++;
    };
    if (this.#peek() === code("-")) this.#at++;
    if (this.#peek() === code("0")) this.#at++;
    else digits();
    if (this.#peek() === code(".")) {
      this.#at++;
      digits();
    }
    if (this.#peek() === code("e") || this.#peek() === code("E")) {
      this.#at++;
      if (this.#peek() === code("+") || this.#peek() === code("-")) this.#at++;
      digits();
    }
    return Buffer.from(this.#bytes.subarray(start, this.#at)).toString("latin1");
  }

  /** unquoteBytes */
  #string(): string {
    this.#expect('"');
    let value = "";
    for (;;) {
      const byte = this.#peek();
      if (byte === -1 || byte < 0x20) throw new GoError("invalid character in string literal");
      if (byte === code('"')) {
        this.#at++;
        return value;
      }
      if (byte === code("\\")) value += this.#escape();
      else if (byte < 0x80) {
        value += String.fromCharCode(byte);
        this.#at++;
      } else {
        const [rune, size] = decodeRune(this.#bytes, this.#at);
        value += String.fromCodePoint(rune);
        this.#at += size;
      }
    }
  }

  #escape(): string {
    this.#at++;
    const letter = String.fromCharCode(this.#peek());
    const plain = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
    if (letter in plain) {
      this.#at++;
      return plain[letter as keyof typeof plain];
    }
    if (letter !== "u") throw new GoError("invalid character in string escape code");
    const unit = this.#hexadecimal(this.#at + 1);
    if (unit === undefined) throw new GoError("invalid character in \\u hexadecimal character escape");
    this.#at += 5;
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const isPair = this.#bytes[this.#at] === code("\\") && this.#bytes[this.#at + 1] === code("u");
    const low = isPair ? this.#hexadecimal(this.#at + 2) : undefined;
    if (unit <= 0xdbff && low !== undefined && low >= 0xdc00 && low <= 0xdfff) {
      this.#at += 6;
      return String.fromCharCode(unit, low);
    }
    return "\uFFFD";
  }

  #hexadecimal(at: number): number | undefined {
    const digits = Buffer.from(this.#bytes.subarray(at, at + 4)).toString("latin1");
    return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
  }
}

/** utf8.DecodeRune: U+FFFD for one byte of anything that is not the shortest form of a code point. */
function decodeRune(bytes: Uint8Array, at: number): readonly [rune: number, size: number] {
  const lead = bytes[at] ?? 0;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const bad = [0xfffd, 1] as const;
  if (lead < 0xc2 || lead > 0xf4 || at + size > bytes.length) return bad;
  let rune = lead & (0x7f >> size);
  for (let index = 1; index < size; index++) {
    const byte = bytes[at + index] ?? 0;
    if ((byte & 0xc0) !== 0x80) return bad;
    rune = (rune << 6) | (byte & 0x3f);
  }
  const smallest = [0, 0, 0x80, 0x800, 0x10000][size] ?? 0;
  return rune < smallest || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff) ? bad : [rune, size];
}

/** A Go type: what a value makes of what the variable held before. */
export type Type<T> = (tree: Tree, earlier: T) => T;

export const goString: Type<string> = (tree, earlier) => {
  if (tree.kind === "null") return earlier;
  if (tree.kind !== "string") throw new GoError("cannot unmarshal into string");
  return tree.value;
};

/** A type with UnmarshalText. */
export function goWord(...words: readonly string[]): Type<string> {
  return (tree, earlier) => {
    const word = goString(tree, earlier);
    if (tree.kind !== "null" && !words.includes(word)) throw new GoError(`unknown ${word}`);
    return word;
  };
}

export const goAny: Type<Any> = (tree) => {
  const value = goAnyNumber(tree, null);
  if (!isInRange(value)) throw new GoError("cannot unmarshal number");
  return value;
};

/** After UseNumber: a number is what is written, however large. */
export const goAnyNumber: Type<Any> = (tree) => {
  switch (tree.kind) {
    case "null":
      return null;
    case "number":
      return Number(tree.text);
    case "array":
      return tree.items.map((item) => goAnyNumber(item, null));
    case "object":
      return new Map(tree.members.map(([name, value]) => [name, goAnyNumber(value, null)]));
    default:
      return tree.value;
  }
};

function isInRange(value: Any): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (value instanceof Map) return [...value.values()].every(isInRange);
  return Array.isArray(value) ? value.every(isInRange) : true;
}

/** `null` empties a map, an object is added to it. */
export function goMap<T>(type: Type<T>, zero: T): Type<ReadonlyMap<string, T>> {
  return (tree, earlier) => {
    if (tree.kind === "null") return new Map();
    if (tree.kind !== "object") throw new GoError("cannot unmarshal into map");
    const map = new Map(earlier);
    for (const [name, value] of tree.members) map.set(name, type(value, zero));
    return map;
  };
}

export function goSlice<T>(type: Type<T>, zero: T): Type<readonly T[]> {
  return (tree, earlier) => {
    if (tree.kind === "null") return [];
    if (tree.kind !== "array") throw new GoError("cannot unmarshal into slice");
    return tree.items.map((item, index) => type(item, earlier[index] ?? zero));
  };
}

/** A struct: the field of that very name, else the first that folds to it; what is unknown is passed over. */
export function goStruct<T extends object>(fields: { readonly [Name in keyof T]: Type<T[Name]> }): Type<T> {
  return (tree, earlier) => {
    if (tree.kind === "null") return earlier;
    if (tree.kind !== "object") throw new GoError("cannot unmarshal into struct");
    const names = Object.keys(fields) as (keyof T & string)[];
    let result = earlier;
    for (const [name, value] of tree.members) {
      const field = names.find((known) => known === name) ?? names.find((known) => equalFold(known, name));
      if (field !== undefined) result = { ...result, [field]: fields[field](value, result[field]) };
    }
    return result;
  };
}

/** A type with UnmarshalJSON, which gets the whole value, `null` as well, and nothing of what was there before. */
export function goFresh<T>(type: Type<T>, zero: T): Type<T> {
  return (tree) => type(tree, zero);
}

/** strings.EqualFold, for names in ASCII: two letters beyond it fold to some of it. */
export function equalFold(name: string, other: string): boolean {
  const fold = (text: string): string =>
    [...text]
      .map((letter) => {
        if (letter === "\u212a") return "k";
        if (letter === "\u017f") return "s";
        return letter >= "A" && letter <= "Z" ? letter.toLowerCase() : letter;
      })
      .join("");
  return fold(name) === fold(other);
}

/** json.NewDecoder(body).Decode(&variable); undefined where Go gives an error. */
export function decodeFirst<T>(bytes: Uint8Array, type: Type<T>, zero: T): T | undefined {
  try {
    return type(new Scanner(bytes).first(), zero);
  } catch (error) {
    if (error instanceof GoError) return undefined;
    throw error;
  }
}
