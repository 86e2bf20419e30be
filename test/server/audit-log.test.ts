import { readFile, rename } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import t from "tap";
import { Pool } from "undici";
import { openLog } from "../../src/observability/logger.ts";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic, type LogRecord, startTestGateway } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";

const policy = `${adminUser}[[user]]
name = "vera"
role = "viewer"
password-hash = "$2b$04$ORTTCCVxc3Xvr.AOESzlreDjEww8XFvHkGdvq0XYlpWdJiiVt7NMa"
[alerts]
disable-handlers = ["exec"]
`;
const task = (id: string | undefined, script = "stream|from().measurement('cpu')|alert()"): string =>
  JSON.stringify({ id, type: "stream", dbrps: [{ db: "telegraf", rp: "autogen" }], script });
const exec = "stream|from().measurement('cpu')|alert().exec('/bin/true')";

interface Case {
  readonly what: string;
  readonly send: readonly [method: string, path: string, body?: string];
  readonly login?: string;
  readonly record: LogRecord;
}

const base = "/kapacitor/v1";
const allowed = { decision: "allowed", principal: "admin", instance: "default", client_address: "127.0.0.1" };

const cases: readonly Case[] = [
  {
    what: "a task is named by its body",
    send: ["POST", `${base}/tasks`, task("cpu")],
    record: { ...allowed, class: "task-define", object: "task:cpu", upstream_status: 200, status: 200, level: 30 },
  },
  {
    what: "or by Kapacitor",
    send: ["POST", `${base}/tasks`, task(undefined)],
    record: { ...allowed, object: /^task:.{8}/, upstream_status: 200 },
  },
  {
    what: "a template",
    send: ["POST", `${base}/templates`, '{"id":"first","type":"stream","script":"stream|from()"}'],
    record: { ...allowed, class: "template-define", object: "template:first" },
  },
  {
    what: "a task that gets another name",
    send: ["PATCH", `${base}/tasks/cpu`, '{"id":"processor"}'],
    record: { ...allowed, object: "task:cpu", new_name: "processor", upstream_status: 200 },
  },
  {
    what: "what Kapacitor refuses",
    send: ["POST", `${base}/tasks`, '{"id":"broken","type":"nonsense"}'],
    record: { ...allowed, object: "task:broken", upstream_status: 400, status: 400 },
  },
  {
    what: "what the policy refuses never reaches Kapacitor",
    send: ["POST", `${base}/tasks`, task("evil", exec)],
    record: {
      decision: "refused",
      principal: "admin",
      object: "task:evil",
      reason: "handler_disabled",
      upstream_status: undefined,
      status: 403,
      level: 40,
    },
  },
  {
    what: "a handler of a topic",
    send: ["POST", `${base}/alerts/topics/ops/handlers`, '{"id":"mail","kind":"slack","options":{}}'],
    record: { ...allowed, class: "handler-define", object: "handler:ops/mail" },
  },
  {
    what: "a handler that is replaced",
    send: ["PUT", `${base}/alerts/topics/ops/handlers/mail`, '{"id":"post","kind":"slack","options":{}}'],
    record: { ...allowed, object: "handler:ops/mail", new_name: "post" },
  },
  {
    what: "a handler that is deleted",
    send: ["DELETE", `${base}/alerts/topics/ops/handlers/post`],
    record: { ...allowed, class: "topic-delete", object: "handler:ops/post", upstream_status: 204 },
  },
  {
    what: "a topic that is deleted",
    send: ["DELETE", `${base}/alerts/topics/ops`],
    record: { ...allowed, object: "topic:ops" },
  },
  {
    what: "a section of the configuration",
    send: ["POST", `${base}/config/smtp/`, '{"set":{"password":"a secret of the section"}}'],
    record: { ...allowed, class: "config-change", object: "config:smtp" },
  },
  {
    what: "a test of a service",
    send: ["POST", `${base}/service-tests/slack`, '{"id":"not a name"}'],
    record: { ...allowed, object: "service-test:slack", new_name: undefined },
  },
  {
    what: "the log level",
    send: ["POST", `${base}/loglevel`, '{"level":"DEBUG"}'],
    record: { ...allowed, class: "loglevel", object: "loglevel" },
  },
  {
    what: "a role that may not",
    send: ["DELETE", `${base}/tasks/processor`],
    login: "vera:correct horse",
    record: { decision: "refused", principal: "vera", object: "task:processor", reason: "role_denied", status: 403 },
  },
  {
    what: "somebody who is nobody",
    send: ["DELETE", `${base}/tasks/processor`],
    login: "admin:wrong",
    record: { decision: "refused", principal: undefined, object: "task:processor", reason: "credentials_invalid" },
  },
  {
    what: "a task that is deleted",
    send: ["DELETE", `${base}/tasks/processor`],
    record: { ...allowed, class: "task-delete", method: "DELETE", object: "task:processor", upstream_status: 204 },
  },
];

