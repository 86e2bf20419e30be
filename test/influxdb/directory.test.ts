import t, { type Test } from "tap";
import { createInfluxClient, type InfluxLogin } from "../../src/influxdb/client.ts";
import { createDirectory, type Directory, type DirectoryOptions } from "../../src/influxdb/directory.ts";
import { type FakeInfluxdb, type FakeUser, root, startFakeInfluxdb } from "./fake-influxdb.ts";

const expirationMs = 600_000;
const recheckMs = 30_000;

interface Bench {
  readonly influxdb: FakeInfluxdb;
  readonly directory: Directory;
  /** Moves the clock on. */
  pass(milliseconds: number): void;
}

async function start(
  t: Test,
  users: Record<string, FakeUser> = {},
  options: Partial<DirectoryOptions> = {},
): Promise<Bench> {
  const influxdb = await startFakeInfluxdb();
  for (const [name, user] of Object.entries(users)) influxdb.users.set(name, user);
  const client = createInfluxClient({
    url: influxdb.url,
    username: root.name,
    password: root.password,
    ca: undefined,
    insecureSkipVerify: false,
  });
  let time = 0;
  const directory = createDirectory(client, { expirationMs, recheckMs, now: () => time, ...options });
  t.teardown(async () => {
    client.destroy();
    await influxdb.close();
  });
  return {
    influxdb,
    directory,
    pass: (milliseconds) => {
      time += milliseconds;
    },
  };
}

const ann = { user: "ann", password: "secret" };
const principal = (role: string, databases: string[] = [], also?: string) => ({
  name: "ann",
  role,
  instances: [],
  databases,
  ...(also === undefined ? {} : { also }),
});

t.test("what a user may do follows from the grants", async (t) => {
  const rows: readonly [what: string, user: Omit<FakeUser, "password">, expected: object][] = [
    ["an administrator", { admin: true }, principal("admin")],
    ["write on a database", { grants: { a: "WRITE" } }, principal("writer", ["a"])],
    ["write on several", { grants: { a: "WRITE", b: "WRITE" } }, principal("writer", ["a", "b"])],
    ["read", { grants: { a: "READ" } }, principal("viewer")],
    ["both kinds", { grants: { a: "READ", b: "WRITE" } }, principal("writer", ["b"], "viewer")],
    ["all of one database", { grants: { a: "ALL PRIVILEGES" } }, principal("writer", ["a"], "viewer")],
    ["nothing", {}, principal("nobody")],
    ["a grant that was revoked", { grants: { a: "NO PRIVILEGES" } }, principal("nobody")],
    ["a grant for no database", { grants: { "": "WRITE" } }, principal("nobody")],
  ];
  for (const [what, user, expected] of rows) {
    const { directory } = await start(t, { ann: { password: "secret", ...user } });
    t.strictSame(await directory.find(ann), { kind: "ok", principal: expected }, what);
    t.strictSame(directory.recall(ann), expected, `${what}: remembered`);
  }
});

t.test("who is not let in", async (t) => {
  const { directory, influxdb } = await start(t, { ann: { password: "secret", admin: true } });
  const wrong: readonly [what: string, login: InfluxLogin][] = [
    ["another password", { user: "ann", password: "Secret" }],
    ["no password", { user: "ann", password: "" }],
    ["another user", { user: "bob", password: "secret" }],
    ["the name in capitals", { user: "ANN", password: "secret" }],
    ["a look-alike", { user: "аnn", password: "secret" }],
    ["a name with a colon, which would end it", { user: "ann:secret", password: "x" }],
    ["a name that ends before the colon", { user: "ann:", password: "secret" }],
  ];
  for (const [what, login] of wrong) {
    t.strictSame(await directory.find(login), { kind: "invalid" }, what);
    t.equal(directory.recall(login), undefined, what);
  }
  await directory.find(ann);
  for (const [what, login] of wrong) t.equal(directory.recall(login), undefined, `${what}, while ann is remembered`);
  t.equal(influxdb.questions.filter((question) => question.startsWith("ann:")).length, 0);
});

