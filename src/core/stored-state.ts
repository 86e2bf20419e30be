/**
 * What a judgement may have to know beyond the request: the body, and what Kapacitor has stored. The paths to ask for it, and the reading of the answers.
 * An answer is believed only when it has exactly the shape of the object that was asked for: a task can register a path of its own over that of
 * another object (`|httpOut`), and take routes away.
 */
import { type JsonNode, parseJson } from "./json.ts";
import { readMap, readStruct } from "./json-readers.ts";
import type { TaskVar } from "./script-report.ts";
import { readTaskVars, type TaskVarsReading } from "./script-vars.ts";

/** Something that is looked up in Kapacitor. */
export type LookUp =
  | { readonly kind: "task"; readonly id: string }
  /** All of them, for their vars and status. */
  | { readonly kind: "tasks" }
  | { readonly kind: "template"; readonly id: string }
  | { readonly kind: "handler"; readonly topic: string; readonly id: string }
  | { readonly kind: "section"; readonly name: string };

export type Need = { readonly kind: "body" } | LookUp | { readonly kind: "addresses"; readonly name: string };

/** Equal for equal needs. */
export function needKey(need: Need): string {
  return JSON.stringify(Object.values(need));
}

/** Status and body of Kapacitor's answer to a look-up, less than the limit in size. */
export interface StoredAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

const base = "/kapacitor/v1";

/** The path that answers a look-up; undefined when the object has no path with one reading (Kapacitor's mux cleans paths and redirects). */
export function lookUpPath(need: LookUp): string | undefined {
  switch (need.kind) {
    case "task":
      return objectPath("tasks", need.id, "?script-format=raw");
    case "tasks":
      return `${base}/tasks?fields=status&fields=vars&limit=-1`;
    case "template":
      return objectPath("templates", need.id, "?script-format=raw");
    case "handler":
      return objectPath(`alerts/topics/${encodeURIComponent(need.topic)}/handlers`, need.id, "");
    case "section":
      return objectPath("config", need.name, "");
  }
}

function objectPath(parent: string, id: string, query: string): string | undefined {
  if (!id.isWellFormed() || hasOddSegment(id)) return undefined;
  return `${base}/${parent}/${id.split("/").map(encodeURIComponent).join("/")}${query}`;
}

/** Whether path.Join would change what an id stands for, as a part of a path: empty, `.` and `..` segments. */
export function hasOddSegment(id: string): boolean {
  return id.split("/").some((segment) => segment === "" || segment === "." || segment === "..");
}

export type Reading<T> =
  | { readonly kind: "found"; readonly object: T }
  /** Kapacitor says itself that there is none. */
  | { readonly kind: "absent" }
  /** Starts in the middle of a sentence. */
  | { readonly kind: "unreadable"; readonly text: string };

export interface StoredTask {
  readonly templateId: string;
  readonly script: string;
  readonly vars: ReadonlyMap<string, TaskVar>;
}

export interface StoredTemplate {
  readonly script: string;
}

export interface ListedTask {
  readonly id: string;
  readonly enabled: boolean;
  readonly vars: ReadonlyMap<string, TaskVar>;
}

/** A topic handler as the document that a patch is applied to: `id topic kind options match`. */
export interface StoredHandler {
  readonly document: JsonNode;
}

/** Name and options of each element of a section of the configuration. */
export type StoredSection = readonly ReadonlyMap<string, JsonNode>[];

const unreadable = (text: string): { readonly kind: "unreadable"; readonly text: string } => ({
  kind: "unreadable",
  text,
});

/** A list of ten thousand tasks with twenty vars each stays below this. */
const mostStoredValues = 2_000_000;

/** Parses an answer; `absentText` is how Kapacitor begins the error of an object that does not exist, which tells it from a route that is gone. */
export function readAnswer(answer: StoredAnswer, absentText: string): Reading<JsonNode> {
  const parsed = parseJson(answer.body, { size: Number.MAX_SAFE_INTEGER, values: mostStoredValues });
  if (!parsed.ok) return unreadable("is not JSON with one reading");
  if (answer.status === 200) return { kind: "found", object: parsed.value };
  const error = textOf(parsed.value, "error");
  if (answer.status === 404 && error?.startsWith(absentText) === true) return { kind: "absent" };
  return unreadable(`came with status ${answer.status}`);
}

/** The value of a member that is a string. */
export function textOf(node: JsonNode, name: string): string | undefined {
  const members = readMap(node);
  const value = members.ok ? members.entries.get(name) : undefined;
  return value?.kind === "string" ? value.value : undefined;
}

