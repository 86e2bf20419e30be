import type { LookUp } from "../../src/core/stored-state.ts";

/** What Kapacitor answers to a look-up, and whether it is believed. */
export interface StoredAnswerCase {
  readonly story: string;
  /** A number of facts.ts. */
  readonly fact: string;
  readonly question: LookUp;
  readonly status: number;
  readonly body: string;
  readonly expect: "found" | "absent" | "unreadable";
}

const task: LookUp = { kind: "task", id: "t" };
const tasks: LookUp = { kind: "tasks" };
const template: LookUp = { kind: "template", id: "p" };
const handler: LookUp = { kind: "handler", topic: "ops", id: "h" };
const section: LookUp = { kind: "section", name: "smtp" };

type Row = readonly [
  story: string,
  question: LookUp,
  status: number,
  body: unknown,
  expect: StoredAnswerCase["expect"],
];

/** A task with `|httpOut('../victim')` answers in the place of another object, and one that stopped leaves no route: neither answer may count. */
const rows: readonly Row[] = [
  ["a task", task, 200, { id: "t", script: "stream", vars: {} }, "found"],
  ["a task of a template", task, 200, { id: "t", script: "stream", "template-id": "p", vars: {} }, "found"],
  ["no such task", task, 404, { error: "no task exists" }, "absent"],
  ["an end point that stands over the task", task, 200, { series: [{ name: "m" }] }, "unreadable"],
  ["another task", task, 200, { id: "u", script: "stream", vars: {} }, "unreadable"],
  ["no script", task, 200, { id: "t", vars: {} }, "unreadable"],
  ["an empty script", task, 200, { id: "t", script: "", vars: {} }, "unreadable"],
  ["a script that is no text", task, 200, { id: "t", script: ["stream"], vars: {} }, "unreadable"],
  ["the id twice", task, 200, '{"id":"u","script":"stream","id":"t"}', "unreadable"],
  ["a template id that is no text", task, 200, { id: "t", script: "stream", "template-id": 1 }, "unreadable"],
  ["vars that cannot be read", task, 200, { id: "t", script: "stream", vars: { a: { type: "x" } } }, "unreadable"],
  ["vars that Kapacitor could not show", task, 200, { id: "t", script: "stream", vars: null }, "unreadable"],
  ["a route that is gone", task, 404, { error: "Not Found" }, "unreadable"],
  ["an error", task, 500, { error: "no task exists" }, "unreadable"],
  ["a redirect", task, 301, "", "unreadable"],
  ["a success of another kind", task, 204, "", "unreadable"],
  ["no JSON", task, 200, "<html>", "unreadable"],
  ["half an answer", task, 200, '{"id":"t","script":"str', "unreadable"],
  ["data behind the answer", task, 200, '{"id":"t","script":"stream","vars":{}} {}', "unreadable"],
  ["all tasks", tasks, 200, { tasks: [{ id: "t", status: "enabled", vars: {} }] }, "found"],
  ["no tasks at all", tasks, 200, { tasks: [] }, "found"],
  ["an end point that stands over the list", tasks, 200, { series: [] }, "unreadable"],
  ["a list that cannot be made", tasks, 400, { error: "failed to list tasks" }, "unreadable"],
  ["a route of the list that is gone", tasks, 404, { error: "Not Found" }, "unreadable"],
  ["a task without an id", tasks, 200, { tasks: [{ status: "enabled", vars: {} }] }, "unreadable"],
  ["a task without a status", tasks, 200, { tasks: [{ id: "t", vars: {} }] }, "unreadable"],
  ["a task whose vars are missing", tasks, 200, { tasks: [{ id: "t", status: "enabled" }] }, "unreadable"],
  [
    "a task whose vars Kapacitor could not show",
    tasks,
    200,
    { tasks: [{ id: "t", status: "enabled", vars: null }] },
    "unreadable",
  ],
  ["a template", template, 200, { id: "p", script: "stream" }, "found"],
  ["no such template", template, 404, { error: "no template exists" }, "absent"],
  ["an end point that stands over the template", template, 200, { series: [] }, "unreadable"],
  ["another template", template, 200, { id: "q", script: "stream" }, "unreadable"],
  ["a handler", handler, 200, { id: "h", kind: "talk", options: {}, match: "" }, "found"],
  ["no such handler", handler, 404, { error: 'unknown handler: "h"' }, "absent"],
  ["an end point that stands over the handler", handler, 200, { series: [] }, "unreadable"],
  ["a handler that Kapacitor's own switch left empty", handler, 200, { id: "", kind: "", options: null }, "unreadable"],
  ["a kind in another spelling", handler, 200, { id: "h", kind: "talk", Kind: "exec" }, "unreadable"],
  ["a section", section, 200, { elements: [{ options: { enabled: false } }] }, "found"],
  ["no such section", section, 404, { error: "unknown section: smtp" }, "absent"],
  ["a configuration that is switched off", section, 403, { error: "not enabled" }, "unreadable"],
  ["a section without elements", section, 200, { options: {} }, "unreadable"],
  ["an element without options", section, 200, { elements: [{ redacted: [] }] }, "unreadable"],
];

export const storedAnswers: readonly StoredAnswerCase[] = rows.map(([story, question, status, body, expect]) => ({
  story,
  fact: "1.13",
  question,
  status,
  body: typeof body === "string" ? body : JSON.stringify(body),
  expect,
}));