t.test("a name cannot reach into the statement that asks for its grants", async (t) => {
  for (const name of [`a"b`, "a\\", `a" ; DROP DATABASE "db`, "a'b", "ä b"]) {
    const { directory, influxdb } = await start(t, {
      [name]: { password: "secret", grants: { db: "WRITE" } },
      a: { password: "x", admin: true },
    });
    const verdict = await directory.find({ user: name, password: "secret" });
    t.match(verdict, { kind: "ok", principal: { name, role: "writer", databases: ["db"] } }, name);
    t.equal(influxdb.questions.filter((question) => question.includes("SHOW GRANTS")).length, 1);
  }
});

t.test("whatever is no answer is no pass", async (t) => {
  const rows: readonly [what: string, change: (influxdb: FakeInfluxdb) => void, cause: RegExp][] = [
    ["no connection", (db) => (db.mood = "down"), /./],
    ["authentication is off", (db) => (db.authenticates = false), /accepts any password/],
    ["a page of something else", (db) => (db.mood = (response) => response.end("<html>ok</html>")), /not JSON/],
    ["an empty object", (db) => (db.mood = (response) => response.end("{}")), /no result/],
    ["two results", (db) => (db.mood = (response) => response.end('{"results":[{},{}]}')), /no result/],
    ["no table", (db) => (db.mood = (response) => response.end('{"results":[{"series":[1]}]}')), /no table/],
    ["a redirect", (db) => (db.mood = (response) => response.writeHead(302, { location: "/" }).end()), /status 302/],
    ["a fault", (db) => (db.mood = (response) => response.writeHead(500).end()), /status 500/],
    ["our own login is refused", (db) => db.users.set(root.name, { password: "x" }), /refused the credentials/],
    [
      "our own user is no administrator",
      (db) => db.users.set(root.name, { password: root.password }),
      /not authorized/,
    ],
  ];
  for (const [what, change, cause] of rows) {
    const { directory, influxdb } = await start(t, { ann: { password: "secret", admin: true } });
    change(influxdb);
    t.match(await directory.find(ann), { kind: "unavailable", cause }, what);
    t.equal(directory.recall(ann), undefined, what);
  }
  const { directory, influxdb } = await start(t);
  influxdb.authenticates = false;
  t.match(await directory.find(ann), { kind: "unavailable", cause: /refused|accepts/ }, "who is not even a user");
});

t.test("what InfluxDB takes back is noticed while it is in use, long before the expiration", async (t) => {
  const changes: readonly [
    what: string,
    change: (user: FakeUser, influxdb: FakeInfluxdb) => void,
    expected: unknown,
  ][] = [
    ["the password was changed", (user) => (user.password = "new"), undefined],
    ["the user was dropped", (_, influxdb) => influxdb.users.delete("ann"), undefined],
    ["the grant was revoked", (user) => (user.grants = {}), principal("nobody")],
    ["another database", (user) => (user.grants = { b: "WRITE" }), principal("writer", ["b"])],
    ["no longer an administrator", (user) => (user.admin = false), principal("writer", ["a"])],
  ];
  for (const [what, change, expected] of changes) {
    const user: FakeUser = { password: "secret", admin: what.includes("administrator"), grants: { a: "WRITE" } };
    const { directory, influxdb, pass } = await start(t, { ann: user });
    await directory.find(ann);
    const before = directory.recall(ann);
    change(user, influxdb);
    pass(recheckMs - 1);
    t.equal(directory.recall(ann), before, `${what}: not asked yet`);
    pass(1);
    t.equal(directory.recall(ann), before, `${what}: asks, and goes on meanwhile`);
    await directory.find(ann);
    t.strictSame(directory.recall(ann), expected, what);
  }
});

