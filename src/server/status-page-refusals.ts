import { type Html, html } from "./html.ts";
import { formatAgo } from "./status-format.ts";
import { count, section } from "./status-page-parts.ts";
import { bar } from "./status-plot.ts";
import type { RefusalStatus, StatusReport } from "./status-report.ts";

/** Who was refused, how often, and why. */
export function refusalsSection(report: StatusReport): Html {
  if (report.refusals_by_reason.length === 0)
    return section("refusals", "Refusals", [
      html`<article class="card"><p class="muted">Nobody was refused so far.</p></article>`,
    ]);
  return section("refusals", "Refusals", [reasons(report), latest(report)]);
}

function reasons({ refusals_by_reason: counted }: StatusReport): Html {
  const most = Math.max(...counted.map(({ count: times }) => times));
  const rows = counted.map(
    ({ name, count: times }) =>
      html`<li><code>${name}</code>${bar(times / most)}${count(`reason-${name}`, times)}</li>`,
  );
  return html`<article class="card"><h3>By reason <span class="muted">since the start</span></h3><ul class="reasons">${rows}</ul></article>`;
}

function latest({ last_refusals: refusals, time }: StatusReport): Html {
  const rows = refusals.map((refusal) => refusalRow(refusal, time));
  return html`<article class="card"><h3>The last ${refusals.length}</h3><table class="refusals"><thead><tr><th>When</th><th>Reason</th><th>Who</th><th>What</th></tr></thead><tbody>${rows}</tbody></table></article>`;
}

function refusalRow(refusal: RefusalStatus, now: string): Html {
  const { time, reason, status, principal, client_address: address, method, path, instance, request_id: id } = refusal;
  const seconds = (Date.parse(now) - Date.parse(time)) / 1000;
  const what =
    path === ""
      ? html`<span class="muted">no readable request</span>`
      : html`<code><bdi>${method ?? ""} ${path}</bdi></code>`;
  return html`<tr title="${id}"><td><time datetime="${time}" title="${time}">${formatAgo(seconds)}</time></td><td><code>${reason}</code> <span class="muted">${status === 0 ? "" : status}</span></td><td><bdi>${principal ?? ""}</bdi> <span class="muted">${address ?? "unknown"}</span></td><td>${what}${instance === undefined ? undefined : html` <span class="muted">${instance}</span>`}</td></tr>`;
}
