/**
 * Line protocol as InfluxDB's `models.ParsePointsWithPrecision` reads it: where lines end, what a line is, what is refused
 * and with which words. It works on one character per byte, so that bytes which are not UTF-8 survive.
 */
import type { Buffer } from "node:buffer";
import { losslessLatin1 } from "./go-text.ts";
import {
  type FieldValue,
  LineError,
  readFields,
  scanFields,
  scanTimestamp,
  skipBlank,
  UnreadableField,
  unescapedIndex,
} from "./line-fields.ts";

export interface ParsedPoint {
  /** The line as it came, without leading blanks and line end; bytes that are not UTF-8 as lone surrogates. */
  readonly line: string;
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** Nanoseconds; undefined when the line has none (Kapacitor takes its clock then). */
  readonly timestamp: bigint | undefined;
}

/** What became of a body. */
export type ParsedLines =
  | {
      readonly points: readonly ParsedPoint[];
      /** Kapacitor stores the points before this one, and then fails. */
      readonly unreadable?: UnreadableField;
      readonly error?: never;
    }
  /** Nothing counts; `error` is Kapacitor's text, one line per bad line, one character per byte. */
  | { readonly error: string; readonly points?: never };

const longestKey = 65_535;
const multipliers: Readonly<Record<string, bigint>> = {
  u: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Reads a whole body; any other `precision` than u, ms, s, m, h means nanoseconds. */
export function parseLines(body: Buffer, precision: string): ParsedLines {
  const buffer = body.toString("latin1");
  const multiplier = (Object.hasOwn(multipliers, precision) ? multipliers[precision] : undefined) ?? 1n;
  const scanned: Scanned[] = [];
  const failed: string[] = [];
  for (let at = 0; at < buffer.length; ) {
    const end = lineEnd(buffer, at);
    const block = blockAt(buffer, at, end);
    at = end + 1;
    const start = skipBlank(block, 0);
    if (start >= block.length || block[start] === "#") continue;
    const line = block.slice(start, block.endsWith("\n") ? -1 : undefined);
    try {
      scanned.push(scanPoint(line, multiplier));
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      failed.push(`unable to parse '${line}': ${error.message}`);
    }
  }
  return failed.length > 0 ? { error: failed.join("\n") } : readPoints(scanned);
}

/** Fields are read when a point is taken in, one after the other, after the whole body was scanned. */
function readPoints(scanned: readonly Scanned[]): ParsedLines {
  const points: ParsedPoint[] = [];
  for (const point of scanned) {
    try {
      points.push(readPoint(point));
    } catch (error) {
      if (error instanceof UnreadableField) return { points, unreadable: error };
      throw error;
    }
  }
  return { points };
}

/**
 * Where the line that starts at `start` ends: at a line feed that no backslash precedes and no open string holds.
 * A string only opens after a blank, behind an equals sign. A backslash at the very end reaches one byte past the body.
 */
function lineEnd(buffer: string, start: number): number {
  let at = start;
  let quoted = false;
  let inFields = false;
  let equals = 0;
  let commas = 0;
  while (at < buffer.length) {
    const char = buffer[at];
    if (char === "\\") {
      at += 2;
      continue;
    }
    if (char === " ") inFields = true;
    if (inFields && !quoted && char === "=") equals += 1;
    else if (inFields && !quoted && char === ",") commas += 1;
    else if (inFields && char === '"' && equals > commas) quoted = !quoted;
    else if (char === "\n" && !quoted) break;
    at += 1;
  }
  return at;
}

/** Go slices up to the capacity: one past the end is the NUL that `ReadAll` left behind the body. */
function blockAt(buffer: string, start: number, end: number): string {
  return end > buffer.length ? `${buffer.slice(start)}\0` : buffer.slice(start, end);
}

interface Scanned {
  readonly line: string;
  readonly key: Key;
  readonly fields: string;
  readonly timestamp: bigint | undefined;
}

function scanPoint(line: string, multiplier: bigint): Scanned {
  const key = scanKey(line);
  if (key.length > longestKey) throw new LineError(`max key length exceeded: ${key.length} > ${longestKey}`);
  const { end, fields } = scanFields(line, key.end);
  return { line, key, fields, timestamp: scanTimestamp(line, end, multiplier) };
}

/** Throws UnreadableField. */
function readPoint({ line, key, fields, timestamp }: Scanned): ParsedPoint {
  const values = [...readFields(fields)].map(([name, value]): readonly [string, FieldValue] => [
    losslessLatin1(name),
    typeof value === "string" ? losslessLatin1(value) : value,
  ]);
  return {
    line: losslessLatin1(line),
    measurement: losslessLatin1(key.measurement.replace(/\\([," =])/g, "$1")),
    tags: Object.fromEntries(key.tags.map((tag) => readTag(tag))),
    fields: Object.fromEntries(values),
    timestamp,
  };
}

interface Key {
  readonly measurement: string;
  /** `key=value` as it stands, sorted by key. */
  readonly tags: readonly string[];
  readonly length: number;
  readonly end: number;
}

/** Measurement and tags of a line that starts with them. Throws LineError. */
function scanKey(line: string): Key {
  if (line === "" || line.startsWith(",")) throw new LineError("missing measurement");
  const measurementEnd = endOf(line, 1, /[, ]/);
  if (measurementEnd >= line.length) throw new LineError("missing fields");
  const tags: string[] = [];
  let end = measurementEnd;
  while (line[end] === ",") {
    const start = end + 1;
    end = tagEnd(line, start);
    tags.push(line.slice(start, end));
  }
  return { measurement: line.slice(0, measurementEnd), tags: sortTags(tags), length: end, end };
}

/** Where the tag that starts at `start` ends. Throws LineError. */
function tagEnd(line: string, start: number): number {
  if (start >= line.length || /[ ,=]/.test(line[start] ?? "")) throw new LineError("missing tag key");
  const equals = endOf(line, start + 1, /[ ,=]/);
  if (line[equals] !== "=") throw new LineError("missing tag value");
  const value = equals + 1;
  if (value >= line.length || /[ ,]/.test(line[value] ?? "")) throw new LineError("missing tag value");
  const end = endOf(line, value + 1, /[ ,=]/);
  if (end >= line.length) throw new LineError("missing fields");
  if (line[end] === "=") throw new LineError("invalid tag format");
  return end;
}

/** The first of `stops` at or after `from` that no backslash precedes. */
function endOf(line: string, from: number, stops: RegExp): number {
  let at = from;
  while (at < line.length && !(stops.test(line[at] ?? "") && line[at - 1] !== "\\")) at += 1;
  return at;
}

/** Sorted by key; two equal keys (compared as they are written, escapes and all) are refused. Throws LineError. */
function sortTags(tags: readonly string[]): readonly string[] {
  const sorted = tags.toSorted((left, right) => compare(tagKey(left), tagKey(right)));
  for (let at = 1; at < sorted.length; at += 1) {
    if (tagKey(sorted[at - 1] ?? "") === tagKey(sorted[at] ?? "")) throw new LineError("duplicate tags");
  }
  return sorted;
}

function tagKey(tag: string): string {
  return tag.slice(0, unescapedIndex(tag, "=", 0));
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function readTag(tag: string): readonly [string, string] {
  const key = tagKey(tag);
  const value = tag.slice(key.length + 1);
  return [losslessLatin1(key.replace(/\\([, =])/g, "$1")), losslessLatin1(value.replace(/\\([, =])/g, "$1"))];
}
