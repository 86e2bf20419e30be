import { createHash } from "node:crypto";
import { formatProblem } from "../problem.ts";
import { type Html, html } from "./html.ts";
import { formatAge, formatBytes, formatNumber, formatSeconds } from "./status-format.ts";
import { instanceCard } from "./status-page-instance.ts";
import { age, count, row, section, tile } from "./status-page-parts.ts";
import { refusalsSection } from "./status-page-refusals.ts";
import type { StatusReport } from "./status-report.ts";
import { statusStyle } from "./status-style.ts";

/** Seconds until the page is asked for again. */
const refreshSeconds = 15;

/** Nothing is loaded, nothing runs, nothing is sent: only the style of the page itself counts. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(statusStyle).digest("base64")}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The headers that belong to the page. */
export const statusPageHeaders: Readonly<Record<string, string>> = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": policy,
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  Refresh: String(refreshSeconds),
};

/** The status as a page: whole, without scripts, for any width and both colour schemes. */
export function statusPage(report: StatusReport): string {
  const { state, words } = verdict(report);
  const style = `<style>${statusStyle}</style>`;
  const icon = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${colours[state]}"/></svg>`)}`;
  const body = html`<body>
<header class="top ${state}">
<div class="bar-line"><span class="brand">kapgate</span><span class="muted">${report.version}</span><span class="spacer"></span><time class="muted" datetime="${report.time}">${report.time.slice(0, 19).replace("T", " ")} UTC</time></div>
<h1><span class="dot" aria-hidden="true"></span>${words}</h1>
${attention(report)}
</header>
<main>
${tiles(report)}
${section(
  "instances",
  "Kapacitor",
  report.instances.map((instance) => instanceCard(instance, report)),
)}
${gatewaySection(report)}
${refusalsSection(report)}
</main>
<footer class="muted">The numbers are those of <a href="/metrics">/metrics</a> · <a href="/-/status?format=json">as JSON</a> · renewed every ${refreshSeconds} s</footer>
</body>`;
  const head = html`<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="robots" content="noindex"><title>${words} · kapgate</title><link rel="icon" href="${icon}">`;
  return `<!doctype html>\n<html lang="en"><head>${head.text}${style}</head>\n${body.text}</html>\n`;
}

const colours = { well: "#2f9e66", attention: "#d08a1d", failing: "#d6453d" } as const;

function verdict({ attention, ready }: StatusReport): { readonly state: keyof typeof colours; readonly words: string } {
  if (attention.some(({ severity }) => severity === "error"))
    return { state: "failing", words: "Something is not working" };
  if (!ready) return { state: "attention", words: "Stopping" };
  if (attention.length > 0) return { state: "attention", words: "Serving, with something to look at" };
  return { state: "well", words: "All is well" };
}

function attention(report: StatusReport): Html {
  if (report.attention.length === 0) {
    const { instances, uptime_seconds: uptime } = report;
    const names = instances.length === 1 ? "Kapacitor answers" : `${instances.length} Kapacitors answer`;
    return html`<p class="lead muted">${names}. Serving for ${formatAge(uptime)}.</p>`;
  }
  const items = report.attention.map(({ severity, text }) => html`<li class="${severity}">${text}</li>`);
  return html`<ul class="attention">${items}</ul>`;
}

function tiles({ totals, rates }: StatusReport): Html {
  const every = rates.every_seconds;
  const perSecond = (value: number): string => `${formatNumber(value)}/s`;
  return html`<section class="tiles" aria-label="Throughput">
${tile({ id: "writes", title: "Writes", total: totals.writes, unit: "accepted", values: rates.writes, every, format: perSecond })}
${tile({ id: "points", title: "Points", total: totals.points, unit: "accepted", values: rates.points, every, format: perSecond })}
${tile({ id: "bytes", title: "Volume", total: totals.bytes, unit: "accepted", values: rates.bytes, every, format: (value) => `${formatBytes(value)}/s`, formatTotal: formatBytes })}
${tile({ id: "refusals", title: "Refusals", total: totals.refusals, unit: `of ${formatNumber(totals.requests)} requests`, values: rates.refusals, every, format: perSecond })}
</section>`;
}

