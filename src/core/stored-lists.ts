/**
 * Everything that Kapacitor has stored, list by list: the paths to ask for it, and the reading of the answers. As with single objects an answer is believed
 * only when it has the shape of that list; an entry that has not is kept as one that cannot be read, because it may be the one that matters.
 */
import type { JsonNode } from "./json.ts";
import { readMap } from "./json-readers.ts";
import type { TaskVar } from "./script-report.ts";
import { readTaskVars } from "./script-vars.ts";
import { handlerDocument, type Reading, readAnswer, type StoredAnswer, textOf } from "./stored-state.ts";

const base = "/kapacitor/v1";

/** Kinds of stored objects, in the order of reports; `accepted` names them in the same words. */
export const storedKinds = ["task", "template", "handler", "config", "flux-task"] as const;
export type StoredKind = (typeof storedKinds)[number];

/** An entry of a list, or that it is none. */
export type Entry<T> =
  | { readonly ok: true; readonly id: string; readonly object: T }
  /** The text starts in the middle of a sentence. */
  | { readonly ok: false; readonly id: string | undefined; readonly text: string };

/** A part of a list that Kapacitor sorts by the bytes of its ids. */
export interface ListPart {
  readonly offset: number;
  readonly limit: number;
}

export interface AuditedTask {
  readonly enabled: boolean;
  readonly script: string;
  readonly vars: ReadonlyMap<string, TaskVar>;
}

export interface AuditedTemplate {
  readonly script: string;
}

export interface AuditedFluxTask {
  readonly active: boolean;
}

/** One element of a section of the configuration. */
export interface AuditedElement {
  readonly section: string;
  readonly options: ReadonlyMap<string, JsonNode>;
}

export function taskListPath({ offset, limit }: ListPart): string {
  const fields = "fields=status&fields=script&fields=vars&script-format=raw";
  return `${base}/tasks?${fields}&offset=${offset}&limit=${limit}`;
}

export function templateListPath({ offset, limit }: ListPart): string {
  return `${base}/templates?fields=script&script-format=raw&offset=${offset}&limit=${limit}`;
}

export const topicListPath = `${base}/alerts/topics?min-level=OK`;

/** undefined for what cannot be the topic of a stored handler (services/alert/dao.go), or has no path with one reading. */
export function handlerListPath(topic: string): string | undefined {
  if (!/^[-:._\p{L}0-9]+$/u.test(topic) || topic === "." || topic === "..") return undefined;
  return `${base}/alerts/topics/${encodeURIComponent(topic)}/handlers`;
}

export const configPath = `${base}/config`;

/** Flux tasks come behind the one that was last (task/http/task_service.go, 1.6 and later). */
export function fluxListPath(after: string | undefined, limit: number): string {
  return `${base}/api/v2/tasks?limit=${limit}${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`;
}

export function readTaskList(answer: StoredAnswer): Reading<readonly Entry<AuditedTask>[]> {
  return readList(answer, "tasks", (item, id): Entry<AuditedTask> => {
    const status = textOf(item, "status");
    const script = textOf(item, "script");
    const members = readMap(item);
    const vars = members.ok ? readTaskVars(members.entries.get("vars")) : members;
    if ((status !== "enabled" && status !== "disabled") || !script) return no(id, "is not shown as a task");
    if (!vars.ok) return no(id, `has vars of which one ${vars.text}`);
    return { ok: true, id, object: { enabled: status === "enabled", script, vars: vars.vars } };
  });
}

/** Kapacitor shows a template that it cannot compile as `{}`. */
export function readTemplateList(answer: StoredAnswer): Reading<readonly Entry<AuditedTemplate>[]> {
  return readList(answer, "templates", (item, id): Entry<AuditedTemplate> => {
    const script = textOf(item, "script");
    return script ? { ok: true, id, object: { script } } : no(id, "is not shown as a template");
  });
}

