/**
 * node bench/judging.ts
 *
 * What judging costs: a typical task, and scripts of a megabyte that were written to be expensive. No sockets; what is measured is CPU
 * time of the event loop, from the bytes of a body to the decision. Ends with 1 when a figure is above its limit.
 */
import { pathToFileURL } from "node:url";
import { type AlertRules, compileAlertRules } from "../src/core/alert-rules.ts";
import type { Forward } from "../src/core/decision.ts";
import { beginInspection, resumeInspection } from "../src/core/inspect.ts";
import type { Fact } from "../src/core/inspect-parts.ts";
import { matchRoute } from "../src/core/routes.ts";
import { type Need, needKey } from "../src/core/stored-state.ts";
import { typicalTask } from "./typical-task.ts";

/** One kind of request. */
export interface JudgingRow {
  readonly name: string;
  /** Bytes of the body. */
  readonly bytes: number;
  /** CPU time, the median over the runs. */
  readonly microseconds: number;
  /** What it may cost. */
  readonly limitMicroseconds: number;
  /** `pass`, or the reason of the refusal. */
  readonly verdict: string;
}

const megabyte = 1_048_576;

/** What a script may have of tokens, less some for what stands around a part. */
const mostTokens = 199_000;

/** The part as often as there is room for it, in tokens as well: the rest of the megabyte is comment. */
function most(part: string, tokens: number, open = ""): string {
  const room = Math.floor((megabyte - open.length - 3) / part.length);
  const text = open + part.repeat(Math.min(room, Math.floor(mostTokens / tokens)));
  return `${text}\n//${"x".repeat(megabyte - text.length - 3)}`;
}

function fill(part: string, open = "", close = ""): string {
  const times = Math.floor((megabyte - open.length - close.length) / part.length);
  return open + part.repeat(times) + close;
}

/** As many as there is room for, each with its number. */
function count(part: (index: number) => string, open = ""): string {
  const parts = [open];
  for (let index = 0, length = open.length; ; index++) {
    const next = part(index);
    length += next.length;
    if (length > megabyte) return parts.join("");
    parts.push(next);
  }
}

const alert = "var a = stream|from()|alert()\n";

/** Each of a megabyte. */
const hostile: Readonly<Record<string, string>> = {
  spaces: fill(" \n"),
  "comment lines": fill("// x\n"),
  "one comment": fill("x", "// "),
  "comments that go on": fill("/ x\n", "// x\n"),
  "comments between tokens": most("//\na", 1, "a"),
  "too many tokens": fill("//\na", "a"),
  "one string": fill("x", "var a = '", "'"),
  "one string of escapes": fill("\\'", "var a = '", "'"),
  "one triple-quoted string of quotes": fill("''\\'x", "var a = '''", "'''"),
  "one string that does not end": fill("\\'", "var a = '"),
  "one reference": fill('\\"', 'var a = lambda: "', '"'),
  "one regular expression": fill("\\/", "var a = /", "/"),
  "one name": fill("a"),
  "one name of letters beyond ASCII": fill("é"),
  "letters of two units": fill("\u{1d400} "),
  "one number": fill("7", "var a = "),
  "one number with a point": fill("7", "var a = 0."),
  "many vars": count((index) => `var v${index} = 'xxxxxxxxxx'\n`),
  "vars that hang on one another": count(
    (index) => `var v${index + 1} = v${index} + v${index} // ${"x".repeat(16)}\n`,
    "var v0 = 'x'\n",
  ),
  "vars that a task gives": count((index) => `var v${index} string\n`),
  "one var again and again": most("var x string\n", 3),
  "properties in a row": most(".id('x')", 5, "stream|from()|alert()"),
  "chain methods in a row": most("|log()", 4, "stream|from()"),
  "statements of one word": most("a ", 1),
  "handlers that are disabled": most("a.exec()\n", 5, alert),
  "addresses that are judged": most("a.post('http://198.51.100.7/')\n", 6, alert),
  "addresses of different names": count((index) => `a.tcp('h${index}.invalid:7')\n`, alert),
  "addresses that are put together": most("a.post('http://' + '198.51' + '.100.7/')\n", 10, alert),
  "end points": most("stream|httpOut('x')\n", 6),
  "lambdas of operators": most('+ "x" ', 2, 'var a = lambda: "x" '),
  "operators of all precedences": most("OR a AND b == c < d + e * f ", 12, "var a = lambda: x "),
  "a sum of strings": most("+ 'x' ", 2, "var a = 'x' "),
  "minus signs": fill("-", "var a = "),
  parentheses: fill("(", "var a = "),
  "parentheses that close": most(` + ${"(".repeat(190)}1${")".repeat(190)}`, 382, "var a = 1"),
  "calls in arguments": most(`${"f(".repeat(190)}${")".repeat(190)} `, 570),
  "one list": `var a = [${"'x',".repeat(99_000)}]`,
  "a list, spread again and again": most("a.exec(l)\n", 12, `${alert}var l = [${"'x',".repeat(50_000)}]\n`),
  "arguments in a row": `f(${"a,".repeat(99_000)})`,
  "characters that are none": fill("#"),
  "an error on the last line": fill("// x\n", "", "\n#"),
};

