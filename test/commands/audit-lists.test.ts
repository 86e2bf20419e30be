import t from "tap";
import { auditInstance } from "../../src/audit/audit.ts";
import { removalOf } from "../../src/audit/removal.ts";
import { mostFindings } from "../../src/audit/report.ts";
import { compileAlertRules } from "../../src/core/alert-rules.ts";
import { type Standin, type StandinOptions, startStandin } from "../../src/standin/server.ts";
import { createUpstream } from "../../src/upstream/instance.ts";

const rules = compileAlertRules(
  {
    "disable-handlers": ["exec"],
    "deny-target-cidrs": ["private"],
    "allow-targets": [],
    "own-addresses": [],
    udfs: [],
    "allow-flux-tasks": false,
    mode: "report",
  },
  { name: "default", url: "http://127.0.0.1:9092", hosts: [] },
  { host: "", port: 9443 },
  [],
);

interface Settings {
  readonly accepted?: readonly string[];
  readonly resolve?: (name: string) => Promise<readonly string[]>;
  readonly signal?: AbortSignal;
  readonly limitMs?: number;
  readonly timeoutMs?: number;
}

/** Audits a stand-in by a policy against exec and private addresses. */
async function audit(standin: Standin, settings: Settings = {}) {
  const { timeoutMs = 20_000, accepted = [], resolve = async () => [], ...more } = settings;
  const upstream = createUpstream({
    name: "default",
    url: standin.url,
    ca: undefined,
    insecureSkipVerify: false,
    username: "",
    password: "",
    principalHeader: "",
    connectTimeoutMs: 2000,
    timeoutMs,
    groupCommit: false,
    writeHoldMs: 0,
    writeTimeoutMs: 5000,
  });
  const reach = { url: standin.url, username: "", sslCa: "", insecureSkipVerify: false };
  const report = await auditInstance({ instance: "default", upstream, rules, accepted, reach, resolve, ...more });
  upstream.close();
  return { ...report, objects: report.findings.map(({ object }) => object) };
}

async function start(
  test: { teardown(end: () => Promise<void>): void },
  options: StandinOptions = {},
): Promise<Standin> {
  const standin = await startStandin(options);
  test.teardown(() => standin.close());
  return standin;
}