export function readFluxList(answer: StoredAnswer): Reading<readonly Entry<AuditedFluxTask>[]> {
  if (answer.status === 404) return { kind: "absent" };
  return readList(answer, "tasks", (item, id): Entry<AuditedFluxTask> => {
    const status = textOf(item, "status");
    if (status !== "active" && status !== "inactive") return no(id, "is not shown as a Flux task");
    return { ok: true, id, object: { active: status === "active" } };
  });
}

export function readTopicList(answer: StoredAnswer): Reading<readonly Entry<undefined>[]> {
  return readList(answer, "topics", (_, id) => ({ ok: true, id, object: undefined }));
}

/**
 * The handlers of a topic, each as the document that {@link judgeHandler} reads. One without an id and a kind is what a kapacitord with -disable-handlers shows
 * in place of a handler that it does not run (services/alert/service.go, createHandlerFromSpec).
 */
export function readHandlerList(answer: StoredAnswer, topic: string): Reading<readonly Entry<JsonNode>[]> {
  const reading = readAnswer(answer, "\0");
  if (reading.kind !== "found") return reading;
  if (textOf(reading.object, "topic") !== topic) return { kind: "unreadable", text: "is not that list" };
  return readItems(reading.object, "handlers", (item, id): Entry<JsonNode> => {
    const document = handlerDocument(item, topic, id);
    return document === undefined ? no(id, "is not shown as a handler") : { ok: true, id, object: document };
  });
}

/** 403: `[config-override] enabled = false`, Kapacitor shows nothing and nothing can be changed; `absent`. */
export function readConfigList(answer: StoredAnswer): Reading<readonly Entry<AuditedElement>[]> {
  if (answer.status === 403) return { kind: "absent" };
  const reading = readAnswer(answer, "\0");
  if (reading.kind !== "found") return reading;
  const members = readMap(reading.object);
  const list = members.ok ? members.entries.get("sections") : undefined;
  const sections = list?.kind === "object" ? readMap(list) : undefined;
  if (sections?.ok !== true) return { kind: "unreadable", text: "is not the configuration" };
  const elements: Entry<AuditedElement>[] = [];
  for (const [section, node] of sections.entries) elements.push(...readElements(section, node));
  return { kind: "found", object: elements };
}

function readElements(section: string, node: JsonNode): readonly Entry<AuditedElement>[] {
  const members = readMap(node);
  const list = members.ok ? members.entries.get("elements") : undefined;
  if (list?.kind === "null") return [];
  if (list?.kind !== "array") return [no(section, "is not shown as a section")];
  return list.items.map((item): Entry<AuditedElement> => {
    const element = readMap(item);
    const options = element.ok ? element.entries.get("options") : undefined;
    const read = options?.kind === "object" ? readMap(options) : undefined;
    if (read?.ok !== true) return no(section, "has an element that is not shown as one");
    return { ok: true, id: section, object: { section, options: read.entries } };
  });
}

function readList<T>(
  answer: StoredAnswer,
  name: string,
  readItem: (item: JsonNode, id: string) => Entry<T>,
): Reading<readonly Entry<T>[]> {
  const reading = readAnswer(answer, "\0");
  return reading.kind === "found" ? readItems(reading.object, name, readItem) : reading;
}

function readItems<T>(
  object: JsonNode,
  name: string,
  readItem: (item: JsonNode, id: string) => Entry<T>,
): Reading<readonly Entry<T>[]> {
  const members = readMap(object);
  const list = members.ok ? members.entries.get(name) : undefined;
  if (list?.kind !== "array") return { kind: "unreadable", text: "is not that list" };
  return {
    kind: "found",
    object: list.items.map((item) => {
      const id = textOf(item, "id");
      return id ? readItem(item, id) : no(undefined, "is shown without an id");
    }),
  };
}

function no(id: string | undefined, text: string): Entry<never> {
  return { ok: false, id, text };
}
