/** Requests whose body or whose meaning has to be known: which they are, and how their judgement goes on from question to question. */

import type { Reason } from "../errors.ts";
import type { AlertRules } from "./alert-rules.ts";
import { type Deny, deny, type Forward, type Inspect } from "./decision.ts";
import { judgeConfigChange } from "./inspect-config.ts";
import { handlerOfPath, judgeHandler, judgeHandlerPatch } from "./inspect-handler.ts";
import { type Facts, type Inquiry, need, pass, unparsable, type Verdict } from "./inspect-parts.ts";
import { judgeTestBody, judgeTestName, testOfPath } from "./inspect-service-test.ts";
import { isExactly, judgeReplay, judgeTaskChange, judgeTaskCreation } from "./inspect-task.ts";
import { judgeTemplateChange, judgeTemplateCreation } from "./inspect-template.ts";
import { type JsonNode, parseJson } from "./json.ts";
import type { RouteMatch } from "./routes.ts";
import { lookUpPath, needKey } from "./stored-state.ts";
import type { TargetFacts } from "./targets.ts";

type Route = Extract<RouteMatch, { readonly kind: "route" }>;

/** What a request is about. Plain data, so that a judgement can wait. */
export type Subject =
  | { readonly kind: "task-creation" | "template-creation" | "replay" | "handler" | "flux" }
  | { readonly kind: "task-change" | "template-change"; readonly id: string }
  | { readonly kind: "handler-patch"; readonly topic: string; readonly id: string }
  | { readonly kind: "config"; readonly rest: string }
  | { readonly kind: "service-test"; readonly name: string };

/** A judgement that waits for answers. */
export interface Pending {
  readonly subject: Subject;
  readonly facts: Facts;
  readonly body: JsonNode | undefined;
  readonly round: number;
}

/** Answers are asked for this often before a request is refused. */
const mostRounds = 8;

const inspectFirst = need({ kind: "body" });

/** What stands between a request that may be forwarded otherwise and its forwarding, by the alert policy of its instance. */
export function beginInspection(
  rules: AlertRules,
  method: string,
  route: Route,
  plan: Forward,
): Forward | Inspect | Deny {
  const [subject, verdict] = subjectOf(rules, method, route);
  return conclude(rules, plan, { subject, facts: new Map(), body: undefined, round: 0 }, verdict);
}

function subjectOf(rules: AlertRules, method: string, { class: name, rest }: Route): readonly [Subject, Verdict] {
  switch (name) {
    case "task-define":
      if (method === "POST") return [{ kind: "task-creation" }, inspectFirst];
      // Without an id Kapacitor answers 400.
      return [{ kind: "task-change", id: rest }, rest === "" ? pass : inspectFirst];
    case "template-define":
      if (method === "POST") return [{ kind: "template-creation" }, inspectFirst];
      return [{ kind: "template-change", id: rest }, rest === "" ? pass : inspectFirst];
    case "handler-define": {
      if (method !== "PATCH") return [{ kind: "handler" }, inspectFirst];
      const handler = handlerOfPath(rest);
      return handler === undefined
        ? [{ kind: "handler" }, pass]
        : [{ kind: "handler-patch", ...handler }, inspectFirst];
    }
    case "config-change":
      return [{ kind: "config", rest }, inspectFirst];
    case "service-test-run": {
      const test = testOfPath(rest);
      return [{ kind: "service-test", name: test }, judgeTestName(rules, test) ?? inspectFirst];
    }
    case "replay-start":
      return [{ kind: "replay" }, inspectFirst];
    case "flux-define":
      return [{ kind: "flux" }, rules.fluxTasks ? pass : method === "PATCH" ? inspectFirst : fluxRefusal];
    default:
      return [{ kind: "handler" }, pass];
  }
}

/** Why a Flux task is refused, wherever it stands. */
export const fluxRefusal = deny(
  "handler_disabled",
  "Flux tasks cannot be judged and are closed while alert handlers or targets are ([alerts] allow-flux-tasks opens them)",
  { detail: { rule: "allow-flux-tasks" } },
);

/** Goes on with the answers to what was asked. Each round must bring all of them; what is asked again, or too often, is refused. */
export function resumeInspection(
  rules: AlertRules,
  inspection: Inspect,
  answers: Facts,
  gateway: TargetFacts["gateway"],
): Forward | Inspect | Deny {
  const { plan, pending } = inspection;
  const facts = new Map([...pending.facts, ...answers]);
  const unanswered = inspection.needs.some((question) => !facts.has(needKey(question)));
  if (unanswered || pending.round >= mostRounds) {
    return deny("stored_state_unreadable", "this cannot be judged: what it depends on did not become known");
  }
  const inquiry: Inquiry = { rules, facts, gateway };
  const given = facts.get(needKey({ kind: "body" }));
  const parsed =
    pending.body === undefined && given?.kind === "body"
      ? parseJson(given.bytes, { size: given.bytes.length })
      : undefined;
  if (parsed?.ok === false) {
    return conclude(rules, plan, pending, unparsable(parsed.text, parsed.offset));
  }
  const body = parsed?.value ?? pending.body;
  const next: Pending = { ...pending, facts, body, round: pending.round + 1 };
  return conclude(rules, plan, next, body === undefined ? inspectFirst : judge(inquiry, pending.subject, body));
}

function judge(inquiry: Inquiry, subject: Subject, body: JsonNode): Verdict {
  switch (subject.kind) {
    case "task-creation":
      return judgeTaskCreation(inquiry, body);
    case "task-change":
      return judgeTaskChange(inquiry, subject.id, body);
    case "template-creation":
      return judgeTemplateCreation(inquiry, body);
    case "template-change":
      return judgeTemplateChange(inquiry, subject.id, body);
    case "handler":
      return judgeHandler(inquiry, body);
    case "handler-patch":
      return judgeHandlerPatch(inquiry, subject.topic, subject.id, body);
    case "config":
      return judgeConfigChange(inquiry, subject.rest, body);
    case "service-test":
      return judgeTestBody(inquiry, subject.name, body);
    case "replay":
      return judgeReplay(inquiry, body);
    case "flux":
      return isExactly(body, "status", ["disabled", "inactive"]) ? pass : fluxRefusal;
  }
}

/** What `mode = "report"` lets through: the verdicts of the alert policy, nothing else. */
const reported: ReadonlySet<Reason> = new Set([
  "handler_disabled",
  "target_denied",
  "target_unresolvable",
  "stored_state_unreadable",
  "body_unparsable",
  "script_unparsable",
]);

function conclude(rules: AlertRules, plan: Forward, pending: Pending, verdict: Verdict): Forward | Inspect | Deny {
  switch (verdict.kind) {
    case "pass":
      return plan;
    case "deny":
      if (rules.mode !== "report" || !reported.has(verdict.reason)) return verdict;
      return { ...plan, wouldRefuse: verdict };
    case "need": {
      for (const question of verdict.needs) {
        const isStored = question.kind !== "body" && question.kind !== "addresses";
        if (pending.facts.has(needKey(question)) || (isStored && lookUpPath(question) === undefined)) {
          const refusal = deny(
            "stored_state_unreadable",
            "this cannot be judged: Kapacitor cannot be asked for that object",
          );
          return conclude(rules, plan, pending, refusal);
        }
      }
      return { kind: "inspect", plan, needs: verdict.needs, pending };
    }
  }
}
