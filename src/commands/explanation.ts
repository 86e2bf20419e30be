/** What `explain` tells of one request, for people and for programs. */
import type { Deny } from "../core/decision.ts";
import { inspectScript } from "../core/script-policy.ts";
import type { Need } from "../core/stored-state.ts";
import { type Reason, statusOf } from "../errors.ts";
import type { DryRun } from "../server/dry-run.ts";
import { codeFrame, position } from "../tickscript/problem.ts";
import { type DecidingRule, decidingRule } from "./deciding-rule.ts";
import { fixFor } from "./fixes.ts";
import type { PolicyConfiguration } from "./policy-configuration.ts";

/** One thing that is refused. Absent members have nothing to say. */
export interface ExplainedRefusal {
  readonly reason: Reason;
  readonly status: number;
  /** What the client is told: place and code frame are in it. */
  readonly text: string;
  /** The kind of the alert handler. */
  readonly kind?: string;
  readonly line?: number;
  readonly column?: number;
  readonly frame?: string;
  /** The script that line and column are in, when it is a stored one. */
  readonly script?: string;
  /** The key of the configuration that decided; absent: a rule that is built in. */
  readonly rule?: DecidingRule;
  readonly fix: string;
  /** What is refused besides, behind the first. */
  readonly others?: readonly ExplainedFinding[];
}

export interface ExplainedFinding {
  readonly line: number;
  readonly column: number;
  readonly kind?: string;
  readonly text: string;
  readonly frame: string;
}

export interface Explanation {
  /** The file, or method and path. */
  readonly subject: string;
  /** What a file would be sent as. */
  readonly as?: string;
  readonly instance?: string;
  readonly class?: string;
  readonly user?: string;
  /** `unknown`: it depends on what could not be read; the gateway would refuse it. */
  readonly decision: "allowed" | "refused" | "unknown";
  /** Why, when that is not plain from the rest. */
  readonly why?: string;
  /** Alert handlers that the script uses. */
  readonly handlers?: readonly string[];
  readonly refusal?: ExplainedRefusal;
  /** What an instance in report mode lets pass and would refuse otherwise. */
  readonly would_refuse?: ExplainedRefusal;
}

export interface Subject {
  readonly name: string;
  readonly as?: string;
  /** The script that a file is. */
  readonly script?: string | undefined;
  readonly clientAddress: string | undefined;
}

/** Puts the outcome of a dry run into words. */
export function explain(configuration: PolicyConfiguration, subject: Subject, run: DryRun): Explanation {
  const { outcome, instance } = run;
  const refused = (refusal: Pick<Deny, "reason" | "text" | "detail">): ExplainedRefusal =>
    explainRefusal(configuration, subject, run, refusal);
  const head = {
    subject: subject.name,
    ...(subject.as === undefined ? {} : { as: subject.as }),
    ...(instance === undefined ? {} : { instance }),
    ...(run.class === undefined ? {} : { class: run.class }),
    user: run.principal.name,
  };
  switch (outcome.kind) {
    case "deny":
      return { ...head, decision: "refused", refusal: refused(outcome) };
    case "unknown": {
      const { question, decision, cause } = outcome;
      const why = `it depends on ${nameOf(question)} as Kapacitor has stored it, and that could not be read (${cause})`;
      return { ...head, decision: "unknown", why, refusal: refused(decision) };
    }
    case "forward": {
      const { wouldRefuse } = outcome;
      if (wouldRefuse !== undefined) {
        return {
          ...head,
          decision: "allowed",
          why: `mode = "report" lets it pass`,
          would_refuse: refused(wouldRefuse),
        };
      }
      if (!configuration.policy.alerts.has(outcome.instance)) {
        const why = "no handler is disabled, no target denied and no UDF listed, so definitions are not judged";
        return subject.as === undefined ? { ...head, decision: "allowed" } : { ...head, decision: "allowed", why };
      }
      const later = subject.as === "template" ? { why: "what hangs on its vars is judged with every task of it" } : {};
      return { ...head, decision: "allowed", ...later, ...handlersOf(subject.script) };
    }
  }
}

function handlersOf(script: string | undefined): { readonly handlers?: readonly string[] } {
  const report = script === undefined ? undefined : inspectScript(script, { disabled: new Set(), udfs: new Set() });
  return report?.ok === true ? { handlers: [...report.handlers].toSorted() } : {};
}

/** What a decision depends on, in words. */
export function nameOf(question: Need): string {
  switch (question.kind) {
    case "task":
    case "template":
      return `${question.kind} ${JSON.stringify(question.id)}`;
    case "handler":
      return `handler ${JSON.stringify(question.id)} of topic ${JSON.stringify(question.topic)}`;
    case "section":
      return `configuration section ${JSON.stringify(question.name)}`;
    case "tasks":
      return "every task";
    case "addresses":
      return `the addresses of ${question.name}`;
    case "body":
      return "the body";
  }
}

function explainRefusal(
  configuration: PolicyConfiguration,
  { clientAddress, script }: Subject,
  run: DryRun,
  refusal: Pick<Deny, "reason" | "text" | "detail">,
): ExplainedRefusal {
  const { instance, class: name, principal } = run;
  const rule = decidingRule(configuration, { refusal, instance, class: name, principal, clientAddress });
  const { detail, reason, text } = refusal;
  const others = script === undefined ? [] : (detail?.others ?? []);
  return {
    reason,
    status: statusOf(reason),
    text,
    ...(detail?.handler === undefined ? {} : { kind: detail.handler }),
    ...detail?.place,
    ...(rule === undefined ? {} : { rule }),
    fix: fixFor(refusal, rule),
    ...(others.length === 0 || script === undefined
      ? {}
      : {
          others: others.map(({ offset, length, handler, text: what }) => ({
            ...position(script, offset),
            ...(handler === undefined ? {} : { kind: handler }),
            text: what,
            frame: codeFrame(script, offset, length),
          })),
        }),
  };
}
