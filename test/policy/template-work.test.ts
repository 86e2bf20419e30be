import t from "tap";
import type { Need } from "../../src/core/stored-state.ts";
import { addresses, scripts } from "./go-requests.ts";
import { judge } from "./json-properties.ts";

/** A template whose address hangs on a var, and tasks that all give another one. */
function storedWith(tasks: number, addressOf: (index: number) => string): (question: Need) => unknown {
  const list = Array.from({ length: tasks }, (_, index) => ({
    id: `t${index}`,
    status: "enabled",
    vars: { u: { type: "string", value: addressOf(index) } },
  }));
  return (question) => (question.kind === "tasks" ? { tasks: list } : { id: "given", script: scripts.given });
}

const change = (script: string): Buffer => Buffer.from(JSON.stringify({ script }));
const outside = (index: number): string => `http://198.51.100.7/${index}`;

t.test(
  "a template is judged with the vars of every task, as long as that is no more work than one request may be",
  async (t) => {
    const path = "/kapacitor/v1/templates/given";
    const long = `${scripts.given}\n//${"x".repeat(200_000)}`;
    const rows: readonly (readonly [
      story: string,
      script: string,
      tasks: number,
      address: (at: number) => string,
      string,
    ])[] = [
      ["many tasks", scripts.given, 1_000, outside, "pass"],
      [
        "one of many gives a bad address",
        scripts.given,
        1_000,
        (at) => (at === 999 ? addresses.inside : outside(at)),
        "target_denied",
      ],
      ["many tasks and a long script", long, 1_000, outside, "stored_state_unreadable"],
      ["many tasks that give the same", long, 1_000, () => addresses.outside, "pass"],
      ["many tasks that give the same bad address", long, 1_000, () => addresses.inside, "target_denied"],
      [
        "a long script that hangs on no var",
        long.replace("post(u)", "topic(u)"),
        1_000,
        () => addresses.outside,
        "pass",
      ],
    ];
    for (const [story, script, tasks, address, verdict] of rows) {
      t.equal(judge("PATCH", path, change(script), storedWith(tasks, address)), verdict, story);
    }
  },
);

t.test("as many addresses as anybody writes are judged, and not as many as fit into a body", async (t) => {
  const path = "/kapacitor/v1/config/influxdb/default";
  const urls = (count: number): Buffer =>
    Buffer.from(JSON.stringify({ set: { urls: Array(count).fill(addresses.outside) } }));
  t.equal(judge("POST", path, urls(10_000)), "pass");
  t.equal(judge("POST", path, urls(10_001)), "target_denied");
});
