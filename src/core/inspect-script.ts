/** Judging a script, wherever it came from. */
import { codeFrame, position } from "../tickscript/problem.ts";
import { deny } from "./decision.ts";
import { type Inquiry, judgeTargets, type Verdict } from "./inspect-parts.ts";
import { inspectScript } from "./script-policy.ts";
import type { Span, TargetUse, TaskVar } from "./script-report.ts";
import type { AlertTarget } from "./targets.ts";

/** A script and what Kapacitor runs it with. */
export interface ScriptUse {
  readonly source: string;
  /** undefined for a template: its vars come with its tasks, and what depends on them is judged there. */
  readonly vars: ReadonlyMap<string, TaskVar> | undefined;
  /** Where a script stands that is not in the body: `template "t" as stored, `. */
  readonly place?: string;
}

/** Judges a script: its handlers, names and targets. Closed when unsure; a refusal points at its place in the script. */
export function judgeScript(inquiry: Inquiry, { source, vars, place = "" }: ScriptUse): Verdict {
  const { disabled, udfs } = inquiry.rules;
  const report = inspectScript(source, { disabled, udfs, ...(vars === undefined ? {} : { vars }) });
  const at = ({ offset, length }: Span, text: string): string => {
    const { line, column } = position(source, offset);
    return `${place}line ${line}:${column}: ${text}\n${codeFrame(source, offset, length)}`;
  };
  if (!report.ok) {
    return deny("script_unparsable", at({ offset: report.problem.offset, length: 1 }, report.problem.message));
  }
  const [finding] = report.findings;
  if (finding !== undefined) return deny("handler_disabled", at(finding, finding.text));
  const constant: { target: AlertTarget; explain: (text: string) => string }[] = [];
  for (const use of report.targets) {
    const explain = (text: string): string => at(use, text);
    if (use.text.constant) constant.push({ target: scriptTarget(use, use.text.value), explain });
    else if (vars !== undefined || use.text.vars.length === 0) return deny("target_denied", explain(notConstant(use)));
  }
  return judgeTargets(inquiry, constant);
}

function scriptTarget({ user, form }: TargetUse, text: string): AlertTarget {
  return user === "sideload" ? { text, form, schemes: ["file", "http", "https"] } : { text, form };
}

function notConstant({ user }: TargetUse): string {
  return `where ${user} sends to is put together when the task runs; write the address as a constant or a var`;
}

/**
 * Whether the verdict on a template can change with the vars of its tasks: an address or an end point name hangs on one. Sound rather than exact: names
 * of methods cannot be written in another way than by their letters.
 */
export function dependsOnVars(inquiry: Inquiry, source: string): boolean {
  const { disabled, udfs } = inquiry.rules;
  const report = inspectScript(source, { disabled, udfs });
  if (!report.ok) return true;
  if (report.targets.some(({ text }) => text.vars.length > 0)) return true;
  return report.vars.length > 0 && source.includes("ttpOut");
}
