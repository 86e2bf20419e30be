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
  for (const [index, result] of results.entries()) {
    if (result.area !== area) {
      area = result.area;
      lines.push("", titles[area]);
    }
    const instance = several && result.instance !== undefined ? `${result.instance}: ` : "";
    if (!isFinding(result)) lines.push(...wrapped("  ✓ ", `${instance}${result.fine}`));
    else lines.push(...findingLines(result, instance), ...fixLines(results, index));
  }
  return `${lines.join("\n").trimStart()}\n\n${summary(results)}\n`;
}

function findingLines({ id, severity, what, why }: Finding, instance: string): readonly string[] {
  return [`  ${marks[severity]} ${id}`, ...wrapped("      ", `${instance}${what}`), ...wrapped("      why  ", why)];
}

/** Findings in a row whose lines belong to the same place of the same file have them once, together, below the last. */
function fixLines(results: readonly Result[], index: number): readonly string[] {
  const place = placeOf(results[index]);
  if (place !== undefined && placeOf(results[index + 1]) === place) return [];
  let first = index;
  while (place !== undefined && placeOf(results[first - 1]) === place) first--;
  const group = results.slice(first, index + 1).filter(isFinding);
  const last = group.at(-1)?.fix ?? [];
  const tail = group.length === 1 ? 0 : commonTail(group);
  const fix = [
    ...(place === undefined ? [] : [place]),
    ...group.flatMap(({ fix }) => fix.slice(place === undefined ? 0 : 1, fix.length - tail)),
    ...last.slice(last.length - tail),
  ];
  const shown = fix.length > mostFixLines ? fix.slice(0, mostFixLines - 1) : fix;
  const rest = fix.length - shown.length;
  return [
    ...shown.map((line, number) => `      ${number === 0 ? "fix" : "   "}  ${line}`),
    ...(rest > 0 ? [`           # and ${rest} more: kapgate doctor -json`] : []),
  ];
}

/** The comment that says where the lines of a fix go. */
function placeOf(result: Result | undefined): string | undefined {
  const first = result !== undefined && isFinding(result) ? result.fix[0] : undefined;
  return first?.startsWith("# ") === true && first.endsWith(":") ? first : undefined;
}

/** How many lines all of these fixes end with. */
function commonTail(group: readonly Finding[]): number {
  const [{ fix: model } = { fix: [] }] = group;
  let length = 0;
  while (length < model.length - 2 && group.every(({ fix }) => fix.at(-1 - length) === model.at(-1 - length))) length++;
  return length;
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
  if (findings.every(({ severity }) => severity === "note")) return `Nothing to repair; ${parts.join(", ")}.`;
  return `${parts.join(", ")}${first === undefined ? "" : `. Begin with ${first.id}`}.`;
}
