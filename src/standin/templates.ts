import { randomUUID } from "node:crypto";
import { type Answer, type Call, failure, link, noContent, pretty } from "./answer.ts";
import { readBody } from "./body.ts";
import { struct, text } from "./go-json-shapes.ts";
import type { Encodable } from "./go-json-write.ts";
import { joinPath } from "./go-url.ts";
import { listed } from "./listing.ts";
import { basePath, type Route } from "./mux.ts";
import { readScript } from "./script.ts";
import type { Store, StoredTemplate } from "./store.ts";
import { identifier, refuseViews, showDot, taskType } from "./tasks.ts";

const templatesPath = `${basePath}/templates`;
const prefix = `${templatesPath}/`;
const optionsShape = struct("client.CreateTemplateOptions", { id: text, type: taskType, script: text });

/** services/task_store/service.go, the routes under /templates. */
export function templateRoutes(store: Store): readonly Route[] {
  return [
    { method: "GET", pattern: templatesPath, handle: (call) => listTemplates(store, call) },
    { method: "POST", pattern: templatesPath, handle: (call) => createTemplate(store, call) },
    { method: "GET", pattern: prefix, handle: (call) => readTemplate(store, call) },
    { method: "PATCH", pattern: prefix, handle: (call) => updateTemplate(store, call) },
    { method: "DELETE", pattern: prefix, handle: (call) => deleteTemplate(store, call) },
    { method: "OPTIONS", pattern: prefix, handle: () => noContent },
  ];
}

const missingId = failure(400, "must specify template id on path");

function listTemplates(store: Store, call: Call): Answer {
  return (
    refuseViews(call, false) ??
    listed(call.query, {
      name: "templates",
      items: store.templates,
      fields: ["link", "id", "type", "script", "dot", "error", "created", "modified"],
      show: (template, field) => showTemplate(template)[field],
      unlimited: false,
    })
  );
}

function readTemplate(store: Store, call: Call): Answer {
  const id = call.path.slice(prefix.length);
  if (id === "") return missingId;
  const template = store.templates.get(id);
  if (template === undefined) return failure(404, "no template exists");
  return refuseViews(call, false) ?? pretty(showTemplate(template));
}

function createTemplate(store: Store, call: Call): Answer {
  const options = readBody(call, optionsShape);
  if (options === undefined) return failure(400, "invalid JSON");
  const id = options.id || randomUUID();
  if (!identifier.test(id)) {
    return failure(400, `template ID must contain only letters, numbers, '-', '.' and '_'. ${JSON.stringify(id)}`);
  }
  if (store.templates.has(id)) return failure(400, `template ${id} already exists`);
  const script = readScript(options.script);
  if (typeof script === "string") return failure(400, `invalid TICKscript: ${script}`);
  if (script.type === "invalid") return failure(400, "invalid task type: invalid");
  const now = new Date().toISOString();
  const template: StoredTemplate = { id, type: script.type, script: options.script, created: now, modified: now };
  store.templates.set(id, template);
  return pretty(showTemplate(template));
}

function updateTemplate(store: Store, call: Call): Answer {
  const id = call.path.slice(prefix.length);
  if (id === "") return missingId;
  const options = readBody(call, optionsShape);
  if (options === undefined) return failure(400, "invalid JSON");
  const original = store.templates.get(id);
  if (original === undefined) return failure(404, "template does not exist, cannot update");
  const newId = options.id || id;
  const source = options.script || original.script;
  const script = readScript(source);
  if (typeof script === "string") return failure(400, `invalid TICKscript: ${script}`);
  if (newId !== id && store.templates.has(newId)) {
    return failure(500, "failed to create new template for ID change: template already exists");
  }
  const type = options.type === "stream" || options.type === "batch" ? options.type : original.type;
  const template = { ...original, id: newId, type, script: source, modified: new Date().toISOString() };
  const tasks = store.associated(id);
  if (newId !== id) {
    store.templates.delete(id);
    store.dissociateAll(id);
  }
  store.templates.set(newId, template);
  reinstantiate(store, original, template, tasks);
  return pretty(showTemplate(template));
}

/** Every task of the template becomes what the template now says; Kapacitor restarts those that are enabled. */
function reinstantiate(store: Store, before: StoredTemplate, after: StoredTemplate, taskIds: readonly string[]): void {
  const [old, script] = [readScript(before.script), readScript(after.script)];
  if (typeof script === "string" || typeof old === "string") return;
  for (const id of taskIds) {
    const task = store.tasks.get(id);
    if (task === undefined) continue;
    store.associate(after.id, id);
    const dbrps = old.dbrps.length > 0 || script.dbrps.length > 0 ? script.dbrps : task.dbrps;
    store.tasks.set(id, { ...task, templateId: after.id, script: after.script, type: after.type, dbrps });
  }
}

function deleteTemplate(store: Store, call: Call): Answer {
  const id = call.path.slice(prefix.length);
  if (id === "") return missingId;
  store.templates.delete(id);
  store.dissociateAll(id);
  return noContent;
}

/** A template as the API shows it; without an evaluator its variables are not known. */
function showTemplate(template: StoredTemplate): Readonly<Record<string, Encodable>> {
  return {
    link: link(joinPath(templatesPath, template.id)),
    id: template.id,
    type: template.type,
    script: template.script,
    vars: {},
    dot: showDot(template.id, template.type),
    error: "",
    created: template.created,
    modified: template.modified,
  };
}
