/** What all judgements of requests have in common: their questions, their verdicts, and the words of their refusals. */
import type { HandlerKindName } from "./alert-handlers.ts";
import type { AlertRules } from "./alert-rules.ts";
import { type Deny, deny } from "./decision.ts";
import type { JsonNode } from "./json.ts";
import type { Members } from "./json-readers.ts";
import {
  hasOddSegment,
  type ListedTask,
  type LookUp,
  type Need,
  needKey,
  type Reading,
  readHandler,
  readSection,
  readTask,
  readTasks,
  readTemplate,
  type StoredAnswer,
  type StoredHandler,
  type StoredSection,
  type StoredTask,
  type StoredTemplate,
} from "./stored-state.ts";
import { type AlertTarget, judgeTarget, type TargetFacts } from "./targets.ts";

/** An answer to a need. */
export type Fact =
  | { readonly kind: "body"; readonly bytes: Uint8Array }
  | { readonly kind: "stored"; readonly answer: StoredAnswer }
  /** Canonical addresses; empty when the name has none or cannot be resolved. */
  | { readonly kind: "addresses"; readonly addresses: readonly string[] };

/** By {@link needKey}. */
export type Facts = ReadonlyMap<string, Fact>;

/** What a judgement works with. */
export interface Inquiry {
  readonly rules: AlertRules;
  readonly facts: Facts;
  /** Where the client reached the gateway. */
  readonly gateway: TargetFacts["gateway"];
}

export type Verdict = { readonly kind: "pass" } | { readonly kind: "need"; readonly needs: readonly Need[] } | Deny;

export const pass: Verdict = { kind: "pass" };

export function need(...needs: readonly Need[]): Extract<Verdict, { readonly kind: "need" }> {
  return { kind: "need", needs };
}

/** The first verdict that is no pass, in the order of the judgements; the later ones are not even made. */
export function firstOf(judgements: Iterable<Verdict>): Verdict {
  for (const verdict of judgements) if (verdict.kind !== "pass") return verdict;
  return pass;
}

/** A 400 for a body: what is wrong with it, and at which byte. */
export function unparsable(text: string, offset?: number): Deny {
  return deny(
    "body_unparsable",
    `the request body is refused: ${text}${offset === undefined ? "" : ` (byte ${offset})`}`,
  );
}

/** A member that Go decodes into a string; absent counts as empty. */
export function stringMember(members: Members, name: string): string | Deny {
  const node = members.get(name);
  if (node === undefined) return "";
  return node.kind === "string" ? node.value : unparsable(`"${name}" is not a string`, node.start);
}

/**
 * Kapacitor checks the ids of tasks and templates when they are created and not when they are changed, and makes paths of them that it cleans: with dot
 * segments the `|httpOut` of a task lands on the path of another object or on a route, and the entry of a template in its index on that of a task. What
 * is stored under such an id has no path of its own either, so nobody could take it away.
 */
export function judgeObjectId(what: "task" | "template" | "handler", id: string): Verdict {
  if (id === "" || !hasOddSegment(id)) return pass;
  const text = `the ${what} id ${JSON.stringify(id.slice(0, 80))} leads to something else; use an id without dot segments and slashes`;
  return deny("handler_disabled", text, { detail: { rule: "any" } });
}

/** What is stored, or that nothing is, or the verdict that it has to be asked for first or cannot be believed. */
export type Stored<T> =
  | Exclude<Reading<T>, { readonly kind: "unreadable" }>
  | Exclude<Verdict, { readonly kind: "pass" }>;

function lookUp<T>(inquiry: Inquiry, question: LookUp, read: (answer: StoredAnswer) => Reading<T>): Stored<T> {
  const fact = inquiry.facts.get(needKey(question));
  if (fact?.kind !== "stored") return need(question);
  const reading = read(fact.answer);
  return reading.kind === "unreadable" ? unreadable(describe(question), reading.text) : reading;
}

