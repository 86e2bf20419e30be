/**
 * What Go types make of a JSON value (encoding/json, the part that decodes): struct members match without case and with
 * Unicode folding, the last duplicate wins, null leaves what was there, duplicate maps merge, unknown members pass.
 * A stand-in that read JSON like JavaScript would not be fooled by what fools the real daemon.
 */
import { GoJsonError, type Tree } from "./go-json.ts";

/** A decoded value of Go's `interface{}`; objects are maps, so no name is special. */
export type Plain = null | boolean | number | string | readonly Plain[] | ReadonlyMap<string, Plain>;

/** Where an error is: the innermost struct's Go name and the names down to the field. */
interface Place {
  readonly struct: string;
  readonly fields: readonly string[];
}

/** A Go type. `read` gets what the variable held before and returns what it holds afterwards; throws GoJsonError. */
export interface Shape<T> {
  zero(): T;
  read(tree: Tree, earlier: T, place: Place): T;
}

export type Decoded<S> = S extends Shape<infer T> ? T : never;

/** Decodes into the zero value, or into `into` where the Go code sets defaults before it decodes. Throws GoJsonError. */
export function decode<T>(tree: Tree, shape: Shape<T>, into: T = shape.zero()): T {
  return shape.read(tree, into, { struct: "", fields: [] });
}

export const text: Shape<string> = {
  zero: () => "",
  read: (tree, earlier, place) => {
    if (tree.kind === "null") return earlier;
    return tree.kind === "string" ? tree.value : mismatch(tree, "string", place);
  },
};

export const flag: Shape<boolean> = {
  zero: () => false,
  read: (tree, earlier, place) => {
    if (tree.kind === "null") return earlier;
    return tree.kind === "bool" ? tree.value : mismatch(tree, "bool", place);
  },
};

/** A named type with `UnmarshalText`: only these words, in exactly this case. The zero value is "". */
export function words(goType: string, allowed: readonly string[]): Shape<string> {
  return {
    zero: () => "",
    read: (tree, earlier, place) => {
      if (tree.kind === "null") return earlier;
      if (tree.kind !== "string") return mismatch(tree, `client.${goType}`, place);
      if (!allowed.includes(tree.value)) throw new GoJsonError(`unknown ${goType} ${tree.value}`);
      return tree.value;
    },
  };
}

export const zeroTime = "0001-01-01T00:00:00Z";
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** `time.Time`, kept as its RFC 3339 text. */
export const time: Shape<string> = {
  zero: () => zeroTime,
  read: (tree, earlier) => {
    if (tree.kind === "null") return earlier;
    if (tree.kind !== "string" || !rfc3339.test(tree.value) || Number.isNaN(Date.parse(tree.value.replace(",", ".")))) {
      const shown =
        tree.kind === "string" ? JSON.stringify(tree.value) : tree.kind === "number" ? tree.text : tree.kind;
      throw new GoJsonError(
        `parsing time ${JSON.stringify(shown)} as "\\"2006-01-02T15:04:05Z07:00\\"": cannot parse as RFC 3339`,
      );
    }
    return tree.value;
  },
};

/** `interface{}`: numbers are float64, so one that does not fit is refused. */
export const anything: Shape<Plain> = { zero: () => null, read: (tree, _earlier, place) => plain(tree, place) };

function plain(tree: Tree, place: Place): Plain {
  switch (tree.kind) {
    case "null":
      return null;
    case "bool":
    case "string":
      return tree.value;
    case "number": {
      const value = Number(tree.text);
      return Number.isFinite(value) ? value : mismatch(tree, "float64", place);
    }
    case "array":
      return tree.items.map((item) => plain(item, place));
    case "object":
      return new Map(tree.members.map(([name, value]) => [name, plain(value, place)]));
  }
}

/** The undecoded value, for types that decode themselves. */
export const raw: Shape<Tree> = { zero: () => ({ kind: "null" }), read: (tree) => tree };

/** A slice; null for nil. Elements of an earlier array are decoded into, as Go does (golang/go#21092). */
export function list<T>(element: Shape<T>, goType: string): Shape<readonly T[] | null> {
  return {
    zero: () => null,
    read: (tree, earlier, place) => {
      if (tree.kind === "null") return null;
      if (tree.kind !== "array") return mismatch(tree, goType, place);
      return tree.items.map((item, at) => element.read(item, earlier?.[at] ?? element.zero(), place));
    },
  };
}

/** A map with string keys; null for nil. Keys are compared exactly, a second object adds to the first. */
export function map<T>(element: Shape<T>, goType: string): Shape<ReadonlyMap<string, T> | null> {
  return {
    zero: () => null,
    read: (tree, earlier, place) => {
      if (tree.kind === "null") return null;
      if (tree.kind !== "object") return mismatch(tree, goType, place);
      const result = new Map(earlier ?? []);
      for (const [name, value] of tree.members) {
        const inside = { struct: place.struct, fields: [...place.fields, name] };
        result.set(name, element.read(value, element.zero(), inside));
      }
      return result;
    },
  };
}

/** A struct: its Go type with the package, and its fields in declaration order by their JSON names. */
export function struct<F extends Readonly<Record<string, Shape<unknown>>>>(
  goType: string,
  fields: F,
): Shape<{ readonly [K in keyof F]: Decoded<F[K]> }> {
  type Value = { readonly [K in keyof F]: Decoded<F[K]> };
  const names = Object.keys(fields);
  return {
    zero: () => Object.fromEntries(names.map((name) => [name, fields[name]?.zero()])) as Value,
    read: (tree, earlier, place) => {
      if (tree.kind === "null") return earlier;
      if (tree.kind !== "object") return mismatch(tree, goType, place);
      const result: Record<string, unknown> = { ...earlier };
      for (const [member, value] of tree.members) {
        const name = names.includes(member) ? member : names.find((candidate) => fold(candidate) === fold(member));
        const shape = name === undefined ? undefined : fields[name];
        if (name === undefined || shape === undefined) continue;
        result[name] = shape.read(value, result[name], { struct: goType, fields: [...place.fields, name] });
      }
      return result as Value;
    },
  };
}

/** Simple folding as far as it reaches ASCII: besides A to Z only U+017F (s) and U+212A (k) do. */
export function fold(name: string): string {
  return name
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replaceAll("\u017f", "s")
    .replaceAll("\u212a", "k");
}

function valueWord(tree: Tree): string {
  return tree.kind === "number" ? `number ${tree.text}` : tree.kind;
}

function mismatch(tree: Tree, goType: string, place: Place): never {
  const value = tree.kind === "number" && goType !== "float64" ? "number" : valueWord(tree);
  const target =
    place.struct === ""
      ? `value of type ${goType}`
      : `struct field ${place.struct.replace(/^.*\./, "")}.${place.fields.join(".")} of type ${goType}`;
  throw new GoJsonError(`json: cannot unmarshal ${value} into Go ${target}`);
}
