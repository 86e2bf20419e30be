import { randomUUID } from "node:crypto";
import { type Answer, type Call, failure, link, noContent, pretty } from "./answer.ts";
import { readBody } from "./body.ts";
import { type Decoded, list, struct, text, words, zeroTime } from "./go-json-shapes.ts";
import type { Encodable } from "./go-json-write.ts";
import { first, joinPath } from "./go-url.ts";
import { listed, omitted } from "./listing.ts";
import { basePath, type Route } from "./mux.ts";
import { readScript, type Script } from "./script.ts";
import type { Dbrp, Store, StoredTask, TaskType } from "./store.ts";
import { refuseVars, showVars, vars } from "./vars.ts";
import { isSince } from "./version.ts";

const tasksPath = `${basePath}/tasks`;
const prefix = `${tasksPath}/`;
export const identifier = /^[-._\p{L}0-9]+$/u;
export const taskType = words("TaskType", ["stream", "batch", "invalid"]);

const optionsShape = struct("client.CreateTaskOptions", {
  id: text,
  "template-id": text,
  type: taskType,
  dbrps: list(struct("client.DBRP", { db: text, rp: text }), "[]client.DBRP"),
  script: text,
  status: words("TaskStatus", ["enabled", "disabled"]),
  vars,
});
type Options = Decoded<typeof optionsShape>;

/** services/task_store/service.go, the routes under /tasks. */
export function taskRoutes(store: Store, version: string): readonly Route[] {
  return [
    { method: "GET", pattern: tasksPath, handle: (call) => listTasks(store, version, call) },
    { method: "POST", pattern: tasksPath, handle: (call) => createTask(store, call) },
    { method: "GET", pattern: prefix, handle: (call) => readTask(store, call) },
    { method: "PATCH", pattern: prefix, handle: (call) => updateTask(store, call) },
    { method: "DELETE", pattern: prefix, handle: (call) => deleteTask(store, call) },
    { method: "OPTIONS", pattern: prefix, handle: () => noContent },
  ];
}

function readTask(store: Store, call: Call): Answer {
  const id = call.path.slice(prefix.length);
  if (id === "") return failure(400, "must specify task id on path");
  const task = store.tasks.get(id);
  if (task === undefined) return failure(404, "no task exists");
  const refused = refuseViews(call, true);
  if (refused !== undefined) return refused;
  const replay = first(call.query, "replay-id");
  if (replay !== "" && replay !== "main") return failure(400, `no running replay with ID: ${replay}`);
  return pretty(showTask(task));
}

function listTasks(store: Store, version: string, call: Call): Answer {
  const withTemplate = isSince(version, "1.6.2");
  return (
    refuseViews(call, true) ??
    listed(call.query, {
      name: "tasks",
      items: store.tasks,
      fields: fieldNames.filter((name) => withTemplate || name !== "template-id"),
      show: (task, field) => {
        if (field !== "template-id") return showTask(task, null)[field];
        return withTemplate ? task.templateId || omitted : undefined;
      },
      unlimited: true,
    })
  );
}

/** Refuses a `script-format` or `dot-view` that does not exist. */
export function refuseViews(call: Call, withDot: boolean): Answer | undefined {
  const format = first(call.query, "script-format");
  if (!["", "formatted", "raw"].includes(format)) {
    return failure(400, `invalid script-format parameter ${JSON.stringify(format)}`);
  }
  const view = first(call.query, "dot-view");
  if (withDot && !["", "attributes", "labels"].includes(view)) {
    return failure(400, `invalid dot-view parameter ${JSON.stringify(view)}`);
  }
  return undefined;
}

function createTask(store: Store, call: Call): Answer {
  const options = readBody(call, optionsShape);
  if (options === undefined) return failure(400, "invalid JSON");
  const id = options.id || randomUUID();
  if (!identifier.test(id)) {
    return failure(400, `task ID must contain only letters, numbers, '-', '.' and '_'. ${JSON.stringify(id)}`);
  }
  if (store.tasks.has(id)) return failure(400, `task ${id} already exists`);
  const templateId = options["template-id"];
  const template = store.templates.get(templateId);
  if (templateId !== "" && template === undefined) {
    return failure(400, `unknown template ${templateId}: err: no template exists`);
  }
  if (template !== undefined) store.associate(templateId, id);
  const source = template?.script ?? options.script;
  if (source === "") return failure(400, "must provide TICKscript");
  const refusedVars = refuseVars(options.vars);
  if (refusedVars !== undefined) return failure(400, refusedVars);
  const script = readScript(source);
  if (typeof script === "string") return failure(400, `invalid TICKscript: ${script}`);
  if (script.type === "invalid") return failure(400, "invalid task type: invalid");
  const dbrps = options.dbrps ?? [];
  if (script.dbrps.length === 0 && dbrps.length === 0) return failure(400, "must specify dbrp");
  if (script.dbrps.length > 0 && dbrps.length > 0) {
    return failure(400, "cannot specify dbrp in both implicitly and explicitly");
  }
  const now = new Date().toISOString();
  const status = options.status === "enabled" ? "enabled" : "disabled";
  const task: StoredTask = {
    id,
    templateId,
    type: script.type,
    dbrps: script.dbrps.length > 0 ? script.dbrps : dbrps,
    script: source,
    status,
    vars: options.vars,
    created: now,
    modified: now,
    lastEnabled: status === "enabled" ? now : zeroTime,
  };
  store.tasks.set(id, task);
  return pretty(showTask(task));
}

