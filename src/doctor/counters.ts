/** One sample of a Prometheus exposition. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The counters of a running kapgate, as its `/metrics` shows them. */
export interface Counters {
  readonly samples: readonly Sample[];
}

/** Reads the Prometheus text format (exposition format 0.0.4, and OpenMetrics as far as it looks the same). Lines that are no sample are left out. */
export function readCounters(text: string): Counters {
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    const [, name, inner = "", value] =
      /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const labels = Object.fromEntries(
      [...inner.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, label = "", text = ""]) => [
        label,
        text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character)),
      ]),
    );
    samples.push({ name, labels, value: Number(value.replace(/^([+-]?)Inf$/, "$1Infinity")) });
  }
  return { samples };
}

/** The sum over the samples of a name whose labels are these, by the values of one label; those of 0 are left out. */
export function sumBy(
  { samples }: Counters,
  name: string,
  label: string,
  where: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const sample of samples) {
    if (sample.name !== name || Object.entries(where).some(([key, value]) => sample.labels[key] !== value)) continue;
    const key = sample.labels[label] ?? "";
    if (sample.value > 0) sums.set(key, (sums.get(key) ?? 0) + sample.value);
  }
  return sums;
}

/** The value of the sample of that name without regard to labels; undefined when there is none. */
export function gaugeOf({ samples }: Counters, name: string): number | undefined {
  return samples.find((sample) => sample.name === name)?.value;
}