t.test("every call that changes something leaves one record, and nothing else leaves any", async (t) => {
  const standin = await startStandin({});
  const file = join(t.testdir({}), "audit.log");
  const auditFile = await openLog({ file, level: "INFO", format: "json" });
  const gateway = await startTestGateway(`${policy}[[kapacitor]]\nurl = "${standin.url}"\n`, { auditFile });
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
  });
  const changes = (): LogRecord[] => gateway.records.filter(({ msg }) => msg === "change");
  const quiet: readonly (readonly [string, string, string?])[] = [
    ["GET", `${base}/tasks`],
    ["GET", `${base}/config`],
    ["OPTIONS", `${base}/tasks/cpu`],
    ["POST", "/write?db=telegraf", "cpu v=1\n"],
    ["PUT", `${base}/tasks/cpu`, "{}"],
    ["POST", "/nowhere", "{}"],
  ];
  for (const [method, path, body] of quiet) await gateway.request(method, path, { login: admin, ...bodyOf(body) });
  await gateway.request("GET", `${base}/ping`, { login: admin });
  t.strictSame(changes(), []);
  for (const { what, send, login = admin, record } of cases) {
    const before = changes().length;
    const [method, path, body] = send;
    const answer = await gateway.request(method, path, { login, ...bodyOf(body) });
    await gateway.record(
      (entry) => entry.request_id === answer.headers["request-id"] || entry.status === answer.status,
    );
    for (let tries = 0; tries < 200 && changes().length === before; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
    t.equal(changes().length, before + 1, what);
    t.match(changes().at(-1), record, what);
  }
  const text = JSON.stringify(changes());
  for (const secret of ["a secret of the section", "correct horse", "wrong"]) t.notMatch(text, secret);
  await auditFile.close();
  const written = (await readFile(file, "utf8"))
    .trim()
    .split("\n")
    .map((line): LogRecord => JSON.parse(line));
  const bare = (record: LogRecord): unknown => ({ ...record, time: undefined, level: undefined });
  t.same(written.map(bare), changes().map(bare), "the file has the same");
});

function bodyOf(body: string | undefined): { body?: string } {
  return body === undefined ? {} : { body };
}

t.test(
  "a definition whose sender left is recorded with Kapacitor's answer, or without one when the gateway ends first",
  async (t) => {
    let release: (() => void) | undefined;
    let arrived: () => void = () => {};
    const standin = await startStandin({
      intercept: (request, response) => {
        if (request.method !== "POST") return false;
        release = () => response.writeHead(200).end('{"link":{"rel":"self","href":"/kapacitor/v1/tasks/cpu"}}');
        arrived();
        return true;
      },
    });
    const gateway = await startTestGateway(`${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`, {
      http: "https-enabled = false",
    });
    t.teardown(() => standin.close());
    const leave = async (): Promise<void> => {
      const there = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const body = task("cpu");
      const socket = connect(gateway.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(
        `POST ${base}/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(admin)}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      await there;
      const before = gateway.records.filter(({ msg }) => msg === "request").length;
      socket.destroy();
      while (gateway.records.filter(({ msg }) => msg === "request").length === before)
        await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const changes = (): LogRecord[] => gateway.records.filter(({ msg }) => msg === "change");
    await leave();
    t.strictSame(changes(), [], "not before the answer");
    release?.();
    while (changes().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    t.match(changes()[0], { decision: "allowed", object: "task:cpu", upstream_status: 200, status: 0 });
    await leave();
    await gateway.close();
    t.match(changes()[1], { decision: "allowed", object: "task:cpu", upstream_status: undefined });
    release?.();
  },
);

t.test("the audit file has the changes and nothing else, and is opened again by SIGHUP", async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin({});
  t.teardown(async () => {
    await standin.close();
    await folder.remove();
  });
  const logging = '[logging]\naudit-file = "audit.log"\n';
  await folder.write("kapgate.toml", `${liveBase}${adminUser}${logging}[[kapacitor]]\nurl = "${standin.url}"\n`);
  const live = launch(["-log-level", "INFO"], { cwd: folder.path });
  t.teardown(() => live.child.kill("SIGKILL"));
  // A busy machine may take its time to start a process.
  const patienceMs = 30_000;
  await live.until((record) => record.msg === "listening", patienceMs);
  const port = await listeningPort(live);
  const pool = new Pool(`https://127.0.0.1:${port}`, { connect: { ca: folder.ca } });
  t.teardown(() => pool.destroy());
  const remove = async (id: string): Promise<void> => {
    const path = `${base}/tasks/${id}`;
    const answer = await pool.request({ method: "DELETE", path, headers: { authorization: basic(admin) } });
    await answer.body.dump();
    await live.until((record) => record.msg === "change" && record.object === `task:${id}`, patienceMs);
  };
  const file = join(folder.path, "audit.log");
  await remove("first");
  await rename(file, `${file}.1`);
  live.child.kill("SIGHUP");
  await live.until((record) => record.msg === "reloaded", patienceMs);
  await remove("second");
  live.child.kill("SIGTERM");
  await live.ended;
  const [old, now] = await Promise.all([readFile(`${file}.1`, "utf8"), readFile(file, "utf8")]);
  t.match(old, "task:first");
  t.match(now, "task:second");
  t.notMatch(now, "task:first");
  t.notMatch(old + now, '"msg":"request"');
});