function updateTask(store: Store, call: Call): Answer {
  const id = call.path.slice(prefix.length);
  if (id === "") return failure(400, "must specify task id on path");
  const options = readBody(call, optionsShape);
  if (options === undefined) return failure(400, "invalid JSON");
  const original = store.tasks.get(id);
  if (original === undefined) return failure(404, "task does not exist, cannot update");
  const newId = options.id || id;
  const templateId = options["template-id"] || original.templateId;
  const template = store.templates.get(templateId);
  if (templateId !== "" && template === undefined) {
    return failure(400, `unknown template ${options["template-id"]}: err: no template exists`);
  }
  if (template !== undefined && newId !== id) {
    store.dissociate(original.templateId, id);
    store.associate(templateId, newId);
  }
  const source = template?.script ?? (options.script || original.script);
  const script = readScript(source);
  if (typeof script === "string") return failure(400, `invalid TICKscript: ${script}`);
  const dbrps = updatedDbrps(original, options, script, template === undefined);
  if (typeof dbrps === "string") return failure(400, dbrps);
  const refusedVars = refuseVars(options.vars);
  if (refusedVars !== undefined) return failure(400, refusedVars);
  if (script.type === "invalid") return failure(400, "invalid task type: invalid");
  if (newId !== id && store.tasks.has(newId)) {
    return failure(500, "failed to create new task during ID change: object already exists");
  }
  const now = new Date().toISOString();
  const status = options.status === "enabled" || options.status === "disabled" ? options.status : original.status;
  const task: StoredTask = {
    ...original,
    id: newId,
    templateId,
    type: script.type,
    dbrps,
    script: source,
    status,
    vars: options.vars.size > 0 ? options.vars : original.vars,
    modified: now,
    lastEnabled: status === "enabled" && original.status !== "enabled" ? now : original.lastEnabled,
  };
  store.tasks.delete(id);
  store.tasks.set(newId, task);
  return pretty(showTask(task));
}

/** The databases after an update, or why there are none: the script's own win, and exclude those of the request. */
function updatedDbrps(
  original: StoredTask,
  options: Options,
  script: Script,
  ownScript: boolean,
): readonly Dbrp[] | string {
  const given = options.dbrps ?? [];
  const before = readScript(original.script);
  const had = typeof before !== "string" && before.dbrps.length > 0;
  if (ownScript && options.script !== "" && had && script.dbrps.length === 0 && given.length === 0) {
    return "must specify dbrp";
  }
  if (script.dbrps.length > 0 && given.length > 0) return "cannot specify dbrp in implicitly and explicitly";
  if (script.dbrps.length > 0) return script.dbrps;
  return given.length > 0 ? given : original.dbrps;
}

function deleteTask(store: Store, call: Call): Answer {
  const id = call.path.slice(prefix.length);
  if (id === "") return failure(400, "must specify task id on path");
  const task = store.tasks.get(id);
  if (task !== undefined) store.dissociate(task.templateId, id);
  store.tasks.delete(id);
  return noContent;
}

const fieldNames = [
  "link",
  "id",
  "template-id",
  "type",
  "dbrps",
  "script",
  "vars",
  "dot",
  "status",
  "executing",
  "error",
  "stats",
  "created",
  "modified",
  "last-enabled",
];

/** A task as the API shows it. The script is shown as it was given: the stand-in has no formatter. */
function showTask(task: StoredTask, idleStats: Encodable = {}): Readonly<Record<string, Encodable>> {
  const executing = task.status === "enabled";
  return {
    link: link(joinPath(tasksPath, task.id)),
    id: task.id,
    "template-id": task.templateId,
    type: task.type,
    dbrps: task.dbrps.map(({ db, rp }) => ({ db, rp })),
    script: task.script,
    vars: showVars(task.vars),
    dot: showDot(task.id, task.type),
    status: task.status,
    executing,
    error: "",
    stats: executing ? { "task-stats": new Map([["throughput", 0]]), "node-stats": new Map() } : idleStats,
    created: task.created,
    modified: task.modified,
    "last-enabled": task.lastEnabled,
  };
}

/** A graph with the source node only; the stand-in does not build the pipeline. */
export function showDot(id: string, type: TaskType): string {
  return `digraph ${id} {\n${type}0;\n}`;
}
