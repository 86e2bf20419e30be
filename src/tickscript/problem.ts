/** Where and why a script is refused, in a form for people. */

export interface SyntaxProblem {
  /** What was expected and what was found. One line, free of control characters. */
  readonly message: string;
  /** UTF-16 index into the script. */
  readonly offset: number;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in code points. */
  readonly column: number;
}

/** Ends the reading of a script; never leaves parseScript. */
export class ScriptError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** The place of a UTF-16 offset: line and column, both 1-based, the column in code points. Lines end at LF only, as for Kapacitor. */
export function position(source: string, offset: number): { readonly line: number; readonly column: number } {
  const { line, start } = lineOf(source, offset);
  return { line, column: 1 + codePoints(source.slice(start, offset)) };
}

const linesBefore = 2;
const linesAfter = 1;
const frameWidth = 100;
const widthBeforeMark = 60;

/**
 * The line of an offset, marked with carets under `length` UTF-16 units from there (at least one, at most to the end of the line), with two lines before
 * it and one after. A long line is clipped to 100 units around the mark, and control, format and bidirectional characters are replaced: a hostile
 * script can neither flood nor steer a terminal.
 */
export function codeFrame(source: string, offset: number, length = 1): string {
  const { line, start } = lineOf(source, offset);
  const end = lineEnd(source, offset);
  const numbers = String(line + linesAfter).length;
  const row = (number: number | "", text: string) =>
    `${number === line ? ">" : " "} ${String(number).padStart(numbers)} | ${text}`.trimEnd();

  const rows: string[] = [];
  for (let number = line - 1, next = start; number >= 1 && number >= line - linesBefore; number--) {
    const previous = next === 1 ? 0 : source.lastIndexOf("\n", next - 2) + 1;
    rows.unshift(row(number, window(source, previous, next - 1, previous)));
    next = previous;
  }

  const from = Math.max(start, offset - widthBeforeMark);
  const markEnd = Math.min(end, offset + length, from + frameWidth);
  const indent = codePoints(source.slice(from, offset)) + (from > start ? 1 : 0);
  rows.push(row(line, window(source, start, end, from)));
  rows.push(row("", " ".repeat(indent) + "^".repeat(Math.max(1, codePoints(source.slice(offset, markEnd))))));

  for (let number = line + 1, previous = end; number <= line + linesAfter && previous < source.length; number++) {
    const next = lineEnd(source, previous + 1);
    rows.push(row(number, window(source, previous + 1, next, previous + 1)));
    previous = next;
  }
  return rows.join("\n");
}

/** What is shown of the line from `start` to `end`: at most frameWidth units from `from` on, an ellipsis for what is left out on either side. */
function window(source: string, start: number, end: number, from: number): string {
  const shown = source.slice(from, Math.min(end, from + frameWidth));
  return `${from > start ? "…" : ""}${printable(shown)}${from + frameWidth < end ? "…" : ""}`;
}

/** One code point for each code point, so that the carets stand where they should. */
function printable(text: string): string {
  return text.replace(/[\t\r]/g, " ").replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\uFFFD");
}

function lineOf(source: string, offset: number): { readonly line: number; readonly start: number } {
  let line = 1;
  let start = 0;
  for (let end = source.indexOf("\n"); end !== -1 && end < offset; end = source.indexOf("\n", start)) {
    line++;
    start = end + 1;
  }
  return { line, start };
}

function lineEnd(source: string, offset: number): number {
  const end = source.indexOf("\n", offset);
  return end === -1 ? source.length : end;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
