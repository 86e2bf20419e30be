import t, { type Test } from "tap";
import { type Standin, startStandin } from "../../src/standin/server.ts";
import { type FakeInfluxdb, root, startFakeInfluxdb } from "../influxdb/fake-influxdb.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { type KeptConnection, keepConnection, password, reasonOf, userToml } from "./clients.ts";

interface Bench {
  readonly influxdb: FakeInfluxdb;
  readonly standin: Standin;
  readonly gateway: TestGateway;
  readonly toml: string;
  readonly connection: KeptConnection;
  /** The outcome of one write over the kept connection: status and reason. */
  write(login: string, db?: string): Promise<string>;
  read(login: string): Promise<string>;
}

async function start(t: Test, influxdbToml = "users = true\n"): Promise<Bench> {
  const influxdb = await startFakeInfluxdb();
  const standin = await startStandin();
  const toml = `${userToml("local", "admin")}[[kapacitor]]\nurl = "${standin.url}"\n[influxdb]\nurl = "${influxdb.url}"\nusername = "${root.name}"\npassword = "${root.password}"\n${influxdbToml}`;
  const gateway = await startTestGateway(toml);
  const connection = keepConnection(gateway);
  t.teardown(async () => {
    await connection.close();
    await gateway.close();
    await influxdb.close();
    await standin.close();
  });
  const say = ({ status, body }: { status: number; body: string }): string => `${status} ${reasonOf(body)}`.trim();
  return {
    influxdb,
    standin,
    gateway,
    toml,
    connection,
    write: async (login, db = "db") =>
      say(await connection.request("POST", `/write?db=${db}&rp=autogen`, { login, body: "m v=1 1\n" })),
    read: async (login) => say(await connection.request("GET", "/kapacitor/v1/tasks", { login })),
  };
}

t.test("InfluxDB's users are who their grants say, on both lanes", async (t) => {
  const { influxdb, read, write, gateway, connection } = await start(t);
  influxdb.users.set("boss", { password: "p:1", admin: true });
  influxdb.users.set("writer", { password: "p", grants: { db: "WRITE" } });
  influxdb.users.set("reader", { password: "p", grants: { db: "READ" } });
  influxdb.users.set("both", { password: "p", grants: { db: "ALL PRIVILEGES" } });
  influxdb.users.set("new", { password: "p" });
  const denied = "403 role_denied";
  const rows: readonly [login: string, read: string, write: string, writeOther: string][] = [
    ["boss:p:1", "200", "204", "204"],
    ["writer:p", denied, "204", denied],
    ["reader:p", "200", denied, denied],
    ["both:p", "200", "204", denied],
    ["new:p", denied, denied, denied],
    [`local:${password}`, "200", "204", "204"],
  ];
  for (const [login, ...expected] of rows) {
    t.strictSame([await read(login), await write(login), await write(login, "other")], expected, login);
  }
  const define = await connection.request("POST", "/kapacitor/v1/tasks", { login: "both:p", body: "{}" });
  t.equal(reasonOf(define.body), "role_denied");
  const config = await connection.request("GET", "/kapacitor/v1/config", { login: "boss:p:1" });
  t.equal(config.status, 200);
  for (const login of ["boss:p:2", "nobody:p", "boss:", "writer:p ", "local:wrong", "~subscriber:p"])
    t.equal(await read(login), "401 credentials_invalid", login);
  const record = await gateway.record(({ principal }) => principal === "writer");
  t.match(record, { principal: "writer" });
  t.notMatch(JSON.stringify(gateway.records), /p:1|root secret|correct horse/, "no password in the log");
});

t.test("a user of the same name here is the one, and nobody is asked about it", async (t) => {
  const { influxdb, read } = await start(t);
  influxdb.users.set("local", { password: "influx", admin: true });
  t.equal(await read(`local:${password}`), "200");
  t.equal(await read("local:influx"), "401 credentials_invalid");
  t.notOk(influxdb.questions.some((question) => question.startsWith("local ")));
});