async function store(standin: Standin, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${standin.url}/kapacitor/v1${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

const exec = "stream|from()|alert().exec('x')";
const clean = "stream|from()|alert().slack()";
const task = (id: string, script = exec): object => ({ id, script, dbrps: [{ db: "d", rp: "r" }] });
const number = (index: number): string => String(index).padStart(4, "0");

async function storeTasks(standin: Standin, count: number, script = exec): Promise<void> {
  for (let index = 0; index < count; index++) await store(standin, "/tasks", task(`t${number(index)}`, script));
}

t.test("long lists are read part by part, each object once", async (t) => {
  for (const count of [50, 51, 52, 120]) {
    const standin = await start(t);
    await storeTasks(standin, count);
    const { objects, audited, failure } = await audit(standin);
    t.equal(failure, undefined);
    t.equal(audited.task, count);
    t.strictSame(
      objects,
      Array.from({ length: count }, (_, index) => `task:t${number(index)}`),
      `${count} tasks`,
    );
    const parts = standin.requests.filter(({ method, target }) => method === "GET" && target.includes("/v1/tasks?"));
    t.ok(
      parts.every(({ target }) => /&limit=51$/.test(target)),
      "of 50",
    );
  }
});

t.test("nothing is missed and nothing is found twice while tasks come and go", async (t) => {
  let parts = 0;
  const standin = await start(t, {
    intercept: async (request) => {
      if (request.method !== "GET" || !request.target.includes("/tasks?")) return false;
      parts++;
      const gone = parts === 2 ? [0, 70] : parts === 3 ? [71, 110] : [0, 0];
      for (let index = gone[0] ?? 0; index < (gone[1] ?? 0); index++) {
        await fetch(`${standin.url}/kapacitor/v1/tasks/t${number(index)}`, { method: "DELETE" });
      }
      if (parts === 3) await store(standin, "/tasks", task("t0000"));
      return false;
    },
  });
  await storeTasks(standin, 160);
  const { objects, failure } = await audit(standin);
  t.equal(failure, undefined);
  t.equal(new Set(objects).size, objects.length, "no object twice");
  for (let index = 110; index < 160; index++) t.ok(objects.includes(`task:t${number(index)}`), `t${number(index)}`);
});

t.test("scripts of a megabyte are read in smaller parts", async (t) => {
  const standin = await start(t);
  const long = `${clean}\n// ${"x".repeat(1_000_000)}\n`;
  for (let index = 0; index < 12; index++) await store(standin, "/tasks", task(`t${number(index)}`, long));
  await store(standin, "/tasks", task("z"));
  const { objects, audited, failure } = await audit(standin);
  t.equal(failure, undefined);
  t.equal(audited.task, 13);
  t.strictSame(objects, ["task:z"]);
});

t.test("more findings than are kept are counted", async (t) => {
  const tasks = Array.from({ length: mostFindings + 5 }, (_, index) => ({
    id: `t${number(index)}`,
    status: "enabled",
    script: exec,
  }));
  const standin = await start(t, {
    intercept: (request, response) => {
      const [, offset, limit] = /\/v1\/tasks\?.*&offset=(\d+)&limit=(\d+)$/.exec(request.target) ?? [];
      if (offset === undefined) return false;
      response.end(JSON.stringify({ tasks: tasks.slice(Number(offset), Number(offset) + Number(limit)) }));
      return true;
    },
  });
  const { findings, findingCount } = await audit(standin);
  t.equal(findings.length, mostFindings);
  t.equal(findingCount, mostFindings + 5);
});

/** Answers GETs whose target matches with this document instead of what is stored. */
const answering =
  (pattern: RegExp, status: number, document: unknown): NonNullable<StandinOptions["intercept"]> =>
  (request, response) => {
    if (request.method !== "GET" || !pattern.test(request.target)) return false;
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(document));
    return true;
  };

t.test("a list that cannot be believed is a failure, and the other lists are read", async (t) => {
  const lists: readonly (readonly [pattern: RegExp, document: unknown])[] = [
    [/v1\/tasks\?/, { series: [] }],
    [/v1\/tasks\?/, { tasks: {} }],
    [/\/templates\?/, { error: "no" }],
    [/\/alerts\/topics\?/, "x"],
    [/\/config$/, { sections: [] }],
  ];
  for (const [pattern, document] of lists) {
    const standin = await start(t, { intercept: answering(pattern, 200, document) });
    await store(standin, "/tasks", task("cleanup"));
    await store(standin, "/alerts/topics/ops/handlers", { id: "x", kind: "exec", options: { prog: "x" } });
    const { failure, findingCount, unused } = await audit(standin, { accepted: ["task:never"] });
    t.equal(failure?.reason, "stored_state_unreadable", String(pattern));
    t.ok(findingCount >= 1, "what else there is was found");
    t.strictSame(unused, [], "nothing is said of what was not seen");
  }
});

t.test("a task that lies over the handlers of a topic hides no other topic", async (t) => {
  const standin = await start(t, { intercept: answering(/\/topics\/ops\/handlers$/, 200, { series: [] }) });
  for (const topic of ["ops", "zoo"]) {
    await store(standin, `/alerts/topics/${topic}/handlers`, { id: "x", kind: "exec", options: { prog: "x" } });
  }
  const { findings, failure } = await audit(standin);
  t.equal(failure, undefined);
  t.match(findings, [
    { object: "handler:ops/*", reason: "stored_state_unreadable", text: /httpOut/, remove: undefined },
    { object: "handler:zoo/x", reason: "handler_disabled" },
  ]);
});

t.test("an object that cannot be judged is a finding", async (t) => {
  const tasks = {
    tasks: [
      { id: "a", status: "enabled", script: clean, vars: {} },
      { id: "b", status: "asleep", script: clean, vars: {} },
      { id: "c", status: "enabled", script: "", vars: {} },
      { id: "d", status: "enabled", script: clean, vars: { x: { type: "string", value: 1 } } },
      { id: "../e", status: "enabled", script: clean, vars: {} },
      { id: "f", status: "enabled", script: "stream|", vars: {} },
    ],
  };
  const standin = await start(t, { intercept: answering(/v1\/tasks\?/, 200, tasks) });
  const { findings } = await audit(standin);
  t.match(findings, [
    { object: "task:b", reason: "stored_state_unreadable" },
    { object: "task:c", reason: "stored_state_unreadable" },
    { object: "task:d", reason: "stored_state_unreadable", text: /vars/ },
    { object: "task:../e", reason: "handler_disabled", remove: undefined },
    { object: "task:f", reason: "script_unparsable", line: 1 },
  ]);
  t.equal(findings.length, 5);
});

t.test("what Kapacitor hides is noted", async (t) => {
  const notShown = await start(t, {
    intercept: answering(/\/config$/, 403, { error: "config override service is not enabled" }),
  });
  t.match(await audit(notShown), { failure: undefined, notes: [/config-override/] });
  const uncompiled = await start(t, { intercept: answering(/\/templates\?/, 200, { templates: [{}, {}] }) });
  t.match(await audit(uncompiled), { failure: undefined, notes: [/cannot compile/] });
  const ghost = { link: {}, topic: "ops", handlers: [{ id: "", kind: "", options: null, match: "" }] };
  const flagged = await start(t, { intercept: answering(/\/topics\/ops\/handlers$/, 200, ghost) });
  await store(flagged, "/alerts/topics/ops/handlers", { id: "x", kind: "exec", options: { prog: "x" } });
  t.match(await audit(flagged), { failure: undefined, findingCount: 0, notes: [/own -disable-handlers/] });
});

t.test("Flux tasks are findings while they may not be defined", async (t) => {
  const pages = [
    Array.from({ length: 100 }, (_, index) => ({ id: `f${number(index)}`, status: "active" })),
    [{ id: "last", status: "inactive" }],
  ];
  const standin = await start(t, {
    intercept: (request, response) => {
      if (!request.target.includes("/api/v2/tasks?")) return false;
      const page = request.target.includes("&after=f0099") ? pages[1] : pages[0];
      response.writeHead(200).end(JSON.stringify({ links: {}, tasks: page }));
      return true;
    },
  });
  const { objects, findings, audited } = await audit(standin);
  t.equal(audited["flux-task"], 101);
  t.equal(objects.at(-1), "flux-task:last");
  t.match(findings[0], { state: "active", remove: /-X DELETE .*\/api\/v2\/tasks\/f0000$/ });
});

t.test("names are resolved once, and one that cannot be is a finding", async (t) => {
  const standin = await start(t);
  await store(standin, "/tasks", task("a", "stream|from()|alert().post('http://in.test/')"));
  await store(standin, "/tasks", task("b", "stream|from()|alert().post('http://in.test/x')"));
  await store(standin, "/tasks", task("c", "stream|from()|alert().post('http://gone.test/')"));
  const asked: string[] = [];
  const resolve = async (name: string): Promise<readonly string[]> => {
    asked.push(name);
    return name === "in.test" ? ["10.1.1.1"] : [];
  };
  const { findings } = await audit(standin, { resolve });
  t.match(findings, [
    { object: "task:a", reason: "target_denied" },
    { object: "task:b", reason: "target_denied" },
    { object: "task:c", reason: "target_unresolvable" },
  ]);
  t.strictSame(asked, ["in.test", "gone.test"]);
});

t.test("sections: switched on, global, addresses; the InfluxDB that Kapacitor reads is no alert target", async (t) => {
  const element = (options: object): object => ({ elements: [{ link: {}, options, redacted: null }] });
  const sections = {
    alerta: element({ enabled: true, global: false, url: "http://10.0.0.1/" }),
    discord: element({ enabled: false, global: false, url: "http://10.0.0.1/", workspace: "" }),
    future: element({ enabled: true }),
    "future-off": element({ enabled: false }),
    influxdb: { elements: [{ link: {}, options: { enabled: true, name: "db", urls: ["http://10.0.0.2:8086"] } }] },
    kubernetes: element({ enabled: true, id: "k", "api-servers": ["http://127.0.0.1:9092"] }),
    mqtt: element({ enabled: true, name: "b", url: "tcp://10.0.0.3:1883" }),
    scraper: element({ enabled: true, name: "s", "proxy-url": { Scheme: "http", Host: "127.0.0.1:9092" } }),
    slack: element({ enabled: true, workspace: "ops", url: true }),
    smtp: element({ enabled: true, host: "10.0.0.4", port: 25 }),
    httppost: { elements: [{ link: {}, options: { endpoint: "example", url: "http://example.com" } }] },
    empty: { elements: null },
  };
  const standin = await start(t, { intercept: answering(/\/config$/, 200, { link: {}, sections }) });
  const { findings } = await audit(standin);
  t.strictSame(
    findings.map(({ object, reason }) => [object, reason]),
    [
      ["config:alerta", "target_denied"],
      ["config:future", "handler_disabled"],
      ["config:kubernetes/k", "target_denied"],
      ["config:mqtt/b", "target_denied"],
      ["config:smtp", "target_denied"],
    ],
  );
});

t.test("an audit ends: by its limit, by its signal, and with a Kapacitor that hangs", async (t) => {
  const hanging = (): Promise<Standin> => start(t, { intercept: (request) => request.target.includes("/templates") });
  const slow = await audit(await hanging(), { limitMs: 200 });
  t.match(slow.failure, { reason: "upstream_timeout", text: /took longer/ });
  const stopped = await audit(await hanging(), { signal: AbortSignal.timeout(100) });
  t.ok(stopped.failure !== undefined);
  const silent = await audit(await hanging(), { timeoutMs: 200 });
  t.match(silent.failure, { reason: "upstream_timeout", cause: "ETIMEDOUT" });
  const refused = await start(t, { authentication: "required" });
  t.match((await audit(refused)).failure, { reason: "upstream_unauthorized" });
});

t.test("commands reach Kapacitor as the operator does, and cannot be broken out of", async (t) => {
  const plain = { url: "http://k:9092", username: "", sslCa: "", insecureSkipVerify: false };
  const base = "http://k:9092/kapacitor/v1";
  const rows: readonly (readonly [
    reach: object,
    kind: "task" | "handler" | "config",
    name: string,
    command: string | undefined,
  ])[] = [
    [{}, "task", "cpu", "kapacitor -url http://k:9092 delete tasks cpu"],
    [{ username: "a b" }, "task", "cpu", "kapacitor -url http://a%20b:PASSWORD@k:9092 delete tasks cpu"],
    [{ username: "kap" }, "config", "slack", `curl -sS -u kap -d '{"set":{"enabled":false}}' ${base}/config/slack/`],
    [{ insecureSkipVerify: true }, "task", "cpu", "kapacitor -skipVerify -url http://k:9092 delete tasks cpu"],
    [
      { sslCa: "/etc/my ca.pem" },
      "task",
      "cpu",
      "SSL_CERT_FILE='/etc/my ca.pem' kapacitor -url http://k:9092 delete tasks cpu",
    ],
    [{ sslCa: "/ca.pem" }, "task", "a b", `curl -sS --cacert /ca.pem -X DELETE ${base}/tasks/a%20b`],
    [{ insecureSkipVerify: true }, "task", "*", `curl -sS -k -X DELETE ${base}/tasks/%2a`],
    [{}, "task", "-x", `curl -sS -X DELETE ${base}/tasks/-x`],
    [{}, "task", "'; rm -rf ~\n#", `curl -sS -X DELETE '${base}/tasks/%27%3B%20rm%20-rf%20~%0A%23'`],
    [{}, "task", "größe", "kapacitor -url http://k:9092 delete tasks größe"],
    [{}, "task", "a//b", undefined],
    [{}, "task", "..", undefined],
    [{}, "task", "\ud800", undefined],
    [{}, "handler", "main:cpu:alert2/x", "kapacitor -url http://k:9092 delete topic-handlers main:cpu:alert2 x"],
    [{}, "handler", "ops/a[b", `curl -sS -X DELETE ${base}/alerts/topics/ops/handlers/a%5Bb`],
    [{}, "config", "slack/it's", `curl -sS -d '{"set":{"enabled":false}}' ${base}/config/slack/it%27s`],
  ];
  for (const [reach, kind, name, command] of rows) {
    t.equal(removalOf({ ...plain, ...reach }, { kind, name }, ["enabled"]), command, `${kind} ${JSON.stringify(name)}`);
  }
});
