/** The variables of a task: `client.Vars.UnmarshalJSON` and the checks that services/task_store/dao.go makes of them. */
import { GoJsonError, type Tree } from "./go-json.ts";
import { decode, map, raw, type Shape, struct, text, words } from "./go-json-shapes.ts";
import type { Encodable } from "./go-json-write.ts";

export interface Var {
  readonly type: string;
  /** Durations are nanoseconds; null for a star. */
  readonly value: null | boolean | bigint | number | string | readonly Var[];
  readonly description: string;
  /** Why it cannot be stored although it was decoded. */
  readonly refused?: string;
}

export type Vars = ReadonlyMap<string, Var>;

const types = ["bool", "int", "float", "string", "regex", "duration", "lambda", "list", "star"] as const;
const varShape = struct("client.Var", { type: words("VarType", types), value: raw, description: text });
const varsShape = map(varShape, "map[string]client.Var");

/** A map that decodes itself: any earlier value is dropped, and null makes it empty. */
export const vars: Shape<Vars> = {
  zero: () => new Map(),
  read: (tree) => {
    const found = decode(tree, varsShape) ?? new Map<string, typeof varShape extends Shape<infer T> ? T : never>();
    return new Map([...found].map(([name, { type, value, description }]) => [name, readVar(type, value, description)]));
  },
};

/** Why variables that decoded cannot be stored (400); undefined when they can. */
export function refuseVars(given: Vars): string | undefined {
  for (const [name, { refused }] of given) if (refused !== undefined) return `invalid var ${name}: ${refused}`;
  return undefined;
}

/** As a task shows its variables. */
export function showVars(given: Vars): Encodable {
  return new Map([...given].map(([name, value]) => [name, showVar(value)]));
}

function showVar({ type, value, description }: Var): Encodable {
  return { type, value: typeof value === "object" && value !== null ? value.map(showVar) : value, description };
}

function readVar(type: string, tree: Tree, description: string): Var {
  const value = readValue(type, tree);
  const refused = type === "star" ? undefined : refuseValue(type, tree, value);
  return refused === undefined ? { type, value, description } : { type, value, description, refused };
}

function readValue(type: string, tree: Tree): Var["value"] {
  if (type === "star" || tree.kind === "null") return null;
  if (type === "list") return readList(tree);
  if (tree.kind === "number") return readNumber(type, tree.text);
  if (type === "int" || type === "float") throw new GoJsonError(`invalid var: expected ${type} value`);
  if (tree.kind === "string") return type === "duration" ? readDuration(tree.value) : tree.value;
  if (type === "duration") throw new GoJsonError("invalid var: expected int or string value");
  return tree.kind === "bool" ? tree.value : null;
}

/** What the store says of a decoded value that it does not take (newVar in services/task_store/dao.go). */
function refuseValue(type: string, tree: Tree, value: Var["value"]): string | undefined {
  if (typeof value === "object" && value !== null) return value.find(({ refused }) => refused !== undefined)?.refused;
  if (value === null) return `unsupported Var type ${goTypes[tree.kind] ?? "<nil>"}.`;
  const shown = type === "" ? "unknown" : type;
  if (typeof value === "string" && !["lambda", "regex", "string"].includes(type)) {
    return `unexpected var type ${shown}, value is a string`;
  }
  return typeof value === "boolean" && type !== "bool" ? `mismatched type and value: bool ${shown}` : undefined;
}

const goTypes: Readonly<Record<string, string>> = {
  number: "json.Number",
  array: "[]interface {}",
  object: "map[string]interface {}",
};

function readList(tree: Tree): readonly Var[] {
  if (tree.kind !== "array") throw new GoJsonError("invalid var: expected list of vars");
  return tree.items.map((item) => {
    if (item.kind !== "object") throw new GoJsonError("invalid var: expected list of vars");
    const members = new Map(item.members);
    const type = members.get("type");
    const value = members.get("value");
    if (type?.kind !== "string" || !types.some((known) => known === type.value)) {
      throw new GoJsonError("invalid var: expected list type key in object");
    }
    if (value === undefined) throw new GoJsonError("invalid var: expected list value key in object");
    return readListed(type.value, value);
  });
}

/** Inside of a list Kapacitor leaves numbers and lists undecoded, and the store then refuses them. */
function readListed(type: string, tree: Tree): Var {
  const value = type !== "star" && (tree.kind === "string" || tree.kind === "bool") ? tree.value : null;
  const refused = type === "star" ? undefined : refuseValue(type, tree, value);
  return refused === undefined ? { type, value, description: "" } : { type, value, description: "", refused };
}

function readNumber(type: string, number: string): bigint | number | null {
  if (type === "float") {
    const value = Number(number);
    if (!Number.isFinite(value)) throw new GoJsonError("invalid var: value out of range");
    return value;
  }
  if (type !== "int" && type !== "duration") return null;
  if (!/^-?\d+$/.test(number) || BigInt.asIntN(64, BigInt(number)) !== BigInt(number)) {
    throw new GoJsonError(`invalid var: strconv.ParseInt: parsing "${number}": invalid syntax`);
  }
  return BigInt(number);
}

const units: Readonly<Record<string, bigint>> = {
  u: 1_000n,
  µ: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

/** `influxql.ParseDuration`. */
function readDuration(duration: string): bigint {
  if (!/^-?(?:\d+(?:ms|[uµsmhdw]))+$/.test(duration)) throw new GoJsonError("invalid duration string for var");
  let sum = 0n;
  for (const [, amount = "", unit = ""] of duration.matchAll(/(\d+)(ms|[uµsmhdw])/g)) {
    sum += BigInt(amount) * (units[unit] ?? 0n);
  }
  return duration.startsWith("-") ? -sum : sum;
}
