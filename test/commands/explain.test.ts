import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { findCommand, helpFor } from "../../src/commands/catalogue.ts";
import { run } from "../../src/commands/explain.ts";
import { startStandin } from "../../src/standin/server.ts";
import { type Outcome, runIn } from "./run-in.ts";

const files: Readonly<Record<string, string>> = {
  "clean.tick": "stream|from()|alert().crit(lambda: TRUE).slack()",
  "dirty.tick": `// Alerts on idle CPUs.
stream
  |from()
  |alert()
    .crit(lambda: "usage_idle" < 10)
    .exec('/bin/sh')
    .slack()
    .log('/tmp/alerts')
`,
  "post.tick": "stream|from()|alert().post('http://10.1.2.3:8080/hook')",
  "self.tick": "stream|from()|alert().post('http://127.0.0.1:9092/kapacitor/v1/tasks')",
  "udf.tick": "stream|from()@guess()",
  "broken.tick": "stream|from(",
  "template.tick": "var url string\nstream|from()|alert().post(url)",
  "handler.yaml": "topic: ops\nid: restart\nkind: exec\noptions:\n  prog: /bin/x\n",
  "handler.json": `{"topic":"ops","id":"chat","kind":"slack","options":{"channel":"#x"}}`,
  "folded.json": `{"topic":"ops","id":"x","Kind":"exec"}`,
  "twice.json": `{"topic":"ops","id":"x","kind":"slack","kind":"exec"}`,
  "broken.json": `{"kind":`,
  "broken.yaml": "kind: [",
  "other.yaml": "name: x\n",
  "vars.yaml": "template-id: cpu\ndbrps: [d.r]\nvars:\n  url: {type: string, value: http://10.0.0.1/}\n",
  "notes.txt": "exec",
  "task.json": JSON.stringify({ id: "x", script: "stream|from()|alert().exec('x')" }),
  "kapgate.toml": `[http]
  max-body-size = 1000
[[user]]
  name = "ops"
  role = "editor"
  instances = ["two"]
  password-hash = "$2b$04$ORTTCCVxc3Xvr.AOESzlreDjEww8XFvHkGdvq0XYlpWdJiiVt7NMa"
[access]
  deny-cidrs = ["192.0.2.0/24"]
[[kapacitor]]
  name = "one"
  hosts = ["one.test"]
[[kapacitor]]
  name = "two"
  disable-handlers = ["slack"]
[alerts]
  disable-handlers = ["log", "EXEC"]
`,
  "report.toml": `[alerts]\n  disable-handlers = ["exec", "log"]\n  mode = "report"\n`,
};

const directory = await mkdtemp(join(tmpdir(), "kapgate-explain-"));
t.teardown(() => rm(directory, { recursive: true }));
for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
await writeFile(join(directory, "bytes.tick"), Buffer.from([0x73, 0xff]));

/** Runs it where no configuration is found by itself. */
const explain = (...argv: readonly string[]): Promise<Outcome> => {
  const config = argv.includes("-config") ? [] : ["-config", "empty.toml"];
  return runIn(directory, run, ...config, ...argv);
};
await writeFile(join(directory, "empty.toml"), "");

t.test("a script: decision, reason, place, code frame, kinds, rule and fix", async (t) => {
  const { code, stdout, stderr } = await explain("-disable-handlers", "exec,log", "dirty.tick");
  t.equal(code, 3);
  t.equal(stderr, "");
  t.equal(
    stdout,
    `dirty.tick: refused (403 handler_disabled)
  as        a task
  line 6:6: .exec() is the alert handler "exec", which the operator disabled
    4 |   |alert()
    5 |     .crit(lambda: "usage_idle" < 10)
  > 6 |     .exec('/bin/sh')
      |      ^^^^
    7 |     .slack()
  line 8:6: .log() is the alert handler "log", which the operator disabled
    6 |     .exec('/bin/sh')
    7 |     .slack()
  > 8 |     .log('/tmp/alerts')
      |      ^^^
    9 |
  kind      exec, log
  rule      alerts.disable-handlers = ["exec","log"] (-disable-handlers)
  fix       use a handler that is not disabled, or take "exec" out of alerts.disable-handlers
`,
  );
});

interface Row {
  readonly argv: readonly string[];
  readonly code: number;
  readonly stdout?: readonly (string | RegExp)[];
  readonly stderr?: RegExp;
}

