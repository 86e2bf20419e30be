const steps = ["", "k", "M", "G", "T", "P"];

/** A count or rate for people: `1,234`, `12.3k`, `0.25`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  if (value < 10) return trim(value.toFixed(value < 1 ? 2 : 1));
  if (value < 10_000) return Math.round(value).toLocaleString("en");
  return scale(value, 1000, steps);
}

/** Bytes in units of 1000, as the configuration has them: `250 MB`. */
export function formatBytes(value: number): string {
  return value < 1000
    ? `${Math.round(value)} B`
    : scale(
        value,
        1000,
        steps.map((step) => ` ${step}B`),
      );
}

/** A duration in seconds: `350 µs`, `12 ms`, `1.5 s`. */
export function formatSeconds(value: number): string {
  if (value === 0) return "0 ms";
  if (value < 0.001) return `${Math.max(1, Math.round(value * 1_000_000))} µs`;
  if (value < 1) return `${trim((value * 1000).toFixed(value < 0.01 ? 1 : 0))} ms`;
  return `${trim(value.toFixed(1))} s`;
}

/** A long duration in seconds, in its two largest units: `3 d 4 h`, `5 min`, `8 s`. */
export function formatAge(value: number): string {
  const seconds = Math.max(0, Math.round(value));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** How long ago something was, in seconds. */
export function formatAgo(value: number): string {
  return value < 1 ? "just now" : `${formatAge(value)} ago`;
}

function scale(value: number, base: number, units: readonly string[]): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= base && unit < units.length - 1) {
    scaled /= base;
    unit += 1;
  }
  return `${trim(scaled.toFixed(scaled < 100 ? 1 : 0))}${units[unit]}`;
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
