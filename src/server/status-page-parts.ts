import { type Html, html } from "./html.ts";
import { formatAgo, formatNumber } from "./status-format.ts";
import { plot } from "./status-plot.ts";

export function section(id: string, title: string, content: readonly Html[]): Html {
  return html`<section id="${id}"><h2>${title}</h2>${content}</section>`;
}

/** A number of `/metrics`, exact for machines and short for people. */
export function count(id: string, value: number, format: (value: number) => string = formatNumber): Html {
  return html`<data id="${id}" value="${value}">${format(value)}</data>`;
}

/** One line of a list of facts. */
export function row(title: string, value: Html, note?: Html): Html {
  return html`<div class="row"><dt>${title}</dt><dd>${value}${note === undefined ? undefined : html` <span class="muted">${note}</span>`}</dd></div>`;
}

/** How long ago something was. */
export function age(time: string, now: string): Html {
  const seconds = (Date.parse(now) - Date.parse(time)) / 1000;
  return html`<time datetime="${time}" title="${time}">${formatAgo(seconds)}</time>`;
}

export interface Tile {
  readonly id: string;
  readonly title: string;
  readonly total: number;
  /** What the total is of. */
  readonly unit: string;
  /** Per second. */
  readonly values: readonly number[];
  /** Seconds between two of them. */
  readonly every: number;
  readonly format: (value: number) => string;
  readonly formatTotal?: (value: number) => string;
}

/** A rate as a large number, with how it went and what it adds up to. */
export function tile({ id, title, total, unit, values, every, format, formatTotal = formatNumber }: Tile): Html {
  const now = values.at(-1);
  return html`<article class="tile ${id}"><h3>${title}</h3><p class="big">${now === undefined ? "–" : format(now)}</p>${plot(values, { label: `${title} per second`, every, format })}<p class="muted">${count(id, total, formatTotal)} ${unit}</p></article>`;
}
