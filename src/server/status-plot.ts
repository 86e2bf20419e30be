import { type Html, html } from "./html.ts";

export interface PlotOptions {
  /** What it shows, for whoever cannot see it. */
  readonly label: string;
  /** How many values fill the width; fewer stand at the right. */
  readonly slots: number;
  readonly format: (value: number) => string;
}

const width = 240;
const height = 44;
/** Room for the line itself at the top and bottom. */
const margin = 1.5;

/** A small plot of how something went, the latest at the right, from zero up. */
export function plot(values: readonly number[], { label, slots, format }: PlotOptions): Html {
  const shown = values.slice(-slots);
  const most = Math.max(...shown, 0);
  const now = shown.at(-1) ?? 0;
  const text = shown.length < 2 ? `${label}: not known yet` : `${label}: now ${format(now)}, at most ${format(most)}`;
  return html`<svg class="plot" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${text}">${shape(shown, slots, most)}</svg>`;
}

function shape(values: readonly number[], slots: number, most: number): Html {
  const bottom = height - margin;
  const baseline = html`<path class="base" d="M0 ${bottom}H${width}"/>`;
  if (values.length < 2) return baseline;
  const step = width / (slots - 1);
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