function gatewaySection(report: StatusReport): Html {
  const { certificate, listeners, process, logs, totals, reload } = report;
  const cards = [
    html`<article class="card"><h3>Listeners</h3><dl>${listeners.map(
      ({ name, address, https, connections, max_connections: most }) =>
        row(
          name === "clients" ? "Clients" : "Operators",
          html`<code>${https ? "https" : "http"}://${address}</code>`,
          connections === undefined
            ? undefined
            : html`${count("connections", connections)} of ${formatNumber(most ?? 0)} connections`,
        ),
    )}${countedRows("Closed by a limit", report.connections_closed)}${countedRows("Failed handshakes", report.handshake_failures)}</dl></article>`,
    certificateCard(certificate),
    html`<article class="card"><h3>Process</h3><dl>
${row("Version", html`${report.version}`, html`Node ${report.node}`)}
${row("Running", html`${formatAge(report.uptime_seconds)}`, html`since ${report.started_at.slice(0, 16).replace("T", " ")}`)}
${row("Memory", html`${formatBytes(process.resident_memory_bytes)}`)}
${row("Event loop", html`${formatSeconds(process.event_loop_delay_seconds)}`, html`longest delay lately`)}
${process.open_fds === null ? undefined : row("Files", html`${formatNumber(process.open_fds)}`, process.max_fds === null ? undefined : html`of ${formatNumber(process.max_fds)}`)}
${row("Group commit", html`${formatNumber(totals.groups.requests === 0 ? 0 : totals.groups.writes / totals.groups.requests)}`, html`writes travel together`)}
${logs.filter(({ dropped, problem }) => dropped > 0 || problem !== null).map(({ log, dropped, problem }) => row(log === "audit" ? "Audit log" : "Log", html`${problem ?? "written"}`, html`${count(`dropped-${log}`, dropped)} records lost`))}
</dl></article>`,
    html`<article class="card"><h3>Configuration</h3><dl>
${row("In force since", html`${age(report.reload.loaded_at, report.time)}`)}
${reload.last === null ? undefined : row("Last reload", html`<span class="${reload.last.successful ? "ok" : "bad"}">${reload.last.successful ? "taken" : "refused"}</span>`, html`${age(reload.last.time, report.time)}`)}
</dl>${reload.problems.length === 0 ? undefined : html`<ul class="problems">${reload.problems.slice(0, 20).map((problem) => html`<li class="${problem.severity}">${formatProblem(problem)}</li>`)}</ul>`}</article>`,
  ];
  return section("gateway", "Gateway", [html`<div class="grid">${cards}</div>`]);
}

function certificateCard(certificate: StatusReport["certificate"]): Html {
  if (certificate === null)
    return html`<article class="card"><h3>Certificate</h3><p class="muted">HTTPS is off.</p></article>`;
  const { days_left: days, names, issuer, expires_at: expires, fingerprint } = certificate;
  const state = days < 0 ? "bad" : days < 30 ? "doubtful" : "ok";
  return html`<article class="card"><h3>Certificate</h3><dl>
${row("Expires", html`<span class="${state}">${days < 0 ? "expired" : html`in ${count("certificate-days", days)} ${days === 1 ? "day" : "days"}`}</span>`, html`${expires.slice(0, 10)}`)}
${row("Names", html`${names.slice(0, 8).join(", ")}${names.length > 8 ? `, and ${names.length - 8} more` : ""}`)}
${row("Issuer", html`${issuer}`)}
${row("SHA-256", html`<code class="fingerprint">${fingerprint.slice(0, 23)}…</code>`)}
</dl></article>`;
}

function countedRows(title: string, counted: StatusReport["handshake_failures"]): Html | undefined {
  if (counted.length === 0) return undefined;
  return row(
    title,
    html`${counted.map(({ name, count: times }) => html`<span class="counted">${count(`count-${name}`, times)} <code>${name}</code></span>`)}`,
  );
}