/** Kapacitor leaves an empty template-id out. */
export function readTask(answer: StoredAnswer, id: string): Reading<StoredTask> {
  const reading = readAnswer(answer, "no task exists");
  if (reading.kind !== "found") return reading;
  const script = textOf(reading.object, "script");
  if (textOf(reading.object, "id") !== id || !script) return unreadable("is not that task");
  const members = readMap(reading.object);
  const vars = members.ok ? readStoredVars(members.entries) : members;
  if (!vars.ok) return unreadable(`has vars that cannot be read: ${vars.text}`);
  const template = members.ok ? members.entries.get("template-id") : undefined;
  if (template !== undefined && template.kind !== "string") return unreadable("is not that task");
  return { kind: "found", object: { script, templateId: template?.value ?? "", vars: vars.vars } };
}

/** Kapacitor shows an empty object for no vars, and in its list `null` for vars that it cannot show. */
function readStoredVars(fields: ReadonlyMap<string, JsonNode>): TaskVarsReading {
  const node = fields.get("vars");
  return node?.kind === "object" ? readTaskVars(node) : { ok: false, text: "they are no object", offset: 0 };
}

export function readTemplate(answer: StoredAnswer, id: string): Reading<StoredTemplate> {
  const reading = readAnswer(answer, "no template exists");
  if (reading.kind !== "found") return reading;
  const script = textOf(reading.object, "script");
  return textOf(reading.object, "id") === id && script
    ? { kind: "found", object: { script } }
    : unreadable("is not that template");
}

export function readTasks(answer: StoredAnswer): Reading<readonly ListedTask[]> {
  const reading = readAnswer(answer, "\0");
  if (reading.kind !== "found") return reading;
  const members = readMap(reading.object);
  const list = members.ok ? members.entries.get("tasks") : undefined;
  if (list?.kind !== "array") return unreadable("is not the list of tasks");
  const tasks: ListedTask[] = [];
  for (const item of list.items) {
    const id = textOf(item, "id");
    const status = textOf(item, "status");
    const fields = readMap(item);
    const vars = fields.ok ? readStoredVars(fields.entries) : fields;
    if (!id || (status !== "enabled" && status !== "disabled") || !vars.ok) {
      return unreadable("is not the list of tasks");
    }
    tasks.push({ id, enabled: status === "enabled", vars: vars.vars });
  }
  return { kind: "found", object: tasks };
}

export function readHandler(answer: StoredAnswer, topic: string, id: string): Reading<StoredHandler> {
  const reading = readAnswer(answer, "unknown handler");
  if (reading.kind !== "found") return reading;
  const document = handlerDocument(reading.object, topic, id);
  return document === undefined ? unreadable("is not that handler") : { kind: "found", object: { document } };
}

/** A handler as Kapacitor shows it, as the document that it stores; undefined for anything but that handler. */
export function handlerDocument(object: JsonNode, topic: string, id: string): JsonNode | undefined {
  const members = readStruct(object, ["id", "kind", "options", "match"]);
  if (!members.ok || textOf(object, "id") !== id || !textOf(object, "kind")) return undefined;
  const place = { start: 0, end: 0 };
  const nothing: JsonNode = { kind: "null", ...place };
  const entries: readonly (readonly [string, JsonNode])[] = [
    ["id", { kind: "string", value: id, ...place }],
    ["topic", { kind: "string", value: topic, ...place }],
    ["kind", members.get("kind") ?? nothing],
    ["options", members.get("options") ?? nothing],
    ["match", members.get("match") ?? { kind: "string", value: "", ...place }],
  ];
  return {
    kind: "object",
    members: entries.map(([name, value]) => ({ name, value, offset: 0 })),
    ...place,
  };
}

export function readSection(answer: StoredAnswer): Reading<StoredSection> {
  const reading = readAnswer(answer, "unknown section");
  if (reading.kind !== "found") return reading;
  const members = readMap(reading.object);
  const list = members.ok ? members.entries.get("elements") : undefined;
  if (list?.kind === "null") return { kind: "found", object: [] };
  if (list?.kind !== "array") return unreadable("is not that section");
  const elements: ReadonlyMap<string, JsonNode>[] = [];
  for (const item of list.items) {
    const element = readMap(item);
    const node = element.ok ? element.entries.get("options") : undefined;
    const options = node?.kind === "object" ? readMap(node) : undefined;
    if (options?.ok !== true) return unreadable("is not that section");
    elements.push(options.entries);
  }
  return { kind: "found", object: elements };
}
