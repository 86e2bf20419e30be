import { randomBytes } from "node:crypto";
import { join } from "node:path";
import t, { type Test } from "tap";
import { request } from "undici";
import { startStandin } from "../../src/standin/server.ts";
import { keepConnection, password, reasonOf, userToml } from "../accounts/clients.ts";
import { basic, startTestGateway, type TestGateway, testCertificate } from "../support/gateway.ts";
import { makeFolder } from "../support/process.ts";
import { findInfluxd, type Influxd, startInfluxd } from "./influxd.ts";
import { findProgram, startKapacitord } from "./kapacitord.ts";

const found = findInfluxd();
const daemon = findProgram("KAPACITORD");
const withoutInfluxd = { skip: "missing" in found && found.missing };
const withoutDaemon = { skip: ("missing" in found && found.missing) || ("missing" in daemon && daemon.missing) };
const root = { name: "root", password: 'root "secret"' };

/** A real InfluxDB with `auth-enabled` and one administrator; `ask` speaks for it. */
async function startGuardedInfluxd(
  t: Test,
): Promise<{ influxd: Influxd; ask: (statement: string) => Promise<string> }> {
  if ("missing" in found) throw new Error(found.missing);
  const folder = await makeFolder();
  const { ca } = await testCertificate();
  const influxd = await startInfluxd(found.path, await folder.write("authority.pem", ca), "auth-enabled = true");
  t.teardown(async () => {
    await influxd.close();
    await folder.remove();
  });
  await influxd.query(`CREATE USER "${root.name}" WITH PASSWORD '${root.password}' WITH ALL PRIVILEGES`);
  const ask = async (statement: string): Promise<string> => {
    const answer = await request(`${influxd.url}/query?q=${encodeURIComponent(statement)}`, {
      method: "POST",
      headers: { authorization: basic(`${root.name}:${root.password}`) },
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200 || text.includes('"error"')) throw new Error(text);
    return text;
  };
  return { influxd, ask };
}

function influxToml(url: string, more: string): string {
  const secret = root.password.replaceAll('"', '\\"');
  return `[influxdb]\nurl = "${url}"\nusername = "${root.name}"\npassword = "${secret}"\n${more}`;
}

/** Waits for something to come true, up to half a minute. */
async function until(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    if (await holds()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

t.test(
  "the users of a real InfluxDB, their grants, and what becomes of logins that it takes back",
  withoutInfluxd,
  async (t) => {
    const { influxd, ask } = await startGuardedInfluxd(t);
    const standin = await startStandin();
    const gateway = await startTestGateway(
      `${userToml("local", "admin")}[[kapacitor]]\nurl = "${standin.url}"\n${influxToml(influxd.url, 'users = true\ncache-expiration = "2s"\n')}`,
    );
    const connection = keepConnection(gateway);
    t.teardown(async () => {
      await connection.close();
      await gateway.close();
      await standin.close();
    });
    await ask("CREATE DATABASE mine");
    await ask("CREATE DATABASE other");
    for (const [name, grants] of [
      ["writer", ["WRITE ON mine"]],
      ["reader", ["READ ON mine"]],
      ["both", ["ALL ON mine"]],
      ["nothing", []],
      ['odd" name', ["WRITE ON mine"]],
    ] as const) {
      const quoted = `"${name.replaceAll('"', '\\"')}"`;
      await ask(`CREATE USER ${quoted} WITH PASSWORD 'p'`);
      for (const grant of grants) await ask(`GRANT ${grant} TO ${quoted}`);
    }
    const say = ({ status, body }: { status: number; body: string }) => `${status} ${reasonOf(body)}`.trim();
    const read = async (login: string) => say(await connection.request("GET", "/kapacitor/v1/tasks", { login }));
    const write = async (login: string, db: string) =>
      say(await connection.request("POST", `/write?db=${db}&rp=autogen`, { login, body: "m v=1 1\n" }));
    const denied = "403 role_denied";
    const wrong = "401 credentials_invalid";
    const rows: readonly [login: string, read: string, mine: string, other: string][] = [
      [`${root.name}:${root.password}`, "200", "204", "204"],
      ["writer:p", denied, "204", denied],
      ["reader:p", "200", denied, denied],
      ["both:p", "200", "204", denied],
      ["nothing:p", denied, denied, denied],
      ['odd" name:p', denied, "204", denied],
      ["writer:q", wrong, wrong, wrong],
      ["nobody:p", wrong, wrong, wrong],
      [`local:${password}`, "200", "204", "204"],
    ];
    for (const [login, ...expected] of rows)
      t.strictSame([await read(login), await write(login, "mine"), await write(login, "other")], expected, login);

    await ask("REVOKE WRITE ON mine FROM writer");
    await ask("GRANT WRITE ON other TO writer");
    t.ok(await until(async () => (await write("writer:p", "mine")) === denied), "a revoked grant");
    t.equal(await write("writer:p", "other"), "204", "and a new one");
    await ask("SET PASSWORD FOR reader = 'new'");
    t.ok(await until(async () => (await read("reader:p")) === wrong), "a changed password");
    t.equal(await read("reader:new"), "200");
    await ask("DROP USER both");
    t.ok(await until(async () => (await write("both:p", "mine")) === wrong), "a dropped user");
    t.equal(connection.connects(), 1, "all of it over one connection");

    await gateway.reload(
      `${userToml("local", "admin")}[[kapacitor]]\nurl = "${standin.url}"\n${influxToml(influxd.url, "users = true\n")}`,
    );
    t.equal(await write("writer:p", "other"), "204");
    await influxd.close();
    t.equal(await write("writer:p", "other"), "204", "InfluxDB is down: who is known goes on");
    t.equal(await read("reader:new"), "503 authentication_unavailable", "who is not has to wait");
    t.equal(await read("reader:p"), "503 authentication_unavailable");
    t.equal(await read(`local:${password}`), "200");
  },
);

t.test("a real InfluxDB that asks nobody for a password lets nobody in", withoutInfluxd, async (t) => {
  if ("missing" in found) return;
  const folder = await makeFolder();
  const influxd = await startInfluxd(found.path, join(folder.path, "ca.pem"));
  const standin = await startStandin();
  await influxd.query(`CREATE USER "${root.name}" WITH PASSWORD '${root.password}' WITH ALL PRIVILEGES`);
  const gateway = await startTestGateway(
    `[[kapacitor]]\nurl = "${standin.url}"\n${influxToml(influxd.url, "users = true\n")}`,
  );
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
    await influxd.close();
    await folder.remove();
  });
  for (const login of [`${root.name}:${root.password}`, `${root.name}:x`, "nobody:x"]) {
    const { status, body } = await gateway.request("GET", "/kapacitor/v1/tasks", { login });
    t.equal(`${status} ${reasonOf(body)}`, "503 authentication_unavailable", login);
  }
  t.match(await gateway.record(({ status }) => status === 503), { cause: /auth-enabled/ });
});

/** A token as Kapacitor makes it (services/influxdb/service.go generateRandomToken). */
function makeToken(): string {
  return Buffer.concat([Buffer.from("default;"), randomBytes(64)]).toString("base64url");
}

const path = "/path/behind/reverse-proxy";

t.test("the subscription tokens of a real InfluxDB", withoutInfluxd, async (t) => {
  const { influxd, ask } = await startGuardedInfluxd(t);
  const standin = await startStandin();
  const gateway = await startTestGateway(
    `[[kapacitor]]\nurl = "${standin.url}"\nsubscription-path = "${path}"\n${influxToml(influxd.url, 'subscription-poll = "1s"\n')}${userToml("local", "admin")}`,
  );
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
  });
  await ask("CREATE DATABASE db");
  const login = basic(`${root.name}:${root.password}`);
  let count = 0;
  const insert = async (): Promise<void> => {
    count += 1;
    const answer = await request(`${influxd.url}/write?db=db&precision=ns`, {
      method: "POST",
      headers: { authorization: login },
      body: `m,host=a v=${count}i ${1_700_000_000_000_000_000n + BigInt(count)}`,
    });
    t.equal(answer.statusCode, 204);
    await answer.body.dump();
  };
  const direct = async (secret: string): Promise<string> => {
    const { status, body } = await gateway.request("POST", `${path}/write?db=db&rp=autogen`, {
      login: `~subscriber:${secret}`,
      body: "direct v=1 1\n",
    });
    return `${status} ${reasonOf(body)}`.trim();
  };
  const token = makeToken();
  const changed = `${token.slice(0, 30)}${token[30] === "A" ? "B" : "A"}${token.slice(31)}`;
  const subscribe = (name: string, secret: string): Promise<string> =>
    ask(
      `CREATE SUBSCRIPTION "${name}" ON db.autogen DESTINATIONS ANY 'https://~subscriber:${encodeURIComponent(secret)}@127.0.0.1:${gateway.port}${path}'`,
    );
  await subscribe("kapacitor-1", token);
  t.equal(await direct(token), "204", "made a moment ago: admitted at its first write");
  t.equal(await direct(changed), "401 credentials_invalid", "one byte changed");
  const arrived = () => standin.points.filter(({ line }) => line.startsWith("m,"));
  for (let times = 0; times < 20; times++) await insert();
  t.ok(await until(() => arrived().length >= 20), "what InfluxDB is told arrives");
  t.equal(new Set(arrived().map(({ line }) => line)).size, 20, "each point once");
  t.match(await gateway.record(({ principal }) => principal === "~subscriber"), { status: 204, lane: "write" });

  await ask('DROP SUBSCRIPTION "kapacitor-1" ON db.autogen');
  t.ok(await until(async () => (await direct(token)) === "401 credentials_invalid"), "dropped: refused within a poll");

  // What an operator sees of it: InfluxDB's log has the line that it was answered with.
  await subscribe("kapacitor-2", token);
  t.equal(await direct(token), "204");
  await influxd.close();
  t.equal(await direct(token), "204", "InfluxDB is down: a known token stays");
  t.equal(await direct(changed), "503 authentication_unavailable");
  t.notMatch(JSON.stringify(gateway.records), new RegExp(token.slice(0, 24)), "no token in the log");
});

