/** Did-you-mean for names. */

/** The known name that is nearest to a mistyped one; undefined when none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  const limit = wanted.length < 4 ? 1 : wanted.length < 9 ? 2 : 3;
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(wanted, plain(candidate), limit);
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { name: candidate, distance };
  }
  return best?.name;
}

/** Capitals and underscores are the commonest mistakes and count nothing. */
function plain(name: string): string {
  return name.slice(0, 80).toLowerCase().replaceAll("_", "-");
}

/** Insertions, deletions, replacements and swaps of neighbours between two texts; anything above the limit is `limit + 1`. */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1;
  let older: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        cost = Math.min(cost, (older[column - 2] ?? 0) + 1);
      }
      current.push(cost);
    }
    older = previous;
    previous = current;
  }
  return Math.min(previous[right.length] ?? limit + 1, limit + 1);
}
