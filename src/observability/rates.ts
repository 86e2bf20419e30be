/** How fast counters rose lately, for small plots. */
export interface Rates {
  /** Per second, the oldest first; empty until two samples were taken. */
  of(name: string): readonly number[];
  /** Seconds between two samples. */
  readonly everySeconds: number;
  stop(): void;
}

interface Line {
  last: number;
  /** The sample that it was part of last. */
  seen: number;
  readonly rates: number[];
}

const everySeconds = 5;
/** Ten minutes. */
const kept = 120;
/** Lines at most; a configuration has a few instances. */
const most = 256;

/** @param read the counters by name; a name that is not there any more is forgotten */
export function sampleRates(
  read: () => Iterable<readonly [name: string, total: number]>,
  now: () => number = () => performance.now(),
): Rates {
  const lines = new Map<string, Line>();
  let samples = 0;
  let at = now();

  const sample = (): void => {
    const time = now();
    const seconds = Math.max(0.001, (time - at) / 1000);
    at = time;
    samples += 1;
    for (const [name, total] of read()) {
      const line = lines.get(name);
      if (line === undefined) {
        if (lines.size < most) lines.set(name, { last: total, seen: samples, rates: [] });
        continue;
      }
      line.rates.push(Math.max(0, total - line.last) / seconds);
      if (line.rates.length > kept) line.rates.shift();
      line.last = total;
      line.seen = samples;
    }
    for (const [name, line] of lines) if (line.seen !== samples) lines.delete(name);
  };
  sample();
  const timer = setInterval(sample, everySeconds * 1000);
  timer.unref();
  return {
    of: (name) => lines.get(name)?.rates ?? [],
    everySeconds,
    stop: () => clearInterval(timer),
  };
}
