import { type Area, type Finding, isFinding, type Result, type Severity } from "./finding.ts";

const titles: Readonly<Record<Area, string>> = {
  configuration: "Configuration",
  certificate: "Certificate",
  gateway: "Gateway",
  kapacitor: "Kapacitor",
  influxdb: "InfluxDB",
  subscriptions: "Subscriptions",
  policy: "Policy",
};

const marks: Readonly<Record<Severity, string>> = { error: "✗", warning: "!", note: "i" };
/** Lines of one fix that the table shows; `-json` has all of them. */
const mostFixLines = 12;
const width = 118;

/** The table for people: what is in order on one line each, every finding with what follows from it and the lines that put it right. */
export function renderReport(results: readonly Result[]): string {
  const several = new Set(results.map(({ instance }) => instance).filter((name) => name !== undefined)).size > 1;
  const lines: string[] = [];
  let area: Area | undefined;
  for (const result of results) {
    if (result.area !== area) {
      area = result.area;
      lines.push("", titles[area]);
    }
    const instance = several && result.instance !== undefined ? `${result.instance}: ` : "";
    lines.push(...(isFinding(result) ? findingLines(result, instance) : wrapped("  ✓ ", `${instance}${result.fine}`)));
  }
  return `${lines.join("\n").trimStart()}\n\n${summary(results)}\n`;
}

function findingLines(finding: Finding, instance: string): readonly string[] {
  const { id, severity, what, why, fix } = finding;
  const shown = fix.length > mostFixLines ? fix.slice(0, mostFixLines - 1) : fix;
  const rest = fix.length - shown.length;
  return [
    `  ${marks[severity]} ${id}`,
    ...wrapped("      ", `${instance}${what}`),
    ...wrapped("      why  ", why),
    ...shown.map((line, index) => `      ${index === 0 ? "fix" : "   "}  ${line}`),
    ...(rest > 0 ? [`           # and ${rest} more: kapgate doctor -json`] : []),
  ];
}

/** Breaks at spaces; continued lines stand below the first word. A word that is too long stays whole: it may be a URL. */
function wrapped(start: string, text: string): readonly string[] {
  const lines: string[] = [];
  let line = start;
  for (const word of text.split(/\s+/)) {
    if (line.trim() !== "" && line !== start && line.length + word.length + 1 > width) {
      lines.push(line);
      line = " ".repeat(start.length);
    }
    line += line === start || line.trim() === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** `1 error, 2 warnings, 1 note` */
export function summary(results: readonly Result[]): string {
  const findings = results.filter(isFinding);
  const parts = (["error", "warning", "note"] as const)
    .map((severity) => [findings.filter((entry) => entry.severity === severity).length, severity] as const)
    .filter(([number]) => number > 0)
    .map(([number, severity]) => `${number} ${severity}${number === 1 ? "" : "s"}`);
  const first = findings.find(({ severity }) => severity === "error");
  if (parts.length === 0) return "Everything is in order.";
  return `${parts.join(", ")}${first === undefined ? "" : `. Begin with ${first.id}`}.`;
}
