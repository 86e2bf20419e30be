/**
 * The kinds of keys. Each key of the schema is one call that holds its type, default and documentation, so that the three cannot part;
 * what the program needs to know besides zod's checks (how to read it from the environment, how to print it) hangs on its schema as notes.
 */
import { z } from "zod";
import { parseCidr } from "../core/cidr.ts";
import { Secret } from "./secret.ts";
import {
  type BindAddress,
  formatBindAddress,
  formatDuration,
  formatSize,
  type Reading,
  readBindAddress,
  readDuration,
  readSize,
} from "./values.ts";

/** A value as TOML holds it. */
export type TomlValue = string | number | boolean | readonly string[];

/** What a key holds: decides how text of the environment is converted and how a resolved value is written. */
export type Kind =
  | "text"
  | "choice"
  | "secret"
  | "path"
  | "boolean"
  | "integer"
  | "size"
  | "duration"
  | "address"
  | "list";

export interface KeyNotes {
  readonly kind: Kind;
  /** The type as the documentation names it, e.g. `list of CIDRs`. */
  readonly label: string;
  readonly doc: string;
  /** The default; none for a key that is required or that falls back to another section. */
  readonly initial?: TomlValue;
  /** A value for the sample where there is no default. */
  readonly example?: TomlValue;
  readonly required?: true;
  /** Words that a path may be instead of a file name. */
  readonly words?: readonly string[];
}

/** The notes of every key, by its schema. */
export const notes = z.registry<KeyNotes>();

function noted<S extends z.ZodType>(schema: S, its: KeyNotes): S {
  notes.add(schema, its);
  return schema;
}

/** Turns a reader of values.ts into the tail of a schema. */
function by<I, T>(read: (value: I) => Reading<T>) {
  return (value: I, context: z.core.$RefinementCtx): T => {
    const result = read(value);
    if (result.ok) return result.value;
    context.addIssue({ code: "custom", message: result.text });
    return z.NEVER;
  };
}

const anyText = z.string("must be text in quotes");
const line = anyText.regex(/^\P{Cc}*$/u, "must not hold control characters");

/** Free text on one line. */
export function text(initial: string, doc: string) {
  return noted(z.prefault(line, initial), { kind: "text", label: "text", doc, initial });
}

/** Text that has to be there. */
export function requiredText(reader: ItemReader, example: string, doc: string) {
  return noted(line.min(1, "must not be empty").transform(by(reader)), {
    kind: "text",
    label: "text",
    doc,
    example,
    required: true,
  });
}

/** Text that a reader normalises or refuses. */
export function readText(reader: ItemReader, label: string, initial: string, doc: string) {
  return noted(z.prefault(line.transform(by(reader)), initial), { kind: "text", label, doc, initial });
}

/** A file name; the loader resolves relative ones. */
export function path(initial: string, doc: string, words: readonly string[] = []) {
  return noted(z.prefault(line, initial), { kind: "path", label: "path", doc, initial, words });
}

/** A secret; "" is none. */
export function secret(doc: string) {
  const type = anyText.transform((value): Secret | undefined => (value === "" ? undefined : new Secret(value)));
  return noted(z.prefault(type, ""), { kind: "secret", label: "secret", doc, initial: "" });
}

export function flag(initial: boolean, doc: string) {
  const type = z.boolean("must be true or false");
  return noted(z.prefault(type, initial), { kind: "boolean", label: "boolean", doc, initial });
}

export function count(initial: number, minimum: number, doc: string) {
  const type = z
    .int("must be a whole number")
    .min(minimum, `must be at least ${minimum}`)
    .max(1_000_000, "must be at most 1000000");
  return noted(z.prefault(type, initial), { kind: "integer", label: "integer", doc, initial });
}

/** Milliseconds. 0s only where `zero` is given; elsewhere it would mean to wait for ever, which nothing here does. */
export function duration(initial: string, doc: string, zero?: "zero") {
  const type = z
    .string(`must be a duration in quotes, like "10s"`)
    .transform(by(readDuration))
    .refine((value) => value > 0 || zero === "zero", "must be longer than 0s: nothing waits without a limit");
  return noted(z.prefault(type, initial), { kind: "duration", label: "duration", doc, initial });
}

