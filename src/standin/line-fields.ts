/** The field section and the timestamp of a line, as InfluxDB's models/points.go (1.2, what Kapacitor vendors) scans them. */

/** Why a line is refused; the message is what Kapacitor puts behind "unable to parse '…': ". */
export class LineError extends Error {}

export type FieldValue = number | bigint | string | boolean;

const invalidNumber = "invalid number";
const smallestInteger = -(2n ** 63n);
const largestInteger = 2n ** 63n - 1n;

/** Spaces, tabs and NUL are skipped before the key, the fields and the timestamp. */
export function skipBlank(buffer: string, from: number): number {
  let at = from;
  while (buffer[at] === " " || buffer[at] === "\t" || buffer[at] === "\0") at += 1;
  return at;
}

/** Scans the fields that start at or after `from`; returns where they end and their text. Throws LineError. */
export function scanFields(buffer: string, from: number): { end: number; fields: string } {
  const start = skipBlank(buffer, from);
  let at = start;
  let quoted = false;
  let equals = 0;
  let commas = 0;
  while (at < buffer.length) {
    const char = buffer[at];
    if (char === "\\" && at + 1 < buffer.length) {
      at += 2;
      continue;
    }
    if (char === '"' && equals > commas) {
      quoted = !quoted;
      at += 1;
      continue;
    }
    if (char === "=" && !quoted) {
      equals += 1;
      checkAroundEquals(buffer, at);
      const next = buffer[at + 1] ?? "";
      if (/[0-9.\-Nn]/.test(next)) {
        at = scanNumber(buffer, at + 1);
        continue;
      }
      if (next !== '"') {
        at = scanBoolean(buffer, at + 1);
        continue;
      }
    }
    if (!quoted && char === ",") commas += 1;
    if (!quoted && char === " ") break;
    at += 1;
  }
  if (quoted) throw new LineError("unbalanced quotes");
  if (equals === 0 || commas !== equals - 1) throw new LineError("invalid field format");
  return { end: at, fields: buffer.slice(start, at) };
}

function checkAroundEquals(buffer: string, at: number): void {
  const before = buffer[at - 1];
  if ((before === " " || before === ",") && buffer[at - 2] !== "\\") throw new LineError("missing field key");
  const after = buffer[at + 1];
  if (after === undefined || after === "," || after === " ") throw new LineError("missing field value");
}

/** Where the number at `start` ends. Ranges are only checked when the text is long or has an exponent. */
function scanNumber(buffer: string, start: number): number {
  let at = start;
  let integer = false;
  let decimal = false;
  let scientific = false;
  if (buffer[at] === "-") {
    at += 1;
    if (at === buffer.length) throw new LineError(invalidNumber);
  }
  for (; at < buffer.length && buffer[at] !== "," && buffer[at] !== " "; at += 1) {
    const char = buffer[at] ?? "";
    if (char === "i" && at > start && !integer) {
      integer = true;
    } else if (char === ".") {
      if (decimal) throw new LineError(invalidNumber);
      decimal = true;
    } else if (at > start && (char === "e" || char === "E")) {
      scientific = true;
    } else if (!isDigit(char) && !(/[+-]/.test(char) && /[eE]/.test(buffer[at - 1] ?? ""))) {
      throw new LineError(invalidNumber);
    }
  }
  if (integer && (decimal || scientific)) throw new LineError(invalidNumber);
  const marks = [integer, decimal, buffer[start] === "-"].filter(Boolean).length;
  if (at - start === marks) throw new LineError(invalidNumber);
  checkNumber(buffer.slice(start, at), integer, scientific);
  return at;
}

function checkNumber(number: string, integer: boolean, scientific: boolean): void {
  if (integer) {
    if (!number.endsWith("i")) throw new LineError(invalidNumber);
    const digits = number.slice(0, -1);
    if (digits.length >= 19) parseInteger(digits, `unable to parse integer ${digits}: `);
  } else if ((scientific || number.length >= 25) && parseFloatStrictly(number) === undefined) {
    throw new LineError("invalid float");
  }
}

/** Where the boolean at `start` ends. */
function scanBoolean(buffer: string, start: number): number {
  const found = /^[^, ]*/.exec(buffer.slice(start));
  const word = found === null ? "" : found[0];
  if (!/^(?:t|T|f|F|true|TRUE|True|false|FALSE|False)$/.test(word)) throw new LineError("invalid boolean");
  return start + word.length;
}

