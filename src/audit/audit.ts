import { setImmediate } from "node:timers/promises";
import type { AlertRules } from "../core/alert-rules.ts";
import { type Deny, deny, type ScriptPlace } from "../core/decision.ts";
import { fluxRefusal } from "../core/inspect.ts";
import { switchNames } from "../core/inspect-config.ts";
import { judgeHandler } from "../core/inspect-handler.ts";
import type { Fact, Inquiry, Verdict } from "../core/inspect-parts.ts";
import {
  elementName,
  isOn,
  judgeStoredElement,
  judgeStoredTask,
  judgeStoredTemplate,
  topicsOfHandler,
  topicsOfScript,
} from "../core/inspect-stored.ts";
import type { JsonNode } from "../core/json.ts";
import * as lists from "../core/stored-lists.ts";
import { lookUpPath, type Need, needKey } from "../core/stored-state.ts";
import type { Upstream } from "../upstream/instance.ts";
import { askUpstream } from "../upstream/state.ts";
import { AuditStop, listParts, type Questions, wholeList } from "./questions.ts";
import { type Reach, removalOf } from "./removal.ts";
import {
  type AuditFinding,
  type AuditReport,
  mostFindings,
  objectName,
  type StoredName,
  type StoredState,
} from "./report.ts";

/** What an audit works with. */
export interface AuditSubject {
  readonly instance: string;
  readonly upstream: Upstream;
  /** undefined: the instance has no alert policy. */
  readonly rules: AlertRules | undefined;
  /** `task:cleanup`: what the operator knows. */
  readonly accepted: readonly string[];
  readonly reach: Reach;
  /** Finds the addresses of names; empty when there are none. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  readonly signal?: AbortSignal;
  /** How long the audit may take, in milliseconds. */
  readonly limitMs?: number;
}

const longest = 300_000;
/** Names whose addresses are remembered at a time, and topics that are followed although Kapacitor does not list them. */
const mostNames = 1000;
const mostNotes = 20;
const mostRounds = 8;

/**
 * Looks through everything that a Kapacitor has stored and tells what the policy would refuse. Reads only, one question at a time, list by list, in bounded
 * memory and time. Never rejects: what keeps it from going on is the report's failure.
 */
export async function auditInstance(subject: AuditSubject): Promise<AuditReport> {
  const began = Date.now();
  const limit = AbortSignal.timeout(subject.limitMs ?? longest);
  const signal = subject.signal === undefined ? limit : AbortSignal.any([subject.signal, limit]);
  const audit = new Audit(subject, { upstream: subject.upstream, signal });
  let failure: AuditReport["failure"];
  try {
    await audit.run();
  } catch (error) {
    if (!(error instanceof AuditStop)) throw error;
    const { reason, text } = limit.aborted ? tooLong(subject.limitMs ?? longest) : error.decision;
    failure = { reason, text, cause: error.message };
  }
  return audit.report(began, failure);
}

function tooLong(limitMs: number): Deny {
  return deny("upstream_timeout", `the audit took longer than ${Math.round(limitMs / 1000)} s`);
}

class Audit {
  readonly #subject: AuditSubject;
  readonly #questions: Questions;
  readonly #facts = new Map<string, Fact>();
  readonly #topics = new Set<string>();
  readonly #accepted = new Map<string, AuditFinding | undefined>();
  readonly #findings: AuditFinding[] = [];
  readonly #notes: string[] = [];
  readonly #audited: Record<lists.StoredKind, number> = { task: 0, template: 0, handler: 0, config: 0, "flux-task": 0 };
  #findingCount = 0;
  #followed = 0;

  constructor(subject: AuditSubject, questions: Questions) {
    this.#subject = subject;
    this.#questions = questions;
    for (const name of subject.accepted) this.#accepted.set(name, undefined);
  }

