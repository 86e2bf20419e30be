import { once } from "node:events";
import t, { type Test } from "tap";
import type { StandingTimes } from "../../src/server/standing.ts";
import { type Standin, startStandin } from "../../src/standin/server.ts";
import { type FakeInfluxdb, root, startFakeInfluxdb } from "../influxdb/fake-influxdb.ts";
import { basic, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { openTls } from "../support/raw.ts";
import { hash, password, userToml } from "./clients.ts";

interface Bench {
  readonly gateway: TestGateway;
  readonly standin: Standin;
  readonly influxdb: FakeInfluxdb;
  readonly boss: string;
  readonly rest: string;
}

async function start(t: Test, users: string, standing?: StandingTimes): Promise<Bench> {
  const influxdb = await startFakeInfluxdb();
  const standin = await startStandin();
  const boss = userToml("boss", "admin");
  const rest = `[[kapacitor]]\nurl = "${standin.url}"\n[alerts]\ndisable-handlers = ["exec"]\n[influxdb]\nurl = "${influxdb.url}"\nusername = "${root.name}"\npassword = "${root.password}"\nusers = true\ncache-expiration = "0s"\n`;
  const gateway = await startTestGateway(users + boss + rest, { standing });
  t.teardown(async () => {
    await gateway.close();
    await influxdb.close();
    await standin.close();
  });
  return { gateway, standin, influxdb, boss, rest };
}

/** Opens a connection and sends something; resolves with whether it is open still, whenever asked. */
async function send(gateway: TestGateway, head: string, login: string, body = "") {
  const socket = await openTls(gateway.port, gateway.ca);
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.on("data", () => {});
  socket.write(`${head} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${basic(login)}\r\n${body}`);
  return { socket, closed, isOpen: () => !socket.destroyed && !socket.closed };
}

/** Follows Kapacitor's log, which never ends. */
async function follow({ gateway, standin }: Bench, login: string) {
  const before = standin.logStreams;
  const stream = await send(gateway, "GET /kapacitor/v1preview/logs", login, "\r\n");
  while (standin.logStreams === before) await new Promise((resolve) => setTimeout(resolve, 5));
  return stream;
}

/**
 * Found by an attack: a stream was judged when it began and never again, so a viewer who followed Kapacitor's log went on reading it after the
 * password was changed, the user removed or the address denied.
 */
t.test("a stream does not outlive what it was admitted by", async (t) => {
  const bench = await start(t, userToml("ann", "viewer"));
  const { gateway, boss, rest } = bench;
  const ann = `ann:${password}`;
  const changes: readonly [what: string, toml: string, reason: string][] = [
    [
      "another password",
      userToml("ann", "viewer").replace(hash, hash.replace(/.$/, "e")) + boss,
      "credentials_invalid",
    ],
    ["another role", userToml("ann", "writer") + boss, "role_denied"],
    ["removed", boss, "credentials_invalid"],
    ["denied address", `${userToml("ann", "viewer")}${boss}[access]\ndeny-cidrs = ["127.0.0.0/8"]\n`, "client_denied"],
  ];
  for (const [what, toml, reason] of changes) {
    await gateway.reload(userToml("ann", "viewer") + boss + rest);
    const stream = await follow(bench, ann);
    const others = await follow(bench, `boss:${password}`);
    await gateway.reload(`${userToml("ann", "viewer")}${boss}${rest}[logging]\nlevel = "DEBUG"\n`);
    t.ok(stream.isOpen(), `${what}: a reload that takes nothing from ann leaves her stream`);
    await gateway.reload(toml + rest);
    await stream.closed;
    await gateway.record((record) => record.principal === "ann" && record.reason === reason);
    if (reason !== "client_denied") t.ok(others.isOpen(), `${what}: other people's streams stay`);
    others.socket.destroy();
  }
});

t.test("nor what InfluxDB takes back, without any reload; while it is down, streams go on", async (t) => {
  const bench = await start(t, "", { everyMs: 20, graceMs: 0 });
  const { gateway, influxdb } = bench;
  influxdb.users.set("eve", { password: "p", grants: { db: "READ" } });
  const stream = await follow(bench, "eve:p");
  const asked = influxdb.questions.length;
  influxdb.mood = "down";
  influxdb.cut();
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.ok(stream.isOpen());
  influxdb.mood = "well";
  while (influxdb.questions.length === asked) await new Promise((resolve) => setTimeout(resolve, 5));
  t.ok(stream.isOpen(), "it may still read");
  influxdb.users.set("eve", { password: "p", grants: { db: "WRITE" } });
  await stream.closed;
  await gateway.record((record) => record.principal === "eve" && record.reason === "role_denied");
});

/**
 * Found by an attack: a body may take as long as it likes as long as a byte comes now and then, and is judged by the user and the policy of
 * when it began: a definition that was begun in time could be kept for years as a way around every later configuration.
 */
t.test("a definition that is still arriving is judged neither for a user nor by a policy of long ago", async (t) => {
  const bench = await start(t, userToml("ann", "editor"), { everyMs: 20, graceMs: 200 });
  const { gateway, standin, boss, rest } = bench;
  const [head, tail] = [`{"id":"t","type":"stream","dbrps":[{"db":"a","rp":"b"}],`, `"script":"stream|from()"}`];
  const begin = async () => {
    const slow = await send(
      gateway,
      "POST /kapacitor/v1/tasks",
      `ann:${password}`,
      `Expect: 100-continue\r\nContent-Length: ${head.length + tail.length}\r\n\r\n${head}`,
    );
    // 100 Continue: it was admitted.
    await once(slow.socket, "data");
    return slow;
  };
  const first = await begin();
  await gateway.reload(boss + rest);
  await first.closed;
  await gateway.record((record) => record.principal === "ann" && record.reason === "credentials_invalid");
  await gateway.reload(userToml("ann", "editor") + boss + rest);
  const second = await begin();
  await gateway.reload(userToml("ann", "editor") + boss + rest.replace(`["exec"]`, `["exec", "log"]`));
  t.ok(second.isOpen(), "it has some time, so that a reload costs nobody a request");
  await second.closed;
  await gateway.record((record) => record.principal === "ann" && record.reason === "request_timeout");
  t.strictSame(
    standin.requests.filter(({ method }) => method === "POST"),
    [],
    "neither reached Kapacitor",
  );
});
