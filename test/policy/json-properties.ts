/** What holds for every body: nothing that Go reads as forbidden is forwarded, and what clients of Kapacitor send is. */
import fc from "fast-check";
import { type AlertRules, compileAlertRules } from "../../src/core/alert-rules.ts";
import type { Forward } from "../../src/core/decision.ts";
import { beginInspection, resumeInspection } from "../../src/core/inspect.ts";
import type { Fact } from "../../src/core/inspect-parts.ts";
import { foldName } from "../../src/core/json-readers.ts";
import { matchRoute } from "../../src/core/routes.ts";
import { type Need, needKey } from "../../src/core/stored-state.ts";
import { firstValue, GoJsonError } from "../../src/standin/go-json.ts";
import { applyPatch, decodePatch, GoPanic, PatchError } from "../../src/standin/json-patch.ts";
import { addresses, definesHandler, disabledKinds, routeModels, scripts, storedScripts } from "./go-requests.ts";
import { bodyFor } from "./json-arbitraries.ts";

function compiledRules(): AlertRules {
  const options = {
    "disable-handlers": disabledKinds,
    "deny-target-cidrs": ["private"],
    "allow-targets": [],
    "own-addresses": [],
    udfs: [],
    "allow-flux-tasks": false,
    mode: "enforce",
  } as const;
  const instance = { name: "default", url: "http://127.0.0.1:9092", hosts: [] };
  const rules = compileAlertRules(options, instance, { host: "127.0.0.1", port: 9443 }, []);
  if (rules === undefined) throw new Error("no rules");
  return rules;
}

const rules = compiledRules();
const plan: Forward = { kind: "forward", instance: "default", method: "", path: "" };
const handler = { id: "h", topic: "ops", kind: "talk", options: { url: addresses.outside, a: ["x"] }, match: "exec" };

/** What Kapacitor has stored. */
function stored(question: Need): unknown {
  switch (question.kind) {
    case "task":
      return { id: question.id, script: storedScripts[question.id], vars: {} };
    case "template":
      return { id: question.id, script: storedScripts[question.id] };
    case "tasks":
      return { tasks: [] };
    case "handler":
      return { ...handler, id: question.id };
    default:
      return { elements: [{ options: { enabled: false, global: false } }] };
  }
}

function factFor(question: Need, body: Uint8Array, storedOf: typeof stored): Fact {
  if (question.kind === "body") return { kind: "body", bytes: body };
  if (question.kind === "addresses") return { kind: "addresses", addresses: [] };
  const exists = !("id" in question) || question.kind === "handler" || Object.hasOwn(storedScripts, question.id);
  const answer = exists ? storedOf(question) : { error: `no ${question.kind} exists` };
  return { kind: "stored", answer: { status: exists ? 200 : 404, body: Buffer.from(JSON.stringify(answer)) } };
}

/** `pass`, or the reason of the refusal. */
export function judge(method: string, path: string, body: Uint8Array, storedOf = stored): string {
  const route = matchRoute(method, path);
  if (route.kind !== "route") throw new Error(`${method} ${path} is no route`);
  let decision = beginInspection(rules, method, route, plan);
  while (decision.kind === "inspect") {
    const facts = new Map(decision.needs.map((question) => [needKey(question), factFor(question, body, storedOf)]));
    decision = resumeInspection(rules, decision, facts, undefined);
  }
  return decision.kind === "deny" ? decision.reason : "pass";
}

/** How many bodies of a run were harmful and how many passed: a test of the test. */
export const seen = { harmful: 0, passed: 0 };

/** A route and a body for it. */
const request = fc.constantFrom(...routeModels).chain((model) => fc.tuple(fc.constant(model), bodyFor(model)));

export const nothingHarmfulPasses = fc.property(request, ([model, body]) => {
  const verdict = judge(model.method, model.path, body);
  const isHarmful = model.isHarmful(body);
  if (isHarmful) seen.harmful++;
  if (verdict === "pass") seen.passed++;
  if (isHarmful && verdict === "pass") throw new Error(`${model.method} ${model.path} ${body}`);
});