t.test("a login that InfluxDB takes back ends within the expiry, on an open connection too", async (t) => {
  const { influxdb, read, write, connection } = await start(t, 'users = true\ncache-expiration = "300ms"\n');
  const changes: readonly [what: string, change: () => void, read: string, write: string][] = [
    ["the grant was revoked", () => set({ db: "READ" }), "200", "403 role_denied"],
    ["another grant", () => set({ db: "WRITE" }), "403 role_denied", "204"],
    [
      "the password was changed",
      () => set({ db: "WRITE" }, "new"),
      "401 credentials_invalid",
      "401 credentials_invalid",
    ],
    ["dropped", () => influxdb.users.delete("ann"), "401 credentials_invalid", "401 credentials_invalid"],
  ];
  const set = (grants: Record<string, "READ" | "WRITE" | "ALL PRIVILEGES">, secret = "p") =>
    influxdb.users.set("ann", { password: secret, grants });
  set({ db: "ALL PRIVILEGES" });
  t.strictSame([await read("ann:p"), await write("ann:p"), await write("ann:p")], ["200", "204", "204"]);
  for (const [what, change, wantedRead, wantedWrite] of changes) {
    change();
    const end = performance.now() + 10_000;
    // Wrong logins are remembered for a while as well, so that guessing is slow.
    while (performance.now() < end && ((await write("ann:p")) !== wantedWrite || (await read("ann:p")) !== wantedRead));
    t.strictSame([await read("ann:p"), await write("ann:p")], [wantedRead, wantedWrite], what);
  }
  t.equal(connection.connects(), 1, "all over one connection");
});

t.test("InfluxDB down: who is known goes on, nobody else gets in, and a reload forgets nobody", async (t) => {
  const { influxdb, read, write, gateway, toml, standin, connection } = await start(t);
  influxdb.users.set("known", { password: "p", admin: true });
  influxdb.users.set("late", { password: "p", admin: true });
  t.equal(await read("known:p"), "200");
  influxdb.mood = "down";
  for (const again of ["at once", "after a reload"]) {
    t.strictSame([await read("known:p"), await write("known:p")], ["200", "204"], again);
    for (const login of ["late:p", "nobody:p", "known:wrong"]) {
      t.equal(await read(login), "503 authentication_unavailable", `${login} ${again}`);
      t.equal(await write(login), "503 authentication_unavailable", `${login} ${again}`);
    }
    t.equal(await read(`local:${password}`), "200", "users of the file need no InfluxDB");
    t.equal(await read("local:wrong"), "401 credentials_invalid");
    await gateway.reload(toml);
  }
  const answer = await gateway.request("GET", "/kapacitor/v1/tasks", { login: "late:p" });
  t.equal(answer.headers["retry-after"], "1");
  t.match(await gateway.record(({ reason }) => reason === "authentication_unavailable"), { cause: /^InfluxDB: / });
  t.ok(standin.requests.every(({ target }) => target.startsWith("/write") || target.startsWith("/kapacitor/v1/tasks")));
  t.equal(connection.connects(), 1);

  await gateway.reload(toml.replace("users = true", "users = false"));
  t.equal(await read("known:p"), "401 credentials_invalid", "users = false holds at once");
});

t.test("an InfluxDB that asks nobody for a password lets nobody in", async (t) => {
  const { influxdb, read, write } = await start(t);
  influxdb.users.set("ann", { password: "p", admin: true });
  influxdb.authenticates = false;
  for (const login of ["ann:p", "ann:wrong", "nobody:x", `${root.name}:${root.password}`]) {
    t.equal(await read(login), "503 authentication_unavailable", login);
    t.equal(await write(login), "503 authentication_unavailable", login);
  }
});

const destination = (token: string, rest = "127.0.0.1:9443"): string => `https://~subscriber:${token}@${rest}`;
const token = "ZGVmYXVsdDt0aGlzIGlzIGEgdG9rZW4gb2Ygb25lIHN1YnNjcmlwdGlvbiBhbmQgbm8gb3RoZXI=";