/**
 * A field of a line that was accepted, and whose value then cannot be read: the scan above skips two backslashes before an
 * equals sign, the reading below sees an escaped one. `reason` is Go's; without one the Go code panics in every release.
 */
export class UnreadableField extends Error {
  readonly field: string;
  readonly reason: string | undefined;

  constructor(field: string, reason: string | undefined) {
    super(reason);
    this.field = field;
    this.reason = reason;
  }
}

/** The values of a field section that `scanFields` accepted. A later field of the same name wins. Throws UnreadableField. */
export function readFields(fields: string): ReadonlyMap<string, FieldValue> {
  const values = new Map<string, FieldValue>();
  let at = 0;
  while (at < fields.length) {
    const equals = unescapedIndex(fields, "=", at);
    const name = fields.slice(at, equals).replace(/\\([," =])/g, "$1");
    const end = valueEnd(fields, equals + 1);
    const value = fields.slice(equals + 1, end);
    at = end + 1;
    if (name !== "" && value !== "") values.set(name, readValue(name, value));
  }
  return values;
}

/** Where the first `stop` at or after `from` stands that has no backslash before it; the length when there is none. */
export function unescapedIndex(buffer: string, stop: string, from: number): number {
  let at = from;
  while (at < buffer.length && !(buffer[at] === stop && buffer[at - 1] !== "\\")) at += 1;
  return at;
}

function valueEnd(fields: string, from: number): number {
  let quoted = false;
  let at = from;
  while (at < fields.length) {
    const char = fields[at];
    if (char === "\\" && (fields[at + 1] === '"' || fields[at + 1] === "\\")) {
      at += 2;
      continue;
    }
    if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) break;
    at += 1;
  }
  return at;
}

function readValue(name: string, value: string): FieldValue {
  const head = value[0] ?? "";
  if (head === '"') {
    if (value.length === 1) throw new UnreadableField(name, undefined);
    return value.slice(1, -1).replace(/\\(["\\])/g, "$1");
  }
  const syntax = (parser: string, text: string) =>
    new UnreadableField(name, `strconv.${parser}: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (!"0123456789-.nNiI".includes(head)) {
    if (/^(?:t|T|true|TRUE|True)$/.test(value)) return true;
    if (/^(?:f|F|false|FALSE|False)$/.test(value)) return false;
    throw syntax("ParseBool", value);
  }
  if (value.endsWith("i")) {
    const digits = value.slice(0, -1);
    if (!isInteger(digits)) throw syntax("ParseInt", digits);
    return BigInt(digits);
  }
  if (/^nan$/i.test(value)) return Number.NaN;
  if (/^-?inf(?:inity)?$/i.test(value)) return value.startsWith("-") ? -Infinity : Infinity;
  const float = parseFloatStrictly(value);
  if (float === undefined) throw syntax("ParseFloat", value);
  return float;
}

/** The timestamp at or after `from`, with Go's multiplier and range; undefined when there is none. Throws LineError. */
export function scanTimestamp(buffer: string, from: number, multiplier: bigint): bigint | undefined {
  const start = skipBlank(buffer, from);
  let at = start;
  for (; at < buffer.length && buffer[at] !== "\n" && buffer[at] !== " "; at += 1) {
    if (!isDigit(buffer[at] ?? "") && !(at === start && buffer[at] === "-")) throw new LineError("bad timestamp");
  }
  if (at === start) return undefined;
  const nanoseconds = parseInteger(buffer.slice(start, at), "") * multiplier;
  const [smallest, largest] = [smallestInteger + 2n, largestInteger - 1n];
  if (nanoseconds < smallest || nanoseconds > largest) {
    throw new LineError(`time outside range ${smallest} - ${largest}`);
  }
  if (/[^ ]/.test(buffer.slice(at))) throw new LineError("point is invalid");
  return nanoseconds;
}

function parseInteger(digits: string, context: string): bigint {
  if (isInteger(digits)) return BigInt(digits);
  const reason = /^-?\d+$/.test(digits) ? "value out of range" : "invalid syntax";
  throw new LineError(`${context}strconv.ParseInt: parsing "${digits}": ${reason}`);
}

function isInteger(digits: string): boolean {
  if (!/^-?\d+$/.test(digits)) return false;
  const value = BigInt(digits);
  return value >= smallestInteger && value <= largestInteger;
}

function parseFloatStrictly(number: string): number | undefined {
  if (!/^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(number)) return undefined;
  const value = Number(number);
  return Number.isFinite(value) ? value : undefined;
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9";
}