const exec = ["-disable-handlers", "exec"] as const;
const inside = ["-deny-target-cidrs", "private"] as const;
const request = ["-config", "kapgate.toml", "-path", "/kapacitor/v1/tasks", "-method", "POST", "-body", "task.json"];

const rows: Readonly<Record<string, Row>> = {
  "a clean script is allowed": {
    argv: [...exec, "clean.tick"],
    code: 0,
    stdout: ["clean.tick: allowed", "handlers  slack"],
  },
  "one refused script of several is enough": { argv: [...exec, "clean.tick", "dirty.tick"], code: 3 },
  "without any policy nothing is judged, and that is said": {
    argv: ["dirty.tick"],
    code: 0,
    stdout: ["allowed", "definitions are not judged"],
  },
  "a syntax error has its place": {
    argv: [...exec, "broken.tick"],
    code: 3,
    stdout: ["400 script_unparsable", "line 1:13", "rule      built in"],
  },
  "a script with a var that has no value is a template": {
    argv: [...inside, "template.tick"],
    code: 0,
    stdout: ["as        a template", "judged with every task of it", "handlers  post"],
  },
  "a target: the entry that covers it, and the exception that would help": {
    argv: ["-deny-target-cidrs", "192.0.2.0/24,private", "post.tick"],
    code: 3,
    stdout: [
      "403 target_denied",
      "leads to 10.1.2.3",
      "kind      post",
      'rule      alerts.deny-target-cidrs = ["192.0.2.0/24","private"] (-deny-target-cidrs)',
      'add "10.1.2.3:8080" to allow-targets',
    ],
  },
  "a target that leads back is refused by a rule that is built in": {
    argv: [...exec, "self.tick"],
    code: 3,
    stdout: ["leads back to Kapacitor", "rule      built in", 'add "127.0.0.1:9092" to allow-targets'],
  },
  "a topic handler in YAML": {
    argv: [...exec, "handler.yaml"],
    code: 3,
    stdout: ["as        a topic handler", "403 handler_disabled", "kind      exec"],
  },
  "a topic handler in JSON": { argv: [...exec, "handler.json"], code: 0, stdout: ["handler.json: allowed"] },
  "JSON with two readings is judged as it stands": {
    argv: [...exec, "twice.json"],
    code: 3,
    stdout: ["400 body_unparsable", "the same to Kapacitor"],
  },
  "a member in another case is still a kind": { argv: [...exec, "folded.json"], code: 3, stdout: ["must be spelt"] },
  "JSON that is none": { argv: [...exec, "broken.json"], code: 3, stdout: ["400 body_unparsable"] },
  "YAML that is none has nothing to judge": {
    argv: [...exec, "broken.yaml"],
    code: 1,
    stderr: /broken\.yaml is not YAML/,
  },
  "a file that defines nothing": {
    argv: [...exec, "other.yaml"],
    code: 1,
    stderr: /neither a topic handler .* nor a task/,
  },
  "a file that is missing, and the others are judged": {
    argv: [...exec, "gone.tick", "clean.tick"],
    code: 1,
    stdout: ["clean.tick: allowed"],
    stderr: /gone\.tick does not exist/,
  },
  "a folder": { argv: [...exec, "."], code: 1, stderr: /\. cannot be read \(EISDIR\)/ },
  "a script that is not UTF-8": { argv: [...exec, "bytes.tick"], code: 1, stderr: /bytes\.tick is not UTF-8/ },
  "another kind of file": { argv: [...exec, "notes.txt"], code: 1, stderr: /is no \.tick, \.json, \.yaml/ },
  "nothing to explain": { argv: [...exec], code: 1, stderr: /name a \.tick, \.json or \.yaml file, or a request/ },
  "a flag of requests with a file": {
    argv: ["-user", "x", "clean.tick"],
    code: 1,
    stderr: /-user belongs to a request/,
  },
  "a flag of requests without a path": { argv: ["-method", "GET"], code: 1, stderr: /-method needs -path/ },
  "a handler that does not exist": {
    argv: ["-disable-handlers", "exce", "clean.tick"],
    code: 1,
    stderr: /did you mean exec/,
  },
  "an instance that does not exist": { argv: ["-instance", "x", "clean.tick"], code: 1, stderr: /there are default/ },
  "report mode lets pass, and says what enforce would do": {
    argv: ["-config", "report.toml", "dirty.tick"],
    code: 0,
    stdout: [
      "dirty.tick: allowed",
      'mode = "report"',
      "enforce would refuse it (403 handler_disabled)",
      "report.toml:2)",
    ],
  },
  "a file is judged for every instance": {
    argv: ["-config", "kapgate.toml", "clean.tick"],
    code: 3,
    stdout: [
      /clean\.tick: allowed\n {2}as {8}a task\n {2}instance {2}one/,
      /clean\.tick: refused \(403 handler_disabled\)\n {2}as {8}a task\n {2}instance {2}two/,
      'kapacitor[1].disable-handlers = ["slack"]',
    ],
  },
  "a file is judged for the instance that is named": {
    argv: ["-config", "kapgate.toml", "-instance", "one", "clean.tick"],
    code: 0,
  },
  "a request: class, user and the line of the rule, as it is spelt there": {
    argv: [...request, "-host", "one.test"],
    code: 3,
    stdout: [
      "POST /kapacitor/v1/tasks: refused (403 handler_disabled)",
      "class     task-define",
      "user      any admin",
      /rule {6}alerts\.disable-handlers = \["log","EXEC"\] \(.*kapgate\.toml:17\)/,
      'take "EXEC" out of',
    ],
  },
  "a request, by instance": {
    argv: [...request, "-instance", "two"],
    code: 0,
    stdout: ["POST /kapacitor/v1/tasks: allowed"],
  },
  "a host that is not the instance's": {
    argv: [...request, "-instance", "two", "-host", "one.test"],
    code: 1,
    stderr: /host and path select the instance one, not two/,
  },
  "a client that is denied": {
    argv: [...request, "-client", "192.0.2.7"],
    code: 3,
    stdout: ["403 client_denied", 'access.deny-cidrs = ["192.0.2.0/24"]', 'take "192.0.2.0/24" out'],
  },
  "a client that is not": { argv: [...request, "-client", "198.51.100.1", "-instance", "two"], code: 0 },
  "a client that is no address": {
    argv: [...request, "-client", "somebody"],
    code: 3,
    stdout: ["client_address_unknown"],
  },
  "a route that the role may not use": {
    argv: ["-config", "kapgate.toml", "-path", "/kapacitor/v1/config", "-user", "ops"],
    code: 3,
    stdout: ["GET /kapacitor/v1/config: refused (403 role_denied)", "user      ops", 'rule      api.config = "admin"'],
  },
  "a user that does not exist": {
    argv: ["-config", "kapgate.toml", "-path", "/kapacitor/v1/ping", "-user", "nobody"],
    code: 1,
    stderr: /no user "nobody"; there are ops/,
  },
  "a path with two readings": { argv: ["-path", "/kapacitor/v1/tasks/../x"], code: 3, stdout: ["400 bad_target"] },
  "a path that does not exist": { argv: ["-path", "/kapacitor/v1/nothing"], code: 3, stdout: ["404 route_unknown"] },
  "a method that does not exist": { argv: ["-path", "/kapacitor/v1/ping", "-method", "PUT"], code: 3, stdout: ["405"] },
  "a browser of another site": {
    argv: [...request, "-instance", "two", "-header", "Sec-Fetch-Site: cross-site"],
    code: 3,
    stdout: ["403 cross_site"],
  },
  "a body that is encoded": {
    argv: [...request, "-host", "one.test", "-header", "Content-Encoding: gzip"],
    code: 3,
    stdout: ["415 body_encoding"],
  },
  "two hosts": {
    argv: [...request, "-host", "one.test", "-header", "Host: two.test"],
    code: 3,
    stdout: ["400 bad_request"],
  },
  "a host by its header": {
    argv: [...request, "-header", "Host: one.test"],
    code: 3,
    stdout: ["403 handler_disabled"],
  },
  "a header that is none": { argv: [...request, "-header", "nonsense"], code: 1, stderr: /'Name: value'/ },
  "a password": { argv: [...request, "-header", "Authorization: Basic eDp5"], code: 1, stderr: /name the user: -user/ },
  "a body that is missing": { argv: ["-path", "/x", "-body", "gone"], code: 1, stderr: /gone does not exist/ },
  "a write": { argv: ["-path", "/write?db=d", "-method", "POST"], code: 0, stdout: ["class     write"] },
  "a write with two databases": {
    argv: ["-path", "/write?db=d&db=e", "-method", "POST"],
    code: 3,
    stdout: ["400 bad_target"],
  },
};

