/** Whether Kapacitor `version` (`1.8.3`, also with a leading v or a suffix) has what came with release `since`. */
export function isSince(version: string, since: string): boolean {
  const [left, right] = [numbers(version), numbers(since)];
  for (let at = 0; at < right.length; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbers(version: string): readonly number[] {
  return (/\d+(?:\.\d+)*/.exec(version)?.[0] ?? "").split(".").map(Number);
}