const pointer = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("/kind", "/kind", "/id", "/match", "/topic", "/options", "/options/url") },
  {
    weight: 2,
    arbitrary: fc.constantFrom("/options/a/0", "/options/a/-", "/Kind", "/\u212aind", "/option\u017f", "/options/URL"),
  },
  { weight: 1, arbitrary: fc.constantFrom("junk/kind", "", "/", "kind", "/a~1b", "/options/a/00") },
);
const operation = fc.record(
  {
    op: fc.constantFrom("add", "add", "replace", "replace", "move", "copy", "remove", "test", "Add"),
    path: pointer,
    from: pointer,
    value: fc.oneof(
      fc.constantFrom("exec", "exec", "log", "post", "talk", "h", addresses.inside, null, 1),
      fc.constantFrom({ url: addresses.inside }, { URL: addresses.inside }, { url: addresses.outside, Url: "x" }),
    ),
  },
  { requiredKeys: ["op", "path", "from", "value"] },
);

/** By either release of the library; what it does not take changes nothing. */
function isPatchHarmful(patch: Buffer, isModern: boolean): boolean {
  try {
    const patched = applyPatch(firstValue(Buffer.from(JSON.stringify(handler))), decodePatch(patch), isModern);
    return definesHandler(Buffer.from(print(patched)));
  } catch (error) {
    if (error instanceof GoPanic || error instanceof PatchError || error instanceof GoJsonError) return false;
    throw error;
  }
}

function print(tree: ReturnType<typeof firstValue>): string {
  switch (tree.kind) {
    case "null":
      return "null";
    case "object":
      return `{${tree.members.map(([name, value]) => `${JSON.stringify(name)}:${print(value)}`).join(",")}}`;
    case "array":
      return `[${tree.items.map(print).join(",")}]`;
    case "number":
      return tree.text;
    default:
      return JSON.stringify(tree.value);
  }
}

export const noPatchMakesADisabledHandler = fc.property(
  fc.array(operation, { minLength: 1, maxLength: 3 }),
  (operations) => {
    const patch = Buffer.from(JSON.stringify(operations));
    const verdict = judge("PATCH", "/kapacitor/v1/alerts/topics/ops/handlers/h", patch);
    const isHarmful = isPatchHarmful(patch, false) || isPatchHarmful(patch, true);
    if (isHarmful) seen.harmful++;
    if (verdict === "pass") seen.passed++;
    if (isHarmful && verdict === "pass") throw new Error(String(patch));
  },
);

const known = new Set(["id", "template-id", "script", "status", "type", "vars", "dbrps"].map(foldName));
const anyName = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).filter((name) => name.isWellFormed());
const variable = fc.oneof(
  fc.record({ type: fc.constant("string"), value: anyName, description: anyName }),
  fc.record({ type: fc.constant("int"), value: fc.integer() }),
  fc.record({ type: fc.constant("list"), value: fc.array(fc.record({ type: fc.constant("string"), value: anyName })) }),
);

/** What the command line and Chronograf write: known members as they are spelt, unknown ones, vars by any name in any script. */
export const ordinaryTasksPass = fc.property(
  fc
    .uniqueArray(anyName, { selector: foldName, maxLength: 4 })
    .filter((names) => !names.some((name) => known.has(foldName(name)))),
  fc.dictionary(anyName, variable, { noNullPrototype: false, maxKeys: 4 }),
  fc.jsonValue(),
  fc.constantFrom(0, 2, "\t"),
  (names, vars, extra, indent) => {
    const more = Object.fromEntries(names.map((name) => [name, extra]));
    const task = { ...more, id: "t", type: "stream", dbrps: [{ db: "d", rp: "r" }], script: scripts.clean, vars };
    const verdict = judge("POST", "/kapacitor/v1/tasks", Buffer.from(JSON.stringify(task, undefined, indent)));
    if (verdict !== "pass") throw new Error(`${verdict}: ${JSON.stringify(task)}`);
  },
);