for (const [story, { argv, code, stdout = [], stderr = /^$/ }] of Object.entries(rows)) {
  t.test(story, async (t) => {
    const outcome = await explain(...argv);
    t.equal(outcome.code, code, outcome.stdout + outcome.stderr);
    for (const text of stdout) t.match(outcome.stdout, text);
    t.match(outcome.stderr, stderr);
  });
}

t.test("a body beyond max-body-size is not judged", async (t) => {
  await writeFile(join(directory, "large.json"), JSON.stringify({ script: "x".repeat(2000) }));
  const { code, stdout } = await explain(...request.slice(0, -1), "large.json", "-host", "one.test");
  t.equal(code, 3);
  t.match(stdout, "413 body_too_large");
  t.match(stdout, /http\.max-body-size = 1000 .*kapgate\.toml:2/);
});

t.test("a UDF that is not listed", async (t) => {
  await writeFile(join(directory, "udfs.toml"), `[alerts]\n  udfs = ["known"]\n`);
  const { code, stdout } = await explain("-config", "udfs.toml", "udf.tick");
  t.equal(code, 3);
  t.match(stdout, "line 1:15: @guess() is no UDF that the operator allows");
  t.match(stdout, /rule {6}alerts\.udfs = \["known"\] \(.*udfs\.toml:2\)/);
  t.match(stdout, "add this one to alerts.udfs");
});

