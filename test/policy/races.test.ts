import t from "tap";
import { type JsonNode, parseJson } from "../../src/core/json.ts";
import { inspectScript } from "../../src/core/script-policy.ts";
import { readTaskVars } from "../../src/core/script-vars.ts";
import { type Standin, startStandin } from "../../src/standin/server.ts";
import { startTestGateway } from "../support/gateway.ts";
import { fill } from "./flow-cases.ts";
import { raceCases } from "./race-cases.ts";

const disabled = ["exec", "log"] as const;

function nodeOf(value: unknown): JsonNode {
  const parsed = parseJson(Buffer.from(JSON.stringify(value)));
  if (!parsed.ok) throw new Error(parsed.text);
  return parsed.value;
}

interface StoredScript {
  readonly id: string;
  readonly script: string;
  readonly vars: unknown;
}

/** What is stored and must not be: handlers of a disabled kind, scripts that the policy refuses with their vars. */
async function worst(standin: Standin): Promise<readonly string[]> {
  const handlers = standin.stored().handlers.filter(({ kind }) => disabled.some((known) => known === kind));
  const answer = await fetch(`${standin.url}/kapacitor/v1/tasks?script-format=raw&limit=-1`);
  const { tasks } = JSON.parse(await answer.text()) as { tasks: readonly StoredScript[] };
  const scripts = tasks.filter(({ script, vars }) => {
    const read = readTaskVars(nodeOf(vars));
    if (!read.ok) return true;
    const report = inspectScript(script, { disabled: new Set(disabled), udfs: new Set(), vars: read.vars });
    return !report.ok || report.findings.length > 0;
  });
  return [...handlers.map(({ id }) => `handler ${id}`), ...scripts.map(({ id }) => `task ${id}`)];
}

/** Later by as many turns of the event loop as a number says, so that the requests meet in many ways. */
async function after<T>(turns: number, start: () => Promise<T>): Promise<T> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  return start();
}

t.test("two requests that are harmless one by one do no harm together, in whatever order they meet", async (t) => {
  let held = 0;
  const standin = await startStandin({
    // What is looked up is old by the time that it arrives, and changes take longer still.
    intercept: async ({ method }) => {
      if (method !== "GET") held++;
      await new Promise((resolve) => setTimeout(resolve, method === "GET" ? 2 : 4));
      return false;
    },
  });
  t.teardown(() => standin.close());
  const gateway = await startTestGateway(
    `[[kapacitor]]\nname = "k"\nurl = "${standin.url}"\n[alerts]\ndisable-handlers = ["exec", "log"]\n`,
    { http: "auth-enabled = false" },
  );
  t.teardown(() => gateway.close());
  let run = 0;
  for (const { story, stored, first, second } of raceCases) {
    let refusals = 0;
    for (let turns = 0; turns < 12; turns++) {
      const words = { "§": String(++run) };
      for (const call of stored.map((entry) => fill(entry, words))) {
        const answer = await fetch(standin.url + call.path, {
          method: call.method,
          body: new Uint8Array(call.body ?? []),
        });
        if (!answer.ok) throw new Error(await answer.text());
      }
      const pair = [first, second].map((entry) => fill(entry, words));
      const answers = await Promise.all(
        (turns % 2 === 0 ? pair : pair.toReversed()).map((call, index) =>
          after(index * turns, () => gateway.request(call.method, call.path, { body: call.body ?? "" })),
        ),
      );
      const codes = answers.map(({ status }) => status);
      refusals += codes.filter((status) => status === 403).length;
      t.ok(codes.includes(200), `${story}: one of them passes, ${codes.join(" ")}`);
    }
    t.ok(refusals > 0, `${story}: the other was refused ${refusals} times`);
    t.strictSame(await worst(standin), [], story);
  }
  t.ok(held > 48, "all of them went to Kapacitor");
});
