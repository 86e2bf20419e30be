/** Everything but line ends and visible ASCII: nearly every record has nothing of it. */
const unusual = /[^\n -~]/;
const hidden = /[^\P{Cc}\n]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Lines of a log as they are safe to look at in a terminal: whoever sends a request chooses parts of its record, and JSON escapes no more than
 * the controls below U+0020. Control, format and bidirectional characters and lone surrogates become `\uXXXX`, which in a JSON string is the
 * same text. Line ends stay.
 */
export function visible(lines: string): string {
  return unusual.test(lines) ? lines.replace(hidden, escapeUnits) : lines;
}

function escapeUnits(character: string): string {
  return Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
    .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
    .join("");
}
