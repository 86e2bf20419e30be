/** The value of the first sample that has these labels among its own; undefined when there is none. */
export function sampleOf(text: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  return samplesOf(text, name).find(({ labels: own }) =>
    Object.entries(labels).every(([label, value]) => own[label] === value),
  )?.value;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Every sample of a name in Prometheus' text format. */
export function samplesOf(text: string, name: string): readonly Sample[] {
  return text.split("\n").flatMap((line) => {
    const [, own, list = "", value = ""] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (own !== name) return [];
    const pairs = [...list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = "", text = ""]) => [
      label,
      text.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter)),
    ]);
    return [{ labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}
