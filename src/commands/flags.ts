import { nearest } from "../config/suggest.ts";

/** `string`: a value, at most once. `boolean`: none needed (`-json`, `-json=false`). `list`: a value each time it is given. */
export type FlagKind = "string" | "boolean" | "list";

export type FlagSpec = Readonly<Record<string, FlagKind>>;

interface ValueOf {
  readonly string: string;
  readonly boolean: boolean;
  readonly list: readonly string[];
}

/** Only flags that were given have a value. */
export type FlagValues<S extends FlagSpec> = { readonly [Name in keyof S]?: ValueOf[S[Name]] };

export type ParsedFlags<S extends FlagSpec> =
  | { readonly ok: true; readonly values: FlagValues<S>; readonly positionals: readonly string[] }
  /** The text names the flag and says what to write. It never holds a value. */
  | { readonly ok: false; readonly text: string };

/**
 * Reads flags as Go programs do, which is what kapacitord's users have in their fingers: one dash or two, `-flag value` or
 * `-flag=value`. Other than there, arguments may stand between the flags, and what could be a slip is refused: a single flag
 * given twice (the second of two deny lists would silently win) and another flag where a value should be. Behind `--`, and a lone `-`,
 * everything is an argument.
 */
export function parseFlags<const S extends FlagSpec>(argv: readonly string[], spec: S): ParsedFlags<S> {
  const values = new Map<string, string | boolean | readonly string[]>();
  const positionals: string[] = [];
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === "--") {
      positionals.push(...rest);
      break;
    }
    const flag = readFlag(argument);
    if (flag === undefined) {
      positionals.push(argument);
      continue;
    }
    const { name } = flag;
    const kind = Object.hasOwn(spec, name) ? spec[name] : undefined;
    if (kind === undefined) return { ok: false, text: unknownFlag(name, spec) };
    if (kind !== "list" && values.has(name)) return { ok: false, text: `-${name} is given twice` };
    if (kind === "boolean") {
      if (flag.value !== undefined && !/^(true|false)$/.test(flag.value)) {
        return { ok: false, text: `-${name} takes no value, or =true or =false` };
      }
      values.set(name, flag.value !== "false");
      continue;
    }
    const value = flag.value ?? nextValue(rest, spec);
    if (value === undefined) return { ok: false, text: `-${name} needs a value` };
    const before = values.get(name);
    values.set(name, kind === "list" ? [...(Array.isArray(before) ? before : []), value] : value);
  }
  // Every value was stored by the kind of its flag.
  return { ok: true, values: Object.fromEntries(values) as FlagValues<S>, positionals };
}

function readFlag(argument: string): { readonly name: string; readonly value: string | undefined } | undefined {
  const match = /^--?([^=-][^=]*)(?:=(.*))?$/s.exec(argument);
  return match === null ? undefined : { name: match[1] ?? "", value: match[2] };
}

/** Takes the value that follows a flag; undefined when there is none or it is one of the flags. */
function nextValue(rest: string[], spec: FlagSpec): string | undefined {
  const flag = readFlag(rest[0] ?? "");
  return flag !== undefined && Object.hasOwn(spec, flag.name) ? undefined : rest.shift();
}

function unknownFlag(name: string, spec: FlagSpec): string {
  const known = Object.keys(spec);
  const near = nearest(name, known);
  if (near !== undefined) return `there is no flag -${name}; did you mean -${near}?`;
  if (known.length === 0) return `there is no flag -${name}; it takes none`;
  return `there is no flag -${name}; there are ${known.map((each) => `-${each}`).join(", ")}`;
}