t.test("stored state is asked for; where it cannot be, it is named and nothing is promised", async (t) => {
  const standin = await startStandin();
  t.teardown(() => standin.close());
  const script = "var url string\nstream|from()|alert().post(url)";
  await fetch(`${standin.url}/kapacitor/v1/templates`, { method: "POST", body: JSON.stringify({ id: "cpu", script }) });
  const asked = await explain("-upstream", standin.url, ...inside, "vars.yaml");
  t.equal(asked.code, 3);
  t.match(asked.stdout, 'template "cpu" as stored, line 2:28: the alert target "http://10.0.0.1" leads to 10.0.0.1');
  t.strictSame(
    standin.requests.slice(1).map(({ method }) => method),
    ["GET"],
    "by one question",
  );
  await standin.close();
  const gone = await explain("-upstream", standin.url, ...inside, "vars.yaml");
  t.equal(gone.code, 3);
  t.match(gone.stdout, "vars.yaml: unknown (502 upstream_unreachable)");
  t.match(
    gone.stdout,
    'it depends on template "cpu" as Kapacitor has stored it, and that could not be read (ECONNREFUSED)',
  );
});

t.test("JSON for programs", async (t) => {
  const { code, stdout } = await explain("-json", ...exec, "clean.tick", "dirty.tick");
  t.equal(code, 3);
  const { ok, explanations } = JSON.parse(stdout);
  t.equal(ok, false);
  t.match(explanations, [
    { subject: "clean.tick", as: "task", instance: "default", decision: "allowed", handlers: ["slack"] },
    {
      subject: "dirty.tick",
      decision: "refused",
      refusal: {
        reason: "handler_disabled",
        status: 403,
        kind: "exec",
        line: 6,
        column: 6,
        frame: /> 6 \| {5}\.exec/,
        rule: { key: "alerts.disable-handlers", value: '["exec"]', entry: "exec", source: "-disable-handlers" },
        fix: /take "exec" out/,
      },
    },
  ]);
});

t.test("a secret of the configuration is never shown", async (t) => {
  await writeFile(
    join(directory, "secret.toml"),
    `[[kapacitor]]\n  username = "kap"\n  password = "hunter2"\n  url = "http://127.0.0.1:9"\n[alerts]\n  disable-handlers = ["exec"]\n`,
  );
  for (const argv of [["dirty.tick"], ["vars.yaml"], ["-json", "vars.yaml"]]) {
    const { stdout, stderr } = await explain("-config", "secret.toml", ...argv);
    t.notMatch(stdout + stderr, "hunter2");
  }
});

t.test("help names every flag", async (t) => {
  const command = findCommand("explain");
  const help = command === undefined ? "" : helpFor(command);
  for (const flag of ["method", "path", "host", "header", "body", "client", "user", "instance", "json", "config"]) {
    t.match(help, `-${flag}`);
  }
});

t.test("what could steer a terminal is replaced", async (t) => {
  await writeFile(join(directory, "steer.json"), JSON.stringify({ "template-id": "\u202ecpu\u009b31m" }));
  const { stdout } = await explain(...exec, "-upstream", "http://127.0.0.1:9", "steer.json");
  t.match(stdout, 'template "\uFFFDcpu\uFFFD31m"');
  t.notMatch(stdout, /[\u202e\u009b]/);
});
