import { type Html, html } from "./html.ts";
import { formatAge } from "./status-format.ts";

export interface PlotOptions {
  /** What it shows, for whoever cannot see it: `Writes per second`. */
  readonly label: string;
  /** Seconds between two values. */
  readonly every: number;
  readonly format: (value: number) => string;
}

/** Values that fill the width at least; fewer stand at the right. */
const fewest = 24;
const width = 240;
const height = 44;
/** Room for the line itself at the top and bottom. */
const margin = 1.5;

/** A small plot of how something went, the latest at the right, from zero up. */
export function plot(values: readonly number[], { label, every, format }: PlotOptions): Html {
  const most = Math.max(...values, 0);
  const now = values.at(-1) ?? 0;
  const span = formatAge(values.length * every);
  const text =
    values.length < 2
      ? `${label}: not known yet`
      : `${label}: now ${format(now)}, at most ${format(most)} in the last ${span}`;
  return html`<svg class="plot" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${text}">${shape(values, most)}</svg>`;
}

function shape(values: readonly number[], most: number): Html {
  const bottom = height - margin;
  const baseline = html`<path class="base" d="M0 ${bottom}H${width}"/>`;
  if (values.length < 2) return baseline;
  const step = width / (Math.max(fewest, values.length) - 1);
  const left = width - (values.length - 1) * step;
  const y = (value: number): number => (most === 0 ? bottom : bottom - (value / most) * (height - 2 * margin));
  const line = values.map((value, index) => `${round(left + index * step)} ${round(y(value))}`).join("L");
  const area = `M${round(left)} ${bottom}L${line}L${width} ${bottom}Z`;
  return html`${baseline}<path class="area" d="${area}"/><path class="line" d="M${line}"/>`;
}

/** A bar as wide as its part of the whole, 0 to 1. */
export function bar(part: number): Html {
  const filled = round(Math.min(1, Math.max(0.01, part)) * 100);
  return html`<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="4"/><rect width="${filled}" height="4"/></svg>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
