import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { run } from "../../src/commands/audit.ts";
import { type Standin, startStandin } from "../../src/standin/server.ts";
import { type Outcome, runIn } from "./run-in.ts";

const directory = await mkdtemp(join(tmpdir(), "kapgate-audit-"));
t.teardown(() => rm(directory, { recursive: true }));

/** Runs it with this configuration, for the given Kapacitors. */
async function audit(toml: string, ...argv: readonly string[]): Promise<Outcome> {
  await writeFile(join(directory, "kapgate.toml"), toml, { mode: 0o600 });
  return runIn(directory, run, "-config", "kapgate.toml", ...argv);
}

const policy = `[alerts]\n  disable-handlers = ["exec", "log", "slack"]\n  deny-target-cidrs = ["private"]\n`;
const instance = (url: string, more = ""): string => `[[kapacitor]]\n  url = "${url}"\n${more}`;

/** Sends to Kapacitor itself what its clients sent before there was a gateway. */
async function store(standin: Standin, method: string, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${standin.url}/kapacitor/v1${path}`, { method, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

const task = (id: string, script: string, more: object = {}): object => ({
  id,
  script,
  dbrps: [{ db: "d", rp: "r" }],
  ...more,
});
const exec = "stream\n  |from()\n  |alert()\n    .crit(lambda: TRUE)\n    .exec('/bin/sh')";
const clean = "stream|from()|alert().crit(lambda: TRUE).topic('ops')";

async function start(test: { teardown(end: () => Promise<void>): void }): Promise<Standin> {
  const standin = await startStandin();
  test.teardown(() => standin.close());
  return standin;
}

/** One of everything that a policy refuses, and its near misses. */
async function fill(standin: Standin): Promise<void> {
  await store(standin, "POST", "/tasks", task("clean", clean, { status: "enabled" }));
  await store(standin, "POST", "/tasks", task("cleanup", exec, { status: "enabled" }));
  await store(standin, "POST", "/tasks", task("idle", "stream|from()|alert().post('http://10.1.2.3:8080/x')"));
  await store(standin, "POST", "/tasks", task("legacy", "stream|from()|alert().log('/tmp/x')", { status: "enabled" }));
  await store(standin, "POST", "/tasks", task("odd", exec));
  await store(standin, "PATCH", "/tasks/odd", { id: "it's\u001b[31m odd/b" });
  await store(standin, "POST", "/templates", { id: "any", script: "var url string\nstream|from()|alert().post(url)" });
  await store(standin, "POST", "/templates", {
    id: "shell",
    script: "var prog string\nstream|from()|alert().exec(prog)",
  });
  const vars = { prog: { type: "string", value: "/bin/true" } };
  await store(standin, "POST", "/tasks", task("of-shell", "", { "template-id": "shell", vars, status: "enabled" }));
  const target = { url: { type: "string", value: "http://192.168.1.1/" } };
  await store(standin, "POST", "/tasks", task("of-any", "", { "template-id": "any", vars: target, status: "enabled" }));
  await store(standin, "POST", "/alerts/topics/ops/handlers", {
    id: "restart",
    kind: "exec",
    options: { prog: "/bin/x" },
  });
  await store(standin, "POST", "/alerts/topics/ops/handlers", { id: "mail", kind: "smtp", options: { to: ["a@b"] } });
  const self = { id: "back", kind: "tcp", options: { address: "127.0.0.1:9092" } };
  await store(standin, "POST", "/alerts/topics/main:clean:alert2/handlers", self);
  await store(standin, "POST", "/config/slack/", { set: { enabled: true, global: true, channel: "#a" } });
  await store(standin, "POST", "/config/alerta/", { set: { enabled: true, url: "http://10.0.0.9:8080" } });
  await store(standin, "POST", "/config/sensu/", { set: { enabled: false, addr: "10.0.0.9:3030" } });
  await store(standin, "POST", "/config/httppost", { add: { endpoint: "inside", url: "http://10.0.0.5/x" } });
}

const accepted = `  accepted = ["task:legacy", "handler:ops/gone"]\n`;

t.test("the table: what runs first, each finding with its command, what is accepted apart", async (t) => {
  const standin = await start(t);
  await fill(standin);
  const before = standin.requests.length;
  const { code, stdout, stderr } = await audit(instance(standin.url) + policy + accepted);
  t.equal(code, 3);
  t.equal(stderr, "");
  const head = `default (${standin.url}): 11 findings (7 active), 1 accepted in 7 tasks, 2 templates, 3 topic handlers, 24 sections`;
  const url = `kapacitor -url ${standin.url}`;
  const api = `${standin.url}/kapacitor/v1`;
  t.equal(
    stdout.replace(/ {2,}(?=\S)/g, "  "),
    `${head}

  OBJECT  STATE  KIND  WHY
  task:cleanup  enabled  exec  line 5:6: .exec() is the alert handler "exec", which the operator disabled
  ${url} delete tasks cleanup
  task:of-any  enabled  post  line 2:28: the alert target "http://192.168.1.1" leads to 192.168.1.1, which deny-target-cidrs covers
  ${url} delete tasks of-any
  task:of-shell  enabled  exec  line 2:23: .exec() is the alert handler "exec", which the operator disabled
  ${url} delete tasks of-shell
  handler:main:clean:alert2/back  active  tcp  the alert target "127.0.0.1:9092" leads back to Kapacitor or the gateway, where it could define anything
  ${url} delete topic-handlers main:clean:alert2 back
  handler:ops/restart  active  exec  the alert handler "exec" is disabled by the operator
  ${url} delete topic-handlers ops restart
  config:alerta  enabled  alerta  the alert target "http://10.0.0.9:8080" leads to 10.0.0.9, which deny-target-cidrs covers
  curl -sS -d '{"set":{"enabled":false}}' ${api}/config/alerta/
  config:slack  global  slack  the alert handler "slack" is disabled by the operator, and global = true adds it to every alert that names none of its kind
  curl -sS -d '{"set":{"enabled":false,"global":false}}' ${api}/config/slack/
  task:idle  disabled  post  line 1:28: the alert target "http://10.1.2.3:8080" leads to 10.1.2.3, which deny-target-cidrs covers
  ${url} delete tasks idle
  task:it's\uFFFD[31m odd/b  disabled  exec  line 5:6: .exec() is the alert handler "exec", which the operator disabled
  curl -sS -X DELETE ${api}/tasks/it%27s%1B%5B31m%20odd/b
  template:shell  stored  exec  line 2:23: .exec() is the alert handler "exec", which the operator disabled
  ${url} delete templates shell
  config:httppost/inside  stored  post  the alert target "http://10.0.0.5" leads to 10.0.0.5, which deny-target-cidrs covers
  curl -sS -d '{"remove":["inside"]}' ${api}/config/httppost # or from kapacitor.conf, where it stands there

  Known ([alerts] accepted):

  OBJECT  STATE  KIND  WHY
  task:legacy  enabled  log  line 1:23: .log() is the alert handler "log", which the operator disabled

  Accepted, but no finding: handler:ops/gone

Each command removes the finding above it. To look first: kapacitor show ID; to stop a task and keep its script:
kapacitor disable ID. A target that alerts may be sent to belongs into [alerts] allow-targets, anything else that is
meant to stay into [alerts] accepted = ["task:cleanup"]
`.replace(/ {2,}(?=\S)/g, "  "),
  );
  t.ok(
    standin.requests.slice(before).every(({ method }) => method === "GET"),
    "by reading only",
  );
});

/** What a command of the report sends, without a shell: `kapacitor delete` as the DELETE that it makes, curl by its words. */
async function carryOut(standin: Standin, command: string): Promise<void> {
  const words = [...command.replace(/ #.*/, "").matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );
  const base = `${standin.url}/kapacitor/v1`;
  if (words[0] === "kapacitor") {
    t.strictSame(words.slice(1, 4), ["-url", standin.url, "delete"]);
    const [, , , , what = "", ...ids] = words;
    const path = what === "topic-handlers" ? `alerts/topics/${ids[0]}/handlers/${ids[1]}` : `${what}/${ids[0]}`;
    t.equal((await fetch(`${base}/${path}`, { method: "DELETE" })).status, 204, command);
    return;
  }
  t.strictSame(words.slice(0, 2), ["curl", "-sS"]);
  const [flag, value = "", url = ""] = words.slice(2);
  const answer = await (flag === "-X" ? fetch(url, { method: value }) : fetch(url, { method: "POST", body: value }));
  t.equal(answer.status, 204, command);
}

t.test("JSON, and after its commands nothing is left", async (t) => {
  const standin = await start(t);
  await fill(standin);
  const first = await audit(instance(standin.url) + policy + accepted, "-json");
  t.equal(first.code, 3);
  const { ok, reports } = JSON.parse(first.stdout);
  t.equal(ok, false);
  t.match(reports, [
    {
      instance: "default",
      url: standin.url,
      time: /^\d{4}-.*Z$/,
      hasPolicy: true,
      audited: { task: 7, template: 2, handler: 3, config: 24, "flux-task": 0 },
      findingCount: 11,
      unused: ["handler:ops/gone"],
      notes: [],
    },
  ]);
  const [report] = reports;
  t.equal(report.findings.length, 11);
  t.match(report.findings[0], {
    kind: "task",
    name: "cleanup",
    object: "task:cleanup",
    state: "enabled",
    reason: "handler_disabled",
    handler: "exec",
    line: 5,
    column: 6,
    remove: `kapacitor -url ${standin.url} delete tasks cleanup`,
  });
  t.match(report.accepted, [{ object: "task:legacy" }]);
  for (const { remove } of report.findings) await carryOut(standin, remove);
  const second = await audit(instance(standin.url) + policy + accepted, "-json");
  t.equal(second.code, 0, "accepted objects are no findings");
  t.match(JSON.parse(second.stdout), {
    ok: true,
    reports: [{ findingCount: 0, accepted: [{ object: "task:legacy" }] }],
  });
  t.strictSame(
    standin
      .stored()
      .tasks.map(({ id }) => id)
      .toSorted(),
    ["clean", "legacy"],
  );
});

t.test(
  "a handler of a deleted topic is hidden, and live again after a restart: whoever names the topic betrays it",
  async (t) => {
    const standin = await start(t);
    await store(standin, "POST", "/tasks", task("clean", clean));
    await store(standin, "POST", "/alerts/topics/ops/handlers", {
      id: "on",
      kind: "publish",
      options: { topics: ["next"] },
    });
    await store(standin, "POST", "/alerts/topics/next/handlers", { id: "shell", kind: "exec", options: { prog: "x" } });
    for (const topic of ["ops", "next"]) {
      await fetch(`${standin.url}/kapacitor/v1/alerts/topics/${topic}`, { method: "DELETE" });
    }
    const topics = await (await fetch(`${standin.url}/kapacitor/v1/alerts/topics`)).text();
    t.strictSame(JSON.parse(topics).topics, [], "Kapacitor lists none");
    const { code, stdout } = await audit(instance(standin.url) + policy);
    t.equal(code, 3);
    t.match(stdout, "handler:next/shell");
  },
);

t.test("several instances, each by its own policy", async (t) => {
  const one = await start(t);
  const two = await start(t);
  await store(one, "POST", "/tasks", task("cleanup", exec));
  await store(two, "POST", "/tasks", task("cleanup", exec));
  const named = (name: string, standin: Standin, more: string): string =>
    `[[kapacitor]]\n  name = "${name}"\n  hosts = ["${name}.test"]\n  url = "${standin.url}"\n${more}`;
  const toml = `${named("one", one, "")}${named("two", two, "  disable-handlers = []\n")}[alerts]\n  disable-handlers = ["exec"]\n`;
  const both = await audit(toml);
  t.equal(both.code, 3);
  t.match(both.stdout, `one (${one.url}): 1 finding (none active)`);
  t.match(both.stdout, `two (${two.url}): no policy\n  no handler is disabled`);
  t.equal(two.requests.length, 1, "nothing is asked where there is no policy");
  t.equal((await audit(toml, "-instance", "two")).code, 0);
  const accepting = `${named("one", one, `  accepted = ["task:cleanup"]\n`)}[alerts]\n  disable-handlers = ["exec"]\n`;
  t.equal((await audit(accepting)).code, 0, "accepted of the instance");
  t.match(await audit(toml, "-instance", "three"), { code: 1, stderr: /no instance "three"; there are one, two/ });
});

t.test("a Kapacitor that cannot be read is said to be so", async (t) => {
  const standin = await start(t);
  const down = await audit(instance("http://127.0.0.1:9", `  username = "kap"\n  password = "hunter2"\n`) + policy);
  t.equal(down.code, 2);
  t.match(down.stdout, "not complete, no findings");
  t.match(down.stdout, "(upstream_unreachable: ECONNREFUSED)");
  t.notMatch(down.stdout, "hunter2");
  const flags = await audit("", "-upstream", standin.url, "-disable-handlers", "exec");
  t.equal(flags.code, 0);
  t.match(flags.stdout, "no findings in 0 tasks");
  t.equal((await audit("", "-nonsense")).code, 1);
  t.equal((await audit("", "argument")).code, 1);
  t.match(await audit(`[alerts]\n  accepted = ["tasks:x"]\n`), { code: 1, stderr: /must begin with task:, template:/ });
});
