import { type AuditFinding, type AuditReport, isRunning } from "../audit/report.ts";
import { printable } from "./terminal.ts";

/** One report as a table for a terminal: the findings, each with the command that removes it below, and what else there is to know. */
export function formatReport(report: AuditReport): string {
  const { instance, url, findings, accepted, unused, notes, failure, hasPolicy } = report;
  const lines: string[] = [`${instance} (${url}): ${summary(report)}`];
  if (!hasPolicy) {
    lines.push("  no handler is disabled, no target denied and no UDF listed ([alerts]), so there is nothing to find");
  }
  if (failure !== undefined) {
    lines.push(`  The audit is not complete: ${failure.text} (${failure.reason}: ${failure.cause})`);
  }
  lines.push(...table(findings, true));
  const left = report.findingCount - findings.length;
  if (left > 0) lines.push(`  and ${left} more`);
  if (accepted.length > 0) lines.push("", "  Known ([alerts] accepted):", ...table(accepted, false));
  if (unused.length > 0)
    lines.push("", `  Accepted, but no finding: ${unused.map((name) => printable(name)).join(", ")}`);
  for (const note of notes) lines.push(`  Note: ${printable(note)}`);
  return `${lines.join("\n")}\n`;
}

function summary({ findings, findingCount, accepted, audited, hasPolicy, failure }: AuditReport): string {
  if (!hasPolicy) return "no policy";
  const running = findings.filter(({ state }) => isRunning(state)).length;
  const found =
    findingCount === 0
      ? "no findings"
      : `${count(findingCount, "finding")} (${running === 0 ? "none" : running} active)`;
  const known = accepted.length === 0 ? "" : `, ${accepted.length} accepted`;
  const flux = audited["flux-task"] === 0 ? "" : `, ${count(audited["flux-task"], "Flux task")}`;
  const seen = `${count(audited.task, "task")}, ${count(audited.template, "template")}, ${count(audited.handler, "topic handler")}, ${count(audited.config, "section")}${flux}`;
  return `${failure === undefined ? "" : "not complete, "}${found}${known} in ${seen}`;
}

const headings = ["OBJECT", "STATE", "KIND", "WHY"] as const;
/** Longer names push their own row aside and not all the others. */
const widest = 44;

/** What can send by itself comes first: that is what somebody has to look at now. */
function table(findings: readonly AuditFinding[], withCommands: boolean): readonly string[] {
  if (findings.length === 0) return [];
  const urgent = findings.toSorted((left, right) => Number(isRunning(right.state)) - Number(isRunning(left.state)));
  const rows = urgent.map((finding) => ({ finding, cells: cellsOf(finding) }));
  const widths = headings.map((heading, column) =>
    Math.min(widest, Math.max(heading.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0))),
  );
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd();
  return [
    "",
    line(headings),
    ...rows.flatMap(({ finding, cells }) => {
      const { remove = "no request of Kapacitor's API reaches it: stop Kapacitor, and repair its database" } = finding;
      return withCommands ? [line(cells), `      ${remove}`] : [line(cells)];
    }),
  ];
}

/** Of the text the cause only: what could be done instead is said once, below. */
function cellsOf({ object, state, handler, text }: AuditFinding): readonly string[] {
  return [printable(object), state, handler ?? "-", printable(text.replace(/; allow-targets makes .*$/, ""))];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
