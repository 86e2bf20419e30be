const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const hash = 0x23;

/**
 * Counts the points of a body of line protocol while it passes: lines that are neither empty nor comments. Close, not exact: a line feed
 * inside a string counts, a comment behind blanks as well.
 */
export class LineCount {
  points = 0;
  #atLineStart = true;

  add(chunk: Uint8Array): void {
    for (let start = this.#atLineStart ? 0 : nextLine(chunk, 0); start !== -1; start = nextLine(chunk, start)) {
      const first = chunk[start];
      this.#atLineStart = first === undefined;
      if (first === undefined) return;
      if (first !== lineFeed && first !== carriageReturn && first !== hash) this.points += 1;
    }
  }
}

/** Where the line after the one at `from` begins; -1: not in this chunk. */
function nextLine(chunk: Uint8Array, from: number): number {
  return chunk.indexOf(lineFeed, from) + 1 || -1;
}

/** The points of a whole body. */
export function countPoints(body: Uint8Array): number {
  const count = new LineCount();
  count.add(body);
  return count.points;
}
