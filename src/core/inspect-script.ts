/** Judging a script, wherever it came from. */
import { type ParseResult, parseExpression } from "../tickscript/parser.ts";
import { codeFrame, position } from "../tickscript/problem.ts";
import type { HandlerKindName } from "./alert-handlers.ts";
import { type Deny, deny, type RefusalDetail } from "./decision.ts";
import { firstOf, type Inquiry, judgeTargets, pass, storedSection, type Verdict } from "./inspect-parts.ts";
import { inspectScript } from "./script-policy.ts";
import type { Finding, Span, TargetUse, TaskVar } from "./script-report.ts";
import type { AlertTarget } from "./targets.ts";

/** A script and what Kapacitor runs it with. */
export interface ScriptUse {
  readonly source: string;
  /** The source, parsed: for a script that is judged with many tasks. */
  readonly parsed?: ParseResult;
  /** undefined for a template: its vars come with its tasks, and what depends on them is judged there. */
  readonly vars: ReadonlyMap<string, TaskVar> | undefined;
  /** Where a script stands that is not in the body: `template "t" as stored, `. */
  readonly place?: string;
}

/** Judges a script: its handlers, names and targets. Closed when unsure; a refusal points at its place in the script. */
export function judgeScript(inquiry: Inquiry, { source, parsed, vars, place = "" }: ScriptUse): Verdict {
  const { disabled, udfs } = inquiry.rules;
  const report = inspectScript(source, { disabled, udfs, ...(vars === undefined ? {} : { vars }) }, parsed);
  /** A refusal with its place: in its text for people, beside it for programs. */
  const at = ({ offset, length }: Span, refusal: Deny, more: Partial<RefusalDetail> = {}): Deny => {
    const { line, column } = position(source, offset);
    const frame = codeFrame(source, offset, length);
    const script = place === "" ? {} : { script: place.replace(/, $/, "") };
    return {
      ...refusal,
      text: `${place}line ${line}:${column}: ${refusal.text}\n${frame}`,
      detail: { rule: "any", ...refusal.detail, ...more, place: { ...script, line, column, frame } },
    };
  };
  if (!report.ok) {
    return at({ offset: report.problem.offset, length: 1 }, deny("script_unparsable", report.problem.message));
  }
  const [finding, ...others] = report.findings;
  if (finding !== undefined) {
    return at(finding, deny("handler_disabled", finding.text), { ...findingDetail(finding), others });
  }
  const constant: { target: AlertTarget; place: (refusal: Deny) => Deny }[] = [];
  const endpoints: { name: string; place: (refusal: Deny) => Deny }[] = [];
  for (const use of report.targets) {
    if (use.text.constant && use.user === "sideload" && isEndpointName(use.text.value)) {
      endpoints.push({ name: use.text.value, place: (refusal) => at(use, refusal) });
    } else if (use.text.constant) {
      constant.push({
        target: scriptTarget(use, use.text.value),
        place: (refusal) => at(use, refusal, userOf(use)),
      });
    } else if (vars !== undefined || use.text.vars.length === 0)
      return at(use, deny("target_denied", notConstant(use)), userOf(use));
  }
  return firstOf(
    (function* () {
      yield judgeTargets(inquiry, constant);
      if (endpoints.length > 0) yield judgeEndpoints(inquiry, endpoints);
    })(),
  );
}

/**
 * Judges an expression that stands alone: whether it can be read. Kapacitor reads it with the parser of scripts, whose lexer ends the whole daemon at
 * some that it cannot read (`/\u00e9/`). `place` begins the text.
 */
export function judgeExpression(source: string, place: string): Verdict {
  const parsed = parseExpression(source);
  if (parsed.ok) return pass;
  const { line, column, message, offset } = parsed.problem;
  return deny("script_unparsable", `${place}line ${line}:${column}: ${message}\n${codeFrame(source, offset, 1)}`);
}

/** What has no scheme is the name of an end point to a sideload (sideload.go, from 1.5.8 on). */
function isEndpointName(text: string): boolean {
  return /^[\w.-]*$/.test(text);
}

/** A sideload from an end point that is not there ends Kapacitor when the task starts, and at every start of Kapacitor from then on. */
function judgeEndpoints(
  inquiry: Inquiry,
  uses: readonly { readonly name: string; readonly place: (refusal: Deny) => Deny }[],
): Verdict {
  const section = storedSection(inquiry, "httppost");
  if (section.kind !== "found" && section.kind !== "absent") return section;
  const options = section.kind === "found" ? section.object.map((element) => element.get("endpoint")) : [];
  const known = new Set(options.map((node) => (node?.kind === "string" ? node.value : undefined)));
  const missing = uses.find(({ name }) => !known.has(name));
  if (missing === undefined) return pass;
  const text = `there is no end point ${JSON.stringify(missing.name.slice(0, 40))} in [[httppost]], and a sideload from one that is not there ends Kapacitor`;
  return missing.place(deny("target_denied", text, { detail: { rule: "any" } }));
}

function findingDetail({ rule, handler }: Finding): RefusalDetail {
  if (handler !== undefined) return { rule: "disable-handlers", handler };
  return { rule: rule === "udf" ? "udfs" : "any" };
}

function userOf({ user }: TargetUse): { readonly handler?: HandlerKindName } {
  return user === "sideload" ? {} : { handler: user };
}

function scriptTarget({ user, form }: TargetUse, text: string): AlertTarget {
  return user === "sideload" ? { text, form, schemes: ["file", "http", "https"] } : { text, form };
}

function notConstant({ user }: TargetUse): string {
  return `where ${user} sends to is put together when the task runs; write the address as a constant or a var`;
}

/**
 * The vars that the verdict on a template can change with: an address or an end point name hangs on one. None: no vars change it. Sound rather than exact: names
 * of methods cannot be written in another way than by their letters.
 */
export function decidingVars(inquiry: Inquiry, source: string, parsed: ParseResult): ReadonlySet<string> {
  const { disabled, udfs } = inquiry.rules;
  const report = inspectScript(source, { disabled, udfs }, parsed);
  if (!report.ok) return new Set();
  const isDeciding = report.targets.some(({ text }) => text.vars.length > 0) || source.includes("ttpOut");
  return new Set(isDeciding ? report.vars.map(({ name }) => name) : []);
}
