/** Requests that define or change templates (services/task_store/service.go). */
import { type ParseResult, parseScript } from "../tickscript/parser.ts";
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
import { decidingVars, judgeScript } from "./inspect-script.ts";
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
  const old = open(inquiry, stored.object.script);
  const update = script === "" ? old : open(inquiry, script);
  const updated = judgeScript(inquiry, { ...update, vars: undefined, ...(script === "" ? { place } : {}) });
  if (updated.kind !== "pass") return updated;
  const restored = judgeScript(inquiry, { ...old, vars: undefined, place });
  if (restored.kind === "need") return restored;
  if (restored.kind === "pass" && update.deciding.size === 0 && old.deciding.size === 0) return pass;
  const tasks = storedTasks(inquiry);
  if (tasks.kind !== "found") return tasks.kind === "absent" ? pass : tasks;
  return firstOf(
    (function* () {
      const groups = alike(tasks.object, update.deciding);
      const enabled = alike(
        tasks.object.filter((task) => task.enabled),
        old.deciding,
      );
      yield judgeWork(id, groups.length * update.source.length + enabled.length * old.source.length);
      for (const [first] of groups) {
        const { id: task, vars } = first;
        yield judgeScript(inquiry, { ...update, vars, place: `with the vars of task ${JSON.stringify(task)}, ` });
      }
      yield judgeReturn(inquiry, id, old, enabled);
    })(),
  );
}

/** A script that is judged with many tasks. */
interface OpenScript {
  readonly source: string;
  readonly parsed: ParseResult;
  /** The vars that make a difference. */
  readonly deciding: ReadonlySet<string>;
}

function open(inquiry: Inquiry, source: string): OpenScript {
  const parsed = parseScript(source);
  return { source, parsed, deciding: decidingVars(inquiry, source, parsed) };
}

type Group = readonly [first: ListedTask, ...others: ListedTask[]];

/** Tasks by what they give for the vars that make a difference. */
function alike(tasks: readonly ListedTask[], deciding: ReadonlySet<string>): readonly Group[] {
  const groups = new Map<string, [ListedTask, ...ListedTask[]]>();
  for (const task of tasks) {
    const key = JSON.stringify([...deciding].map((name) => task.vars.get(name) ?? null));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  return [...groups.values()];
}

/** Characters of scripts, each judged with the vars of one task after the other: more would keep everybody else waiting. */
const mostWork = 20_000_000;

function judgeWork(id: string, work: number): Verdict {
  if (work <= mostWork) return pass;
  return deny(
    "stored_state_unreadable",
    `this cannot be judged: what template ${JSON.stringify(id)} does depends on the vars of too many tasks for a script of that length; write its addresses and end points as constants, or make it shorter`,
  );
}

/** More tasks than this are not looked up for one request. */
const mostTasks = 64;

/**
 * The way back: an enabled task that would be refused with the stored script may only be one that runs it already, because the template it names is
 * this one.
 */
function judgeReturn(inquiry: Inquiry, id: string, old: OpenScript, groups: readonly Group[]): Verdict {
  const refused: { readonly task: string; readonly text: string }[] = [];
  for (const group of groups) {
    const verdict = judgeScript(inquiry, { ...old, vars: group[0].vars });
    if (verdict.kind === "need") return verdict;
    if (verdict.kind === "deny") for (const { id: task } of group) refused.push({ task, text: verdict.text });
    if (refused.length > mostTasks) return returnRefused(id, verdict.kind === "deny" ? verdict.text : "");
  }
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