t.test("a subscription token writes to its database, and does nothing else", async (t) => {
  const { influxdb, write, read, standin, gateway } = await start(t, "");
  influxdb.subscriptions.set("db.autogen", [destination(token)]);
  t.equal(await write(`~subscriber:${token}`), "204", "made a moment ago: admitted at its first write");
  t.equal(await write(`~subscriber:${token}`), "204");
  t.equal(standin.points.length, 2);
  const polls = influxdb.questions.length;
  t.equal(await write(`~subscriber:${token}`), "204");
  t.equal(influxdb.questions.length, polls, "a known token asks nobody");
  const refused = "401 credentials_invalid";
  const one = async (path: string, login?: string): Promise<string> => {
    const more = login === undefined ? {} : { login };
    const { status, body } = await gateway.request("POST", path, { ...more, body: "m v=1 1\n" });
    return `${status} ${reasonOf(body)}`;
  };
  const path = "/write?db=db&rp=autogen";
  const login = `~subscriber:${token}`;
  const changed = (at: number) => token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
  const rows: readonly (readonly [path: string, login: string | undefined, expected: string])[] = [
    ...[0, 20, token.length - 2].map((at) => [path, `~subscriber:${changed(at)}`, refused] as const),
    ["/write?db=other&rp=autogen", login, refused],
    ["/write?db=db&rp=week", login, refused],
    ["/write?db=db", login, refused],
    ["/write?db=db&rp=autogen&db=other", login, "400 bad_target"],
    ["/write?db=db;db=other&rp=autogen", login, "400 bad_target"],
    ["/write?db=db&rp=autogen&%64b=other", login, "400 bad_target"],
    [`${path}&u=~subscriber&p=${token}`, undefined, refused],
    [path, `~Subscriber:${token}`, refused],
    [path, `${login}:`, refused],
    [path, "~subscriber:", refused],
    // However often: it is not throttled.
    ...Array.from({ length: 20 }, () => [path, "~subscriber:no token", refused] as const),
  ];
  // They wait for polls together, which keep a distance.
  await Promise.all(rows.map(async ([path, login, expected]) => t.equal(await one(path, login), expected, path)));
  t.equal(await read(login), refused, "not on the API lane");
  t.equal(standin.points.length, 3, "nothing of that arrived");
  t.match(await gateway.record(({ principal }) => principal === "~subscriber"), { status: 204 });
  t.notMatch(JSON.stringify(gateway.records), new RegExp(token.slice(0, 20)), "no token in the log");
});

t.test("a dropped subscription is refused within one poll, on an open connection too", async (t) => {
  const { influxdb, write, connection, gateway } = await start(t, 'subscription-poll = "200ms"\n');
  influxdb.subscriptions.set("db.autogen", [destination(token)]);
  t.equal(await write(`~subscriber:${token}`), "204");
  influxdb.subscriptions.clear();
  const end = performance.now() + 10_000;
  while (performance.now() < end && (await write(`~subscriber:${token}`)) === "204");
  const answer = await connection.request("POST", "/write?db=db&rp=autogen", {
    login: `~subscriber:${token}`,
    body: "m v=1 1\n",
  });
  t.equal(answer.status, 401);
  t.match(answer.body, /^kapgate credentials_invalid [0-9a-f-]{36}: InfluxDB lists no subscription with this token/);
  t.equal(connection.connects(), 1);
  await gateway.record(({ reason }) => reason === "credentials_invalid");
});

t.test("InfluxDB down: known tokens stay, unknown ones get 503; without an InfluxDB there are none", async (t) => {
  const { influxdb, write, gateway, toml } = await start(t, "");
  influxdb.subscriptions.set("db.autogen", [destination(token)]);
  t.equal(await write(`~subscriber:${token}`), "204");
  influxdb.mood = "down";
  t.equal(await write(`~subscriber:${token}`), "204");
  t.equal(await write("~subscriber:unknown"), "503 authentication_unavailable");
  await gateway.reload(`${toml}\n`);
  t.equal(await write(`~subscriber:${token}`), "204", "a reload forgets none");
  const [without = ""] = toml.split("[influxdb]");
  await gateway.reload(without);
  t.equal(await write(`~subscriber:${token}`), "401 credentials_invalid");
});

t.test("an InfluxDB that does not answer holds up the writes that need it, and nobody else", async (t) => {
  const { influxdb, write, gateway } = await start(t, "");
  influxdb.mood = "silent";
  const held = gateway.request("POST", "/write?db=db&rp=autogen", { login: `~subscriber:${token}`, body: "m v=1 1\n" });
  const nothing = Symbol("nothing");
  for (let times = 0; times < 20; times++) t.equal(await write(`local:${password}`), "204");
  t.equal(await Promise.race([held, nothing]), nothing, "the write with the token still waits");
  influxdb.mood = "down";
  influxdb.cut();
  t.match(await held, { status: 503, body: /authentication_unavailable/ });
});
