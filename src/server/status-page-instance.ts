import { type Html, html } from "./html.ts";
import { formatAgo, formatBytes, formatNumber, formatSeconds } from "./status-format.ts";
import { age, count } from "./status-page-parts.ts";
import { plot } from "./status-plot.ts";
import type { InstanceStatus, StatusReport } from "./status-report.ts";

/** Last writes and findings that the page has; the JSON has more. */
const mostWrites = 12;
const mostFindings = 20;

/** One Kapacitor: whether it answers, what goes to it, what was written last, what its audit found. */
export function instanceCard(instance: InstanceStatus, report: StatusReport): Html {
  const { name, url, up, kapacitor, held } = instance;
  return html`<article class="card instance">
<header><span class="dot ${up ? "ok" : "bad"}" aria-hidden="true"></span><h3>${name}</h3><span class="pill ${up ? "ok" : "bad"}">${up ? "answers" : "does not answer"}</span><span class="spacer"></span><span class="muted"><code>${url}</code>${kapacitor === null ? undefined : html` · Kapacitor ${kapacitor}`}</span></header>
<div class="plots">${plots(instance, report)}</div>
${held === 0 ? undefined : html`<p class="notice bad">${count(`held-${name}`, held)} ${held === 1 ? "write waits" : "writes wait"} for Kapacitor, in ${formatBytes(instance.waiting_bytes)} of memory.</p>`}
<div class="halves">${lastWrites(instance)}${audit(instance, report)}</div>
</article>`;
}

function plots(
  { name, rates, writes, api, upstream_seconds: mean }: InstanceStatus,
  report: StatusReport,
): readonly Html[] {
  const every = report.rates.every_seconds;
  const figure = (
    title: string,
    now: string,
    values: readonly number[],
    note: Html,
    format: (value: number) => string,
  ): Html =>
    html`<figure><figcaption><span class="muted">${title}</span><b>${now}</b></figcaption>${plot(values, { label: `${title} of ${name}`, every, format })}<small class="muted">${note}</small></figure>`;
  const perSecond = (value: number): string => `${formatNumber(value)}/s`;
  const latest = (values: readonly number[], format: (value: number) => string): string => {
    const last = values.at(-1);
    return last === undefined ? "–" : format(last);
  };
  return [
    figure(
      "Writes",
      latest(rates.writes, perSecond),
      rates.writes,
      html`${count(`writes-${name}`, writes)} in all`,
      perSecond,
    ),
    figure("API", latest(rates.api, perSecond), rates.api, html`${count(`api-${name}`, api)} in all`, perSecond),
    figure(
      "Time to answer",
      latest(rates.upstream_seconds, formatSeconds),
      rates.upstream_seconds,
      html`${mean === null ? "no answer so far" : html`${formatSeconds(mean)} on average`}`,
      formatSeconds,
    ),
  ];
}

function lastWrites({ last_writes: writes }: InstanceStatus): Html {
  const rows = writes
    .slice(0, mostWrites)
    .map(
      ({ db, rp, at, age_seconds: seconds }) =>
        html`<li><bdi class="name">${db === "" ? "(no database)" : db}${rp === "" ? undefined : html`<span class="muted"> / ${rp}</span>`}</bdi><time datetime="${at}" title="${at}">${formatAgo(seconds)}</time></li>`,
    );
  const more = writes.length - rows.length;
  return html`<section><h4>Last writes</h4>${rows.length === 0 ? html`<p class="muted">None so far.</p>` : html`<ul class="pairs">${rows}</ul>`}${more > 0 ? html`<p class="muted">and ${more} more</p>` : undefined}</section>`;
}

function audit({ audit: found, name }: InstanceStatus, report: StatusReport): Html {
  if (found === null)
    return html`<section><h4>Audit</h4><p class="muted">No handler is disabled and no target denied, so there is nothing to look for.</p></section>`;
  const { time, findings, accepted, listed, failure } = found;
  const rows = listed
    .slice(0, mostFindings)
    .map(
      ({ object, state, text, remove }) =>
        html`<li><p><bdi class="name"><code>${object}</code></bdi> <span class="pill">${state}</span></p><p class="muted">${text}</p>${remove === null ? undefined : html`<p><code class="command">${remove}</code></p>`}</li>`,
    );
  const more = (findings ?? 0) - rows.length;
  return html`<section><h4>Audit${findings === null ? undefined : html` <span class="muted">${count(`findings-${name}`, findings)} ${findings === 1 ? "finding" : "findings"}</span>`}</h4>
${failure === null ? undefined : html`<p class="notice">Not complete: ${failure}</p>`}
${findings === 0 ? html`<p class="muted">Nothing that is stored breaks the policy.</p>` : undefined}
${rows.length === 0 ? undefined : html`<ul class="findings">${rows}</ul>`}
${more > 0 ? html`<p class="muted">and ${more} more: <code>kapgate audit</code></p>` : undefined}
<p class="muted">${time === null ? "No audit is complete yet" : html`Looked at ${age(time, report.time)}`}${accepted === 0 ? undefined : `, ${accepted} accepted`}.</p></section>`;
}