  /** Goes through all lists. One that cannot be read does not keep the others from being read. */
  async run(): Promise<void> {
    const { rules } = this.#subject;
    if (rules === undefined) return;
    let first: AuditStop | undefined;
    for (const read of [this.#tasks, this.#templates, this.#handlers, this.#configuration, this.#fluxTasks]) {
      try {
        await read.call(this, rules);
      } catch (error) {
        if (!(error instanceof AuditStop) || error.decision.reason !== "stored_state_unreadable") throw error;
        first ??= error;
      }
    }
    if (first !== undefined) throw first;
  }

  report(began: number, failure: AuditReport["failure"]): AuditReport {
    const { instance, upstream, rules } = this.#subject;
    const isComplete = failure === undefined && rules !== undefined;
    return {
      instance,
      url: upstream.origin.origin,
      time: new Date(began).toISOString(),
      durationMs: Date.now() - began,
      hasPolicy: rules !== undefined,
      audited: this.#audited,
      findings: this.#findings,
      findingCount: this.#findingCount,
      accepted: [...this.#accepted.values()].filter((finding) => finding !== undefined),
      unused: isComplete ? [...this.#accepted].filter(([, found]) => found === undefined).map(([name]) => name) : [],
      notes: this.#notes,
      failure,
    };
  }

  async #tasks(): Promise<void> {
    for await (const part of listParts(this.#questions, "tasks", lists.taskListPath, lists.readTaskList)) {
      for (const entry of part) {
        const object = { kind: "task", name: entry.id ?? "" } as const;
        if (!entry.ok) {
          this.#unreadable(object, entry.text);
          continue;
        }
        const { id, object: task } = entry;
        for (const topic of topicsOfScript(task)) this.#follow(topic);
        const verdict = await this.#judge(object, (inquiry) => judgeStoredTask(inquiry, id, task));
        this.#note(object, verdict, task.enabled ? "enabled" : "disabled");
      }
    }
  }

  async #templates(): Promise<void> {
    let hidden = false;
    for await (const part of listParts(this.#questions, "templates", lists.templateListPath, lists.readTemplateList)) {
      for (const entry of part) {
        const object = { kind: "template", name: entry.id ?? "" } as const;
        if (entry.ok) {
          this.#note(
            object,
            await this.#judge(object, (inquiry) => judgeStoredTemplate(inquiry, entry.object)),
            "stored",
          );
        } else if (entry.id === undefined) hidden = true;
        else this.#unreadable(object, entry.text);
      }
    }
    if (hidden) this.#remark("Kapacitor does not show templates that it cannot compile; its log names them");
  }

  /** Kapacitor lists topics; a deleted topic is not listed and keeps its handlers, so topics that are named somewhere are asked for as well. */
  async #handlers(): Promise<void> {
    const listed = await wholeList(this.#questions, lists.topicListPath, "topics", lists.readTopicList);
    const named = [...this.#topics];
    this.#topics.clear();
    for (const { id } of listed ?? []) if (id !== undefined) this.#topics.add(id);
    for (const topic of named) this.#topics.add(topic);
    // A set that grows while it is read: handlers name topics.
    for (const topic of this.#topics) await this.#handlersOf(topic);
  }

  async #handlersOf(topic: string): Promise<void> {
    const path = lists.handlerListPath(topic);
    if (path === undefined) return;
    for (const entry of await this.#handlerEntries(topic, path)) {
      const object = { kind: "handler", name: `${topic}/${entry.id ?? ""}` } as const;
      if (entry.ok) {
        for (const name of topicsOfHandler(entry.object)) this.#follow(name);
        this.#note(object, await this.#judge(object, (inquiry) => judgeHandler(inquiry, entry.object)), "active");
      } else if (entry.id === undefined) {
        const shown = JSON.stringify(topic);
        this.#remark(
          `topic ${shown} has a handler that kapacitord neither runs nor shows, because of its own -disable-handlers`,
        );
      } else this.#unreadable(object, entry.text);
    }
  }

  /** A task can lay a path of its own over the list of one topic (`|httpOut`): that is a finding, and the other topics are read. */
  async #handlerEntries(topic: string, path: string): Promise<readonly lists.Entry<JsonNode>[]> {
    try {
      const what = `handlers of topic ${JSON.stringify(topic)}`;
      return (await wholeList(this.#questions, path, what, (answer) => lists.readHandlerList(answer, topic))) ?? [];
    } catch (error) {
      if (!(error instanceof AuditStop) || error.decision.reason !== "stored_state_unreadable") throw error;
      return [{ ok: false, id: "*", text: "is a list that cannot be believed; a task may lie over it (|httpOut)" }];
    }
  }

  async #configuration(): Promise<void> {
    const elements = await wholeList(this.#questions, lists.configPath, "configuration", lists.readConfigList);
    if (elements === undefined) {
      this.#remark("Kapacitor does not show its configuration ([config-override] enabled = false in kapacitor.conf)");
    }
    for (const entry of elements ?? []) {
      if (!entry.ok) {
        this.#unreadable({ kind: "config", name: entry.id ?? "" }, entry.text);
        continue;
      }
      const element = entry.object;
      const { section, options } = element;
      const name = elementName(element);
      const object = { kind: "config", name: name === "" ? section : `${section}/${name}` } as const;
      const state = isOn(options, "global") ? "global" : isOn(options, "enabled") ? "enabled" : "stored";
      const verdict = await this.#judge(object, (inquiry) => judgeStoredElement(inquiry, element));
      this.#note(
        object,
        verdict,
        state,
        switchNames.filter((switchName) => options.has(switchName)),
      );
    }
  }

  async #fluxTasks(rules: AlertRules): Promise<void> {
    if (rules.fluxTasks) return;
    const limit = 100;
    for (let after: string | undefined; ; ) {
      const path = lists.fluxListPath(after, limit);
      const tasks = (await wholeList(this.#questions, path, "Flux tasks", lists.readFluxList)) ?? [];
      for (const entry of tasks) {
        const object = { kind: "flux-task", name: entry.id ?? "" } as const;
        this.#audited["flux-task"]++;
        if (entry.ok) this.#note(object, fluxRefusal, entry.object.active ? "active" : "inactive");
        else this.#unreadable(object, entry.text);
      }
      const end = tasks.at(-1)?.id;
      if (tasks.length < limit || end === undefined || end === after) return;
      after = end;
    }
  }

  #follow(topic: string): void {
    if (this.#topics.has(topic) || this.#followed >= mostNames) return;
    this.#followed++;
    this.#topics.add(topic);
  }

  #remark(text: string): void {
    if (this.#notes.length < mostNotes) this.#notes.push(text);
  }

  /** Judges an object, with the addresses of the names that it asks for. */
  async #judge({ kind }: StoredName, judge: (inquiry: Inquiry) => Verdict): Promise<Deny | undefined> {
    const { rules } = this.#subject;
    if (rules === undefined) return undefined;
    this.#audited[kind]++;
    // Judging is work of this process alone: whoever else waits for it has a turn between two objects.
    await setImmediate();
    if (this.#questions.signal.aborted) throw new AuditStop(deny("upstream_timeout"), "ended");
    if (this.#facts.size > mostNames) this.#facts.clear();
    for (let round = 0; round < mostRounds; round++) {
      const verdict = judge({ rules, facts: this.#facts, gateway: undefined });
      if (verdict.kind === "pass") return undefined;
      if (verdict.kind === "deny") return verdict;
      for (const question of verdict.needs) {
        this.#facts.set(needKey(question), await this.#find(question));
      }
    }
    return deny("stored_state_unreadable");
  }

  /** An audit has every object that it judges; what may be missing are addresses, and the sections that scripts name. */
  async #find(question: Need): Promise<Fact> {
    const { resolve } = this.#subject;
    if (question.kind === "addresses") return { kind: "addresses", addresses: await resolve(question.name) };
    const path = question.kind === "section" ? lookUpPath(question) : undefined;
    if (path === undefined) throw new AuditStop(deny("internal_error"), `${question.kind} is asked for`);
    const { upstream, signal } = this.#questions;
    const outcome = await askUpstream(upstream, path, { signal });
    if (outcome.kind !== "answer") throw new AuditStop(outcome.decision, outcome.cause);
    return { kind: "stored", answer: outcome.answer };
  }

  #unreadable(object: StoredName, text: string): void {
    const refusal = deny("stored_state_unreadable", `this cannot be judged: it ${text}`);
    this.#audited[object.kind]++;
    this.#note(object, refusal, "stored");
  }

  #note(object: StoredName, refusal: Deny | undefined, state: StoredState, switches: readonly string[] = []): void {
    if (refusal === undefined) return;
    const { reason, detail, text } = refusal;
    const finding: AuditFinding = {
      ...object,
      object: objectName(object),
      state,
      reason,
      text: text.split("\n", 1)[0] ?? "",
      ...(detail?.handler === undefined ? {} : { handler: detail.handler }),
      ...(detail?.place === undefined ? {} : placeOf(detail.place)),
      remove: removalOf(this.#subject.reach, object, switches),
    };
    if (this.#accepted.has(finding.object)) {
      this.#accepted.set(finding.object, finding);
      return;
    }
    this.#findingCount++;
    if (this.#findings.length < mostFindings) this.#findings.push(finding);
  }
}

function placeOf({ line, column }: ScriptPlace): Pick<ScriptPlace, "line" | "column"> {
  return { line, column };
}