export function storedTask(inquiry: Inquiry, id: string): Stored<StoredTask> {
  return lookUp(inquiry, { kind: "task", id }, (answer) => readTask(answer, id));
}

export function storedTasks(inquiry: Inquiry): Stored<readonly ListedTask[]> {
  return lookUp(inquiry, { kind: "tasks" }, readTasks);
}

export function storedTemplate(inquiry: Inquiry, id: string): Stored<StoredTemplate> {
  return lookUp(inquiry, { kind: "template", id }, (answer) => readTemplate(answer, id));
}

export function storedHandler(inquiry: Inquiry, topic: string, id: string): Stored<StoredHandler> {
  return lookUp(inquiry, { kind: "handler", topic, id }, (answer) => readHandler(answer, topic, id));
}

export function storedSection(inquiry: Inquiry, name: string): Stored<StoredSection> {
  return lookUp(inquiry, { kind: "section", name }, readSection);
}

/** A 403 because of what Kapacitor answered. */
function unreadable(what: string, text: string): Deny {
  return deny("stored_state_unreadable", `this cannot be judged: what Kapacitor has stored as ${what} ${text}`);
}

function describe(question: LookUp): string {
  switch (question.kind) {
    case "tasks":
      return "its tasks";
    case "section":
      return `configuration section ${JSON.stringify(question.name)}`;
    case "handler":
      return `handler ${JSON.stringify(question.id)} of topic ${JSON.stringify(question.topic)}`;
    default:
      return `${question.kind} ${JSON.stringify(question.id)}`;
  }
}

/** The same refusal, with the kind of the handler that sends there. */
export function sentBy(handler: HandlerKindName): (refusal: Deny) => Deny {
  return (refusal) => ({ ...refusal, detail: { rule: "any", ...refusal.detail, handler } });
}

const unchanged = (refusal: Deny): Deny => refusal;

/** More names than this in one definition are not resolved. */
const mostNames = 32;
/** More addresses than this in one definition are not judged: each takes some microseconds, and everybody waits. */
const mostTargets = 10_000;

/** Judges addresses; `place` says where in the document a refused one stands. All names that are needed are asked for at once. */
export function judgeTargets(
  inquiry: Inquiry,
  targets: Iterable<{ readonly target: AlertTarget; readonly place?: (refusal: Deny) => Deny }>,
): Verdict {
  const names = new Set<string>();
  const facts: TargetFacts = {
    gateway: inquiry.gateway,
    addressesOf: (name) => {
      const fact = inquiry.facts.get(needKey({ kind: "addresses", name }));
      return fact?.kind === "addresses" ? fact.addresses : undefined;
    },
  };
  let judged = 0;
  for (const { target, place = unchanged } of targets) {
    if (++judged > mostTargets) {
      return place(deny("target_denied", `more than ${mostTargets} addresses in one definition are not judged`));
    }
    const verdict = judgeTarget(target, inquiry.rules.targets, facts);
    if (verdict.kind === "deny") return place(verdict);
    if (verdict.kind === "resolve") for (const name of verdict.names) names.add(name);
  }
  if (names.size > mostNames + inquiry.rules.targets.ownNames.size) {
    return deny("target_unresolvable", `more than ${mostNames} host names in one definition are not resolved`);
  }
  return names.size === 0 ? pass : need(...[...names].map((name): Need => ({ kind: "addresses", name })));
}

/** A value of a place for addresses: a string, or a list of strings. Anything else is nothing that Kapacitor takes there. */
export function addressTexts(node: JsonNode | undefined, name: string): readonly string[] | Deny {
  if (node === undefined || node.kind === "null") return [];
  const items = node.kind === "array" ? node.items : [node];
  const texts: string[] = [];
  for (const item of items) {
    if (item.kind !== "string") return unparsable(`"${name}" is not a string`, item.start);
    texts.push(item.value);
  }
  return texts;
}