function compiledRules(): AlertRules {
  const rules = compileAlertRules(
    {
      "disable-handlers": ["exec", "log"],
      "deny-target-cidrs": ["private"],
      "allow-targets": [],
      "own-addresses": [],
      udfs: [],
      "allow-flux-tasks": false,
      mode: "enforce",
    },
    { name: "default", url: "http://127.0.0.1:9092", hosts: [] },
    { host: "127.0.0.1", port: 9443 },
    [],
  );
  if (rules === undefined) throw new Error("no rules");
  return rules;
}

const rules = compiledRules();
const plan: Forward = { kind: "forward", instance: "default", method: "", path: "" };

interface Request {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
  /** What Kapacitor has stored, by the kind of what is asked for. */
  readonly stored?: Readonly<Record<string, unknown>>;
  readonly limitMicroseconds: number;
}

function judge({ method, path, body, stored = {} }: Request): string {
  const route = matchRoute(method, path);
  if (route.kind !== "route") throw new Error(`${method} ${path} is no route`);
  const answer = (question: Need): Fact => {
    if (question.kind === "body") return { kind: "body", bytes: body };
    if (question.kind === "addresses") return { kind: "addresses", addresses: ["198.51.100.7"] };
    return { kind: "stored", answer: { status: 200, body: Buffer.from(JSON.stringify(stored[question.kind])) } };
  };
  let decision = beginInspection(rules, method, route, plan);
  while (decision.kind === "inspect") {
    const facts = new Map(decision.needs.map((question) => [needKey(question), answer(question)]));
    decision = resumeInspection(rules, decision, facts, undefined);
  }
  return decision.kind === "deny" ? decision.reason : "pass";
}

function taskOf(name: string, script: string, limitMicroseconds: number): Request {
  const task = { id: "t", type: "stream", dbrps: [{ db: "telegraf", rp: "autogen" }], status: "enabled", script };
  return {
    name,
    method: "POST",
    path: "/kapacitor/v1/tasks",
    body: Buffer.from(JSON.stringify(task)),
    limitMicroseconds,
  };
}

/** A template whose address hangs on a var, so that it is judged with every task there is. */
function templateOf(name: string, script: string, tasks: number, limitMicroseconds: number): Request {
  const given = (index: number) => ({ u: { type: "string", value: `http://198.51.100.${index % 250}/` } });
  const list = Array.from({ length: tasks }, (_, index) => ({
    id: `t${index}`,
    status: "enabled",
    vars: given(index),
  }));
  return {
    name,
    method: "PATCH",
    path: "/kapacitor/v1/templates/p",
    body: Buffer.from(JSON.stringify({ script })),
    stored: { template: { id: "p", script }, tasks: { tasks: list } },
    limitMicroseconds,
  };
}

const withAddress = `var u string\n${typicalTask.replace("'http://198.51.100.7/hook'", "u")}`;

const large = 25_000_000;

function fillBody(part: string, open: string, close: string): Buffer {
  return Buffer.from(open + part.repeat(Math.floor((large - open.length - close.length) / part.length)) + close);
}