t.test("a login that nobody used for a while waits for the answer", async (t) => {
  const user: FakeUser = { password: "secret", grants: { a: "WRITE" } };
  const { directory, influxdb, pass } = await start(t, { ann: user });
  await directory.find(ann);
  user.password = "new";
  pass(2 * recheckMs);
  t.equal(directory.recall(ann), "stale");
  t.strictSame(await directory.find(ann), { kind: "invalid" });
  t.equal(directory.recall(ann), undefined);
  t.match(await directory.find({ user: "ann", password: "new" }), { kind: "ok" });
  influxdb.users.delete("ann");
  pass(2 * recheckMs);
  t.strictSame(await directory.find({ user: "ann", password: "new" }), { kind: "invalid" });
});

t.test("while InfluxDB is down a login that it knows stays until it expires, and no other gets in", async (t) => {
  const { directory, influxdb, pass } = await start(t, { ann: { password: "secret", admin: true } });
  await directory.find(ann);
  influxdb.mood = "down";
  for (let time = 0; time + recheckMs < expirationMs; time += recheckMs) {
    pass(recheckMs);
    t.strictSame(directory.recall(ann), principal("admin"));
    t.match(await directory.find(ann), { kind: "ok" });
  }
  t.match(await directory.find({ user: "ann", password: "wrong" }), { kind: "unavailable" });
  t.match(await directory.find({ user: "bob", password: "secret" }), { kind: "unavailable" });
  pass(recheckMs);
  t.equal(directory.recall(ann), undefined, "expired");
  t.match(await directory.find(ann), { kind: "unavailable" });
  influxdb.mood = "well";
  t.match(await directory.find(ann), { kind: "ok" });
});

t.test("an expiration below the distance of questions holds, and none keeps nothing", async (t) => {
  const short = await start(t, { ann: { password: "secret" } }, { expirationMs: 1000 });
  await short.directory.find(ann);
  short.pass(999);
  t.ok(short.directory.recall(ann));
  short.pass(1);
  t.equal(short.directory.recall(ann), undefined);
  const none = await start(t, { ann: { password: "secret" } }, { expirationMs: 0 });
  t.match(await none.directory.find(ann), { kind: "ok" });
  t.equal(none.directory.recall(ann), undefined);
});

t.test("a new password takes the place of the old one at once, a wrong one does not", async (t) => {
  const user: FakeUser = { password: "secret", admin: true };
  const { directory } = await start(t, { ann: user });
  await directory.find(ann);
  await directory.find({ user: "ann", password: "wrong" });
  t.ok(directory.recall(ann), "nobody is logged out by the guesses of others");
  user.password = "new";
  await directory.find({ user: "ann", password: "new" });
  t.equal(directory.recall(ann), undefined);
});

t.test("equal logins share a question, and what waits is bounded", async (t) => {
  const { directory, influxdb } = await start(t, { ann: { password: "secret", admin: true } });
  const verdicts = await Promise.all(Array.from({ length: 50 }, () => directory.find(ann)));
  t.ok(verdicts.every(({ kind }) => kind === "ok"));
  t.equal(influxdb.questions.filter((question) => question.startsWith("ann ")).length, 1);
  influxdb.mood = "silent";
  const guesses = Array.from({ length: 40 }, (_, index) => directory.find({ user: `user${index}`, password: "x" }));
  const refused = await Promise.race(guesses.slice(32));
  t.match(refused, { kind: "unavailable", cause: /too many/ });
  t.ok(directory.recall(ann), "who is known goes on");
});

t.test("no more users are remembered than there is room for", async (t) => {
  const { directory, influxdb } = await start(t, {}, { capacity: 3 });
  const logins = ["a", "b", "c", "d"].map((user) => ({ user, password: "x" }));
  for (const { user } of logins) influxdb.users.set(user, { password: "x", admin: true });
  for (const login of logins.slice(0, 3)) await directory.find(login);
  for (const login of logins.slice(0, 1)) await directory.find(login);
  for (const login of logins.slice(3)) await directory.find(login);
  t.strictSame(
    logins.filter((login) => directory.recall(login) !== undefined).map(({ user }) => user),
    ["a", "c", "d"],
    "the oldest answer made room",
  );
});
