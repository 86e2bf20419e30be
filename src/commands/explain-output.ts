import type { ExplainedRefusal, Explanation } from "./explanation.ts";
import { printable } from "./terminal.ts";

/** One explanation as text: the decision first, then what it is about, which rule it comes from and what to do. */
export function formatExplanation(explanation: Explanation, showInstance: boolean): string {
  const { subject, as, decision, instance, user, why, handlers, refusal, would_refuse: would } = explanation;
  const rows: (readonly [name: string, value: string])[] = [];
  if (as !== undefined) rows.push(["as", `a ${as}`]);
  if (showInstance && instance !== undefined) rows.push(["instance", instance]);
  if (as === undefined && explanation.class !== undefined) rows.push(["class", explanation.class]);
  if (as === undefined && user !== undefined) rows.push(["user", user]);
  if (why !== undefined) rows.push(["why", why]);
  if (handlers !== undefined) rows.push(["handlers", handlers.length === 0 ? "none" : handlers.join(", ")]);
  const shown = refusal ?? would;
  const verdict = `${subject}: ${decision}${refusal === undefined ? "" : ` (${refusal.status} ${refusal.reason})`}`;
  const head = [verdict, ...rows.map(row)];
  if (shown === undefined) return printable(`${head.join("\n")}\n`, true);
  if (would !== undefined) head.push(row(["mode", `enforce would refuse it (${would.status} ${would.reason})`]));
  return printable(`${[...head, ...refusalLines(shown, decision !== "unknown")].join("\n")}\n`, true);
}

function refusalLines(refusal: ExplainedRefusal, showRule: boolean): readonly string[] {
  const { text, rule, fix, others = [] } = refusal;
  const kinds = new Set([refusal, ...others].flatMap(({ kind }) => (kind === undefined ? [] : [kind])));
  const more = others.map(({ line, column, text: what, frame }) => indent(`line ${line}:${column}: ${what}\n${frame}`));
  const rows: (readonly [name: string, value: string])[] = [];
  if (kinds.size > 0) rows.push(["kind", [...kinds].join(", ")]);
  if (rule === undefined && showRule) rows.push(["rule", "built in"]);
  if (rule !== undefined) rows.push(["rule", `${rule.key} = ${rule.value}${placeOf(rule)}`]);
  rows.push(["fix", fix]);
  return [indent(text), ...more, ...rows.map(row)];
}

function placeOf({ source, line }: { readonly source?: string; readonly line?: number }): string {
  if (source === undefined) return " (default)";
  return ` (${source}${line === undefined ? "" : `:${line}`})`;
}

function row([name, value]: readonly [name: string, value: string]): string {
  return `  ${name.padEnd(10)}${value}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