/** Bodies of the largest size that are read, and what else costs by its number. */
const bodies: readonly (readonly [name: string, method: string, path: string, body: Buffer])[] = [
  ["25 MB: zeros", "POST", "/kapacitor/v1/tasks", fillBody("0,", '{"x":[', "0]}")],
  ["25 MB: objects", "POST", "/kapacitor/v1/tasks", fillBody("{},", '{"x":[', "0]}")],
  ["25 MB: one string", "POST", "/kapacitor/v1/tasks", fillBody("\\n", '{"x":"', '"}')],
  ["25 MB: one script", "POST", "/kapacitor/v1/tasks", fillBody("x", '{"script":"', '"}')],
  ["25 MB: open brackets", "POST", "/kapacitor/v1/tasks", fillBody("[", "", "")],
  [
    "400,000 members",
    "POST",
    "/kapacitor/v1/tasks",
    Buffer.from(JSON.stringify(Object.fromEntries(Array.from({ length: 400_000 }, (_, index) => [`m${index}`, 0])))),
  ],
  [
    "400,000 addresses",
    "POST",
    "/kapacitor/v1/config/influxdb/default",
    Buffer.from(JSON.stringify({ set: { urls: Array(400_000).fill("http://198.51.100.7/") } })),
  ],
  [
    "a patch of 20 operations on a list of 400,000",
    "PATCH",
    "/kapacitor/v1/alerts/topics/t/handlers/h",
    Buffer.from(
      JSON.stringify([
        { op: "add", path: "/options", value: { a: Array(400_000).fill(0) } },
        ...Array(19).fill({ op: "add", path: "/options/a/0", value: 0 }),
      ]),
    ),
  ],
];

const stored = { handler: { id: "h", kind: "talk", options: {}, match: "" } };

const requests: readonly Request[] = [
  taskOf("a typical task of 40 lines", typicalTask, 200),
  templateOf("a template with 1,000 tasks", withAddress, 1_000, 1_000_000),
  templateOf("a template of a megabyte with 1,000 tasks", fill("// x\n", withAddress), 1_000, 1_000_000),
  ...Object.entries(hostile).map(([name, script]) => taskOf(`1 MB: ${name}`, script, 1_000_000)),
  ...bodies.map(([name, method, path, body]) => ({ name, method, path, body, stored, limitMicroseconds: 1_000_000 })),
];

/** CPU time of this thread, in microseconds: other programs on the machine do not count. */
function spent(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Judges again and again, at least for so many milliseconds of CPU time and three times; cheap judgements are timed a hundred at a time. */
function measure(request: Request, milliseconds: number): JudgingRow {
  const many = request.limitMicroseconds < 1_000 ? 100 : 1;
  const times: number[] = [];
  let verdict = "";
  for (const end = spent() + milliseconds * 1_000; times.length < 3 || spent() < end; ) {
    const started = spent();
    for (let run = 0; run < many; run++) verdict = judge(request);
    times.push((spent() - started) / many);
  }
  const { name, body, limitMicroseconds } = request;
  const middle = times.toSorted((left, right) => left - right)[Math.floor(times.length / 2)] ?? 0;
  return { name, bytes: body.length, microseconds: Math.round(middle), limitMicroseconds, verdict };
}

/** Measures every kind of request; about ten seconds. */
export async function judging(): Promise<readonly JudgingRow[]> {
  const rows: JudgingRow[] = [];
  for (const request of requests) {
    rows.push(measure(request, request.limitMicroseconds < 1_000 ? 1_500 : 150));
    // Whoever runs this has other things to do, too.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return rows;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const { name, bytes, microseconds, limitMicroseconds, verdict } of await judging()) {
    const isOver = microseconds > limitMicroseconds;
    const time = microseconds < 10_000 ? `${microseconds} µs` : `${Math.round(microseconds / 1000)} ms`;
    process.stdout.write(`${isOver ? "OVER " : ""}${name}: ${time} (${bytes} bytes, ${verdict})\n`);
    if (isOver) process.exitCode = 1;
  }
}
