/** What literals must look like beyond the lexer's rules, and what they stand for (Kapacitor tick/ast/node.go; influxql.ParseDuration). */

const int64Max = 2n ** 63n - 1n;

/** A number token that Kapacitor takes: a float in reach of a float64, or an integer in reach of an int64, octal after a leading 0. */
export function isNumber(text: string): boolean {
  if (text.includes(".")) return /^[0-9.]+$/.test(text) && Number.isFinite(Number(text));
  return text.startsWith("0") ? /^[0-7]{0,21}$/.test(withoutZeros(text)) : isInt64(text);
}

const nanoseconds: ReadonlyMap<string, bigint> = new Map([
  ["u", 1_000n],
  ["µ", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
  ["d", 86_400_000_000_000n],
  ["w", 604_800_000_000_000n],
]);

/** A duration token that Kapacitor takes: its product may wrap around an int64, as long as it does not end up negative. */
export function isDuration(text: string): boolean {
  const [, count = "", unit = ""] = /^([0-9]+)(\D+)$/.exec(text) ?? [];
  const factor = nanoseconds.get(unit);
  return factor !== undefined && isInt64(count) && BigInt.asIntN(64, BigInt(withoutZeros(count)) * factor) >= 0n;
}

function isInt64(text: string): boolean {
  const digits = withoutZeros(text);
  return /^[0-9]{0,19}$/.test(digits) && BigInt(digits) <= int64Max;
}

/** Empty for zero. */
function withoutZeros(digits: string): string {
  return digits.replace(/^0+/, "");
}

/** What stands between the quotes (or slashes) of a token, with its only escape, a backslash before that quote, resolved. */
export function unquote(text: string): string {
  const quote = text.charAt(0);
  return text.slice(1, -1).replaceAll(`\\${quote}`, quote);
}

/** Whether a string token has three quotes; the empty string `''` has not. */
export function isTripleQuoted(text: string): boolean {
  return text.startsWith("'''");
}

/** The value of a string token: between three quotes nothing is an escape. */
export function stringValue(text: string): string {
  return isTripleQuoted(text) ? text.slice(3, -3) : unquote(text);
}
