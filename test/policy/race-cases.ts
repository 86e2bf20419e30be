import { type Call, clean } from "./flow-cases.ts";

/** Two requests of which each is harmless for what is stored, and both together are not. */
export interface RaceCase {
  readonly story: string;
  /** Numbers of facts.ts. */
  readonly facts: readonly string[];
  readonly stored: readonly Call[];
  readonly first: Call;
  readonly second: Call;
}

const api = "/kapacitor/v1";
const call = (method: string, path: string, body: unknown): Call => ({
  method,
  path: api + path,
  body: Buffer.from(JSON.stringify(body)),
});
const dbrps = [{ db: "d", rp: "r" }];
const given = (value: string) => ({ u: { type: "string", value } });
const sends = "var u = 'x'\nstream|from()|httpOut(u)";

/** `§` is a number for each run. */
export const raceCases: readonly RaceCase[] = [
  {
    story: "one patch makes the match a word, the other makes the kind of the match",
    facts: ["4.1.7"],
    stored: [call("POST", "/alerts/topics/t§/handlers", { id: "h", kind: "talk", options: {}, match: "talk" })],
    first: call("PATCH", "/alerts/topics/t§/handlers/h", [{ op: "replace", path: "/match", value: "exec" }]),
    second: call("PATCH", "/alerts/topics/t§/handlers/h", [{ op: "copy", from: "/match", path: "/kind" }]),
  },
  {
    story: "a template begins to use a var while a task of it gets another value for that",
    facts: ["3.2.4"],
    stored: [
      call("POST", "/templates", { id: "p§", type: "stream", script: clean }),
      call("POST", "/tasks", { id: "t§", "template-id": "p§", dbrps }),
    ],
    first: call("PATCH", "/templates/p§", { script: sends }),
    second: call("PATCH", "/tasks/t§", { vars: given("../../ping") }),
  },
  {
    story: "a script begins to use a var while its task gets another value for that",
    facts: ["3.2.5"],
    stored: [call("POST", "/tasks", { id: "t§", type: "stream", dbrps, script: clean })],
    first: call("PATCH", "/tasks/t§", { script: sends }),
    second: call("PATCH", "/tasks/t§", { vars: given("../../ping") }),
  },
  {
    story: "a task with a bad value comes to be while a template begins to use it",
    facts: ["3.2.4"],
    stored: [call("POST", "/templates", { id: "p§", type: "stream", script: clean })],
    first: call("PATCH", "/templates/p§", { script: sends }),
    second: call("POST", "/tasks", { id: "t§", "template-id": "p§", dbrps, vars: given("../../ping") }),
  },
];