/** Bytes. */
export function size(initial: string, doc: string) {
  const type = z
    .union([z.number(), z.string()], `must be a number of bytes or a size like "25MB"`)
    .transform(by(readSize));
  return noted(z.prefault(type, initial), { kind: "size", label: "size", doc, initial });
}

/** One of some words; other capitals than in the list are fine. */
export function choice<const W extends readonly [string, ...string[]]>(words: W, initial: W[number], doc: string) {
  return noted(z.prefault(choiceOf(words), initial), { kind: "choice", label: labelOf(words), doc, initial });
}

/** As {@link choice}, for a key that has to be there. */
export function requiredChoice<const W extends readonly [string, ...string[]]>(
  words: W,
  example: W[number],
  doc: string,
) {
  return noted(choiceOf(words), { kind: "choice", label: labelOf(words), doc, example, required: true });
}

function choiceOf<const W extends readonly [string, ...string[]]>(words: W) {
  const message = `must be one of ${words.map((word) => `"${word}"`).join(", ")}`;
  return z
    .string(message)
    .transform((value) => words.find((word) => word.toLowerCase() === value.toLowerCase()) ?? value)
    .pipe(z.enum(words, message));
}

function labelOf(words: readonly string[]): string {
  return words.filter((word) => word !== "").join(" | ");
}

/** Where a listener binds. */
export function bindAddress(initial: string, doc: string) {
  const type = anyText.transform(by(readBindAddress));
  return noted(z.prefault(type, initial), { kind: "address", label: "address", doc, initial });
}

/** Where a listener binds; "" switches it off. */
export function optionalBindAddress(initial: string, doc: string) {
  const off: Reading<BindAddress | undefined> = { ok: true, value: undefined };
  const type = anyText.transform(by((value) => (value === "" ? off : readBindAddress(value))));
  return noted(z.prefault(type, initial), { kind: "address", label: "address", doc, initial });
}

/** Reads one text, for example an item of a list. */
export type ItemReader = (text: string) => Reading<string>;

/** The item of a CIDR list. */
export const cidr: ItemReader = (text) => {
  const reading = parseCidr(text);
  return reading.ok ? { ok: true, value: reading.cidr } : { ok: false, text: `${quote(text)} ${reading.text}` };
};

/** A list of texts, each read by itself. */
export function list(item: ItemReader, label: string, doc: string) {
  const type = z.array(line.transform(by(item)), `must be a list, like ["a", "b"]`).readonly();
  return noted(z.prefault(type, []), { kind: "list", label: `list of ${label}`, doc, initial: [] });
}

/** A key that replaces another section's when it is there. */
export function override<S extends z.ZodType>(type: z.ZodPrefault<S>, doc: string) {
  const { initial = "", ...its } = notesOf(type);
  return noted(type.unwrap().optional(), { ...its, doc, example: initial });
}

/** The notes of a key of the schema. Throws for a schema that this file did not make. */
export function notesOf(schema: z.core.$ZodType): KeyNotes {
  const its = notes.get(schema);
  if (its === undefined) throw new Error("a key of the configuration has no notes");
  return its;
}

/** Text of the operator in a message: quoted, escaped and cut. Not for keys that may hold a secret. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** A resolved value as TOML holds it: the way back of the readers. A secret becomes `[REDACTED]`. */
export function toToml(value: unknown, kind: Kind): TomlValue {
  if (kind === "address") return formatBindAddress(isBindAddress(value) ? value : undefined);
  if (typeof value === "number") {
    return kind === "duration" ? formatDuration(value) : kind === "size" ? formatSize(value) : value;
  }
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "boolean" ? value : String(value ?? "");
}

function isBindAddress(value: unknown): value is BindAddress {
  return typeof value === "object" && value !== null;
}
