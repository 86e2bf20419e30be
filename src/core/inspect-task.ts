/** Requests that define, change or replay tasks (services/task_store/service.go, services/replay/service.go). */
import {
  firstOf,
  type Inquiry,
  judgeObjectId,
  pass,
  storedTask,
  storedTemplate,
  stringMember,
  unparsable,
  type Verdict,
} from "./inspect-parts.ts";
import { judgeScript } from "./inspect-script.ts";
import type { JsonNode } from "./json.ts";
import { type Members, readStruct } from "./json-readers.ts";
import type { TaskVar } from "./script-report.ts";
import { readTaskVars } from "./script-vars.ts";

const taskFields = ["id", "template-id", "type", "dbrps", "script", "status", "vars"];

interface TaskBody {
  readonly id: string;
  readonly templateId: string;
  readonly script: string;
  readonly vars: ReadonlyMap<string, TaskVar>;
}

/** `POST /tasks`: the script is the body's, or, as soon as a template is named, the template's. */
export function judgeTaskCreation(inquiry: Inquiry, node: JsonNode): Verdict {
  const body = readTaskBody(node);
  if ("kind" in body) return body;
  const { templateId, script, vars } = body;
  return firstOf(
    (function* () {
      yield judgeObjectId("task", body.id);
      if (script !== "") yield judgeScript(inquiry, { source: script, vars });
      if (templateId !== "") yield judgeTemplateUse(inquiry, templateId, vars);
    })(),
  );
}

/**
 * `PATCH /tasks/ID`: what the body leaves out is what is stored, and a task of a template runs the template whatever script it brings. Nothing but
 * `{"status":"disabled"}` passes unread.
 */
export function judgeTaskChange(inquiry: Inquiry, id: string, node: JsonNode): Verdict {
  if (isExactly(node, "status", ["disabled"])) return pass;
  const body = readTaskBody(node);
  if ("kind" in body) return body;
  return firstOf(
    (function* () {
      yield judgeObjectId("task", body.id);
      // Kapacitor need not be asked about a script that no vars could make right.
      if (body.script !== "") yield judgeScript(inquiry, { source: body.script, vars: undefined });
      yield judgeChangedTask(inquiry, id, body);
    })(),
  );
}

function judgeChangedTask(inquiry: Inquiry, id: string, body: TaskBody): Verdict {
  const stored = storedTask(inquiry, id);
  if (stored.kind === "absent") return pass;
  if (stored.kind !== "found") return stored;
  const vars = body.vars.size > 0 ? body.vars : stored.object.vars;
  const templateId = body.templateId || stored.object.templateId;
  if (templateId !== "") return judgeTemplateUse(inquiry, templateId, vars);
  if (body.script !== "") return judgeScript(inquiry, { source: body.script, vars });
  return judgeScript(inquiry, { source: stored.object.script, vars, place: `task ${JSON.stringify(id)} as stored, ` });
}

/** A template that is not there is Kapacitor's own 400. */
function judgeTemplateUse(inquiry: Inquiry, id: string, vars: ReadonlyMap<string, TaskVar>): Verdict {
  const template = storedTemplate(inquiry, id);
  if (template.kind === "absent") return pass;
  if (template.kind !== "found") return template;
  const place = `template ${JSON.stringify(id)} as stored, `;
  return judgeScript(inquiry, { source: template.object.script, vars, place });
}

/**
 * The three ways to start a replay: each runs the stored task with its real handlers, enabled or not. Kapacitor has loaded the task by the time it
 * answers, so nothing that is changed later is part of the replay.
 */
export function judgeReplay(inquiry: Inquiry, node: JsonNode): Verdict {
  const fields = ["id", "task", "recording", "recording-time", "clock", "start", "stop", "query", "cluster"];
  const members = readStruct(node, fields);
  if (!members.ok) return unparsable(members.text, members.offset);
  const id = stringMember(members, "task");
  if (typeof id !== "string") return id;
  if (id === "") return pass;
  const stored = storedTask(inquiry, id);
  if (stored.kind === "absent") return pass;
  if (stored.kind !== "found") return stored;
  const { script, vars } = stored.object;
  return judgeScript(inquiry, { source: script, vars, place: `task ${JSON.stringify(id)} as stored, ` });
}

/** Whether the body is one member with one of the values, and nothing else. */
export function isExactly(node: JsonNode, name: string, values: readonly string[]): boolean {
  if (node.kind !== "object" || node.members.length !== 1) return false;
  const [member] = node.members;
  return member?.name === name && member.value.kind === "string" && values.includes(member.value.value);
}

function readTaskBody(node: JsonNode): TaskBody | Exclude<Verdict, { kind: "pass" }> {
  const members = readStruct(node, taskFields);
  if (!members.ok) return unparsable(members.text, members.offset);
  const vars = readTaskVars(members.get("vars"));
  if (!vars.ok) return unparsable(vars.text, vars.offset);
  return readStrings(members, vars.vars);
}

function readStrings(
  members: Members,
  vars: ReadonlyMap<string, TaskVar>,
): TaskBody | Exclude<Verdict, { kind: "pass" }> {
  const id = stringMember(members, "id");
  if (typeof id !== "string") return id;
  const templateId = stringMember(members, "template-id");
  if (typeof templateId !== "string") return templateId;
  const script = stringMember(members, "script");
  if (typeof script !== "string") return script;
  return { id, templateId, script, vars };
}