/** The number that the record of the daemon's own counters has. */
async function pointsOf(gateway: TestGateway, db: string): Promise<number> {
  const { body } = await gateway.request("GET", "/kapacitor/v1/debug/vars", { login: `local:${password}` });
  const vars: {
    kapacitor?: Record<string, { name: string; tags: Record<string, string>; values: Record<string, number> }>;
  } = JSON.parse(body);
  const counters = Object.values(vars.kapacitor ?? {}).filter(
    ({ name, tags }) => name === "ingress" && tags.database === db && tags.task_master === "main",
  );
  return counters.reduce((sum, { values }) => sum + (values.points_received ?? 0), 0);
}

t.test(
  "a real Kapacitor with auth-enabled makes its own tokens, and InfluxDB's writes arrive by them",
  withoutDaemon,
  async (t) => {
    if ("missing" in daemon) return;
    const { influxd, ask } = await startGuardedInfluxd(t);
    await ask("CREATE DATABASE db");
    // The gateway first, so that its port is known; it finds Kapacitor after a reload.
    const base = `${userToml("local", "admin")}${influxToml(influxd.url, 'subscription-poll = "1s"\n')}`;
    const gateway = await startTestGateway(`${base}[[kapacitor]]\nurl = "http://127.0.0.1:9"\n`);
    const kapacitor = await startKapacitord(daemon.path, {
      environment: { KAPACITOR_HTTP_AUTH_ENABLED: "true" },
      sections: `[[influxdb]]
  enabled = true
  name = "real"
  urls = ["${influxd.url}"]
  username = "${root.name}"
  password = '${root.password}'
  subscription-protocol = "https"
  kapacitor-hostname = "127.0.0.1"
  http-port = ${gateway.port}
  subscriptions-sync-interval = "1s"
`,
    });
    t.teardown(async () => {
      await gateway.close();
      await kapacitor.close();
    });
    // Its backend takes any login; without one it answers 401.
    await gateway.reload(
      `${base}[[kapacitor]]\nurl = "${kapacitor.url}"\nusername = "gateway"\npassword = "any"\nwrite-hold = "0s"\n`,
    );
    const listed = () => ask("SHOW SUBSCRIPTIONS");
    t.ok(await until(async () => (await listed()).includes("~subscriber")), "Kapacitor made its subscription");
    const [, encoded = ""] = /https:\/\/~subscriber:([^@]+)@/.exec(await listed()) ?? [];
    const token = decodeURIComponent(encoded);
    const one = async (secret: string): Promise<number> =>
      (
        await gateway.request("POST", "/write?db=db&rp=autogen", {
          login: `~subscriber:${secret}`,
          body: "direct v=1 1\n",
        })
      ).status;
    t.equal(await one(token), 204, "right");
    const middle = Math.floor(token.length / 2);
    t.equal(await one(token.slice(0, middle) + (token[middle] === "A" ? "B" : "A") + token.slice(middle + 1)), 401);
    t.equal(await pointsOf(gateway, "db"), 1);
    const answer = await request(`${influxd.url}/write?db=db&precision=ns`, {
      method: "POST",
      headers: { authorization: basic(`${root.name}:${root.password}`) },
      body: Array.from(
        { length: 50 },
        (_, index) => `m v=${index}i ${1_700_000_000_000_000_000n + BigInt(index)}`,
      ).join("\n"),
    });
    await answer.body.dump();
    t.ok(await until(async () => (await pointsOf(gateway, "db")) === 51), "InfluxDB's points arrive");
    const records = gateway.records.filter(({ principal }) => principal === "~subscriber");
    t.ok(records.length >= 2);
    t.ok(records.every(({ status }) => status === 204));
    t.notOk(gateway.records.some(({ reason }) => reason === "upstream_unauthorized"));

    // Ended, because it would make another one with another token.
    await kapacitor.close();
    const [, name = ""] = /"(kapacitor-[^"]+)"/.exec(await listed()) ?? [];
    await ask(`DROP SUBSCRIPTION "${name}" ON db.autogen`);
    t.ok(await until(async () => (await one(token)) === 401), "a dropped subscription is refused");
  },
);
