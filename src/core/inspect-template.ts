/** Requests that define or change templates (services/task_store/service.go). */
import { deny } from "./decision.ts";
import {
  firstOf,
  type Inquiry,
  judgeObjectId,
  need,
  pass,
  storedTask,
  storedTasks,
  storedTemplate,
  stringMember,
  unparsable,
  type Verdict,
} from "./inspect-parts.ts";
import { dependsOnVars, judgeScript } from "./inspect-script.ts";
import type { JsonNode } from "./json.ts";
import { readStruct } from "./json-readers.ts";
import type { ListedTask, Need } from "./stored-state.ts";

const templateFields = ["id", "type", "script"];

/** `POST /templates`: nothing runs yet; what depends on the vars of a task is judged with the task. */
export function judgeTemplateCreation(inquiry: Inquiry, node: JsonNode): Verdict {
  const body = readTemplateBody(node);
  if ("kind" in body) return body;
  return firstOf(
    (function* () {
      yield judgeObjectId("template", body.id);
      if (body.script !== "") yield judgeScript(inquiry, { source: body.script, vars: undefined });
    })(),
  );
}

/**
 * `PATCH /templates/ID`, a new script or a new id: Kapacitor gives the script to every task of the template and restarts those that are enabled. When
 * one of them does not start, it gives the stored script back to all that it had changed and restarts those. Which tasks follow a template cannot be
 * asked for (a task that moved to another template, or failed to be created, still does), so every task may.
 */
export function judgeTemplateChange(inquiry: Inquiry, id: string, node: JsonNode): Verdict {
  const body = readTemplateBody(node);
  if ("kind" in body) return body;
  const { script } = body;
  return firstOf(
    (function* () {
      yield judgeObjectId("template", body.id);
      // Kapacitor need not be asked about a script that no vars could make right.
      if (script !== "") yield judgeScript(inquiry, { source: script, vars: undefined });
      yield judgeRestarts(inquiry, id, script);
    })(),
  );
}

function judgeRestarts(inquiry: Inquiry, id: string, script: string): Verdict {
  const stored = storedTemplate(inquiry, id);
  if (stored.kind === "absent") return pass;
  if (stored.kind !== "found") return stored;
  const place = `template ${JSON.stringify(id)} as stored, `;
  const old = stored.object.script;
  const update = script === "" ? old : script;
  const updated = judgeScript(inquiry, { source: update, vars: undefined, ...(script === "" ? { place } : {}) });
  if (updated.kind !== "pass") return updated;
  const restored = judgeScript(inquiry, { source: old, vars: undefined, place });
  if (restored.kind === "need") return restored;
  if (restored.kind === "pass" && !dependsOnVars(inquiry, update) && !dependsOnVars(inquiry, old)) return pass;
  const tasks = storedTasks(inquiry);
  if (tasks.kind !== "found") return tasks.kind === "absent" ? pass : tasks;
  return firstOf(
    (function* () {
      for (const { id: task, vars } of tasks.object) {
        yield judgeScript(inquiry, { source: update, vars, place: `with the vars of task ${JSON.stringify(task)}, ` });
      }
      yield judgeReturn(inquiry, id, old, tasks.object);
    })(),
  );
}

/** More tasks than this are not looked up for one request. */
const mostTasks = 64;

/**
 * The way back: an enabled task that would be refused with the stored script may only be one that runs it already, because the template it names is
 * this one.
 */
function judgeReturn(inquiry: Inquiry, id: string, old: string, tasks: readonly ListedTask[]): Verdict {
  const refused: { readonly task: string; readonly text: string }[] = [];
  for (const { id: task, enabled, vars } of tasks) {
    if (!enabled) continue;
    const verdict = judgeScript(inquiry, { source: old, vars });
    if (verdict.kind === "need") return verdict;
    if (verdict.kind === "deny") refused.push({ task, text: verdict.text });
  }
  if (refused.length > mostTasks) return returnRefused(id, refused[0]?.text ?? "");
  const missing: Need[] = [];
  for (const { task, text } of refused) {
    const stored = storedTask(inquiry, task);
    if (stored.kind === "need") missing.push(...stored.needs);
    else if (stored.kind === "deny") return stored;
    else if (stored.kind === "found" && stored.object.templateId !== id) return returnRefused(id, text);
  }
  return missing.length === 0 ? pass : need(...missing);
}

function returnRefused(id: string, text: string) {
  return deny(
    "handler_disabled",
    `template ${JSON.stringify(id)} cannot be changed: were a task not to start with the change, Kapacitor would start tasks with the script as it is stored, which is refused; delete the template and define it again. ${text}`,
  );
}

function readTemplateBody(
  node: JsonNode,
): { readonly id: string; readonly script: string } | Exclude<Verdict, { kind: "pass" }> {
  const members = readStruct(node, templateFields);
  if (!members.ok) return unparsable(members.text, members.offset);
  const id = stringMember(members, "id");
  if (typeof id !== "string") return id;
  const script = stringMember(members, "script");
  return typeof script === "string" ? { id, script } : script;
}
