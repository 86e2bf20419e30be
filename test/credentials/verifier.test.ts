import { setImmediate } from "node:timers/promises";
import t from "tap";
import { hashPassword } from "../../src/credentials/hashes.ts";
import { compileUsers, type UserEntry, type UserTable } from "../../src/credentials/users.ts";
import { createVerifier, hashConcurrency, type Verdict, type VerifierOptions } from "../../src/credentials/verifier.ts";
import { createFakeTime } from "./fake-time.ts";

const salted = (cost: string, filler: string) => `$2b$${cost}$${filler.repeat(21)}.${filler.repeat(30)}.`;
/** Hashes by the password that the pretended hash function opens them with. */
const hashOf = { secret: salted("10", "A"), other: salted("10", "B"), costly: salted("12", "C") };
const scryptHash = "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$YoTbIrWa6eURZL72b7afK2cIYilLtiFNwJntMxWyN0I";

const entry: UserEntry = { name: "ann", hash: hashOf.secret, role: "editor", instances: [], databases: ["telegraf"] };

function tableOf(...changes: readonly Partial<UserEntry>[]): UserTable {
  const { users, problems } = compileUsers(changes.map((change) => ({ ...entry, ...change })));
  t.same(
    problems.filter(({ severity }) => severity === "error"),
    [],
  );
  return users;
}

const classOf = (hash: string) =>
  hash.startsWith("$scrypt") ? "scrypt" : hash.startsWith("$2") ? hash.slice(4, 6) : "plain";

/** A verifier whose hash function is counted, ends when told and can be told apart by cost. */
function createBench(users: UserTable, options: Partial<VerifierOptions> = {}) {
  const time = createFakeTime();
  const calls: { readonly hash: string; readonly password: string }[] = [];
  const held: (() => void)[] = [];
  let holding = false;
  const verifier = createVerifier({
    users,
    now: time.now,
    schedule: time.schedule,
    async verifyHash(hash, password) {
      calls.push({ hash, password });
      if (holding) await new Promise<void>((resolve) => held.push(resolve));
      return Object.entries(hashOf).some(([right, known]) => known === hash && right === password);
    },
    ...options,
  });
  return {
    time,
    calls,
    verifier,
    login: (user: string, password: string, address = "192.0.2.1") => verifier.verify({ user, password }, address),
    hold: () => {
      holding = true;
    },
    async release() {
      holding = false;
      for (const resume of held.splice(0)) resume();
      await setImmediate();
    },
    costs: () =>
      calls
        .splice(0)
        .map(({ hash }) => classOf(hash))
        .sort(),
  };
}

const ann = { name: "ann", role: "editor", instances: [], databases: ["telegraf"] };

t.test("the right password names the principal, is hashed once and then known", async (t) => {
  const bench = createBench(tableOf({}));
  const credentials = { user: "ann", password: "secret" };
  t.equal(bench.verifier.cached(credentials), undefined);
  t.same(await bench.login("ann", "secret"), { kind: "ok", principal: ann });
  t.same(await bench.login("ann", "secret", "192.0.2.2"), { kind: "ok", principal: ann });
  t.same(bench.verifier.cached(credentials), ann);
  t.equal(bench.calls.length, 1);
  t.equal(bench.verifier.cached({ user: "ann", password: "Secret" }), undefined);
  t.equal(bench.verifier.cached({ user: "ANN", password: "secret" }), undefined);
  t.same(bench.verifier.status(), { hashing: 0, waiting: 0, cached: 1, throttleEntries: 0 });
});

t.test("with the real hash function too", async (t) => {
  const { users } = compileUsers([{ ...entry, hash: await hashPassword("secret") }]);
  const verifier = createVerifier({ users });
  t.same(await verifier.verify({ user: "ann", password: "secret" }, "192.0.2.1"), { kind: "ok", principal: ann });
  t.same(await verifier.verify({ user: "ann", password: "wrong" }, "192.0.2.1"), { kind: "invalid" });
  t.same(await verifier.verify({ user: "eve", password: "secret" }, "192.0.2.1"), { kind: "invalid" });
});

t.test("a failed login costs the same whoever it names and whatever is wrong with it", async (t) => {
  const long = "x".repeat(73);
  const rows: readonly [name: string, user: string, password: string][] = [
    ["a user with a cheap hash", "ann", "wrong"],
    ["a user with a costly hash", "bob", "wrong"],
    ["a user with another scheme", "eve", "wrong"],
    ["a user with plain text", "joe", "wrong"],
    ["a user with a certificate alone", "zoe", "wrong"],
    ["nobody", "nobody", "wrong"],
    ["no name", "", "wrong"],
    ["no password", "ann", ""],
    ["nobody without a password", "nobody", ""],
    ["more than bcrypt reads", "ann", long],
    ["more than bcrypt reads, of nobody", "nobody", long],
    ["U+FFFD", "ann", "a\ufffd"],
    ["NUL", "ann", "secret\u0000"],
    ["a control character", "nobody", "secret\u0007"],
    ["a password of 2 kB", "ann", "x".repeat(2000)],
    ["a name of 2 kB", "x".repeat(2000), "wrong"],
  ];
  const mixed = tableOf(
    {},
    { name: "bob", hash: hashOf.costly },
    { name: "eve", hash: scryptHash },
    { name: "joe", hash: "plain text", given: "password" },
    { name: "zoe", hash: undefined },
  );
  for (const [name, user, password] of rows) {
    const bench = createBench(mixed);
    t.same(await bench.login(user, password), { kind: "invalid" }, name);
    t.same(bench.costs(), ["10", "12", "plain", "scrypt"], name);
  }
  const uniform = createBench(tableOf({}, { name: "bob", hash: hashOf.other }));
  for (const [name, user, password] of rows) {
    t.same(await uniform.login(user, password), { kind: "invalid" }, name);
    t.same(uniform.costs(), ["10"], `${name}: one hash where all are alike`);
  }
});

t.test("a password is not shortened, decoded leniently or empty to be right", async (t) => {
  const always = createBench(tableOf({}), { verifyHash: async () => true });
  const wrong = ["", "x".repeat(73), "ä".repeat(37), "a\ufffd", "a\ud800", "a\u0000", "a\n", "a\u0085", "a\u2028"];
  for (const password of wrong) {
    t.same(await always.login("ann", password, `10.0.0.${wrong.indexOf(password)}`), { kind: "invalid" });
    t.equal(always.verifier.cached({ user: "ann", password }), undefined);
  }
  t.match(await always.login("ann", "x".repeat(72)), { kind: "ok" });
  t.same(await always.login("nobody", "wrong"), { kind: "invalid" }, "whatever a decoy says, nobody is nobody");
});

t.test("equal logins share one hash, different ones of a user take turns", async (t) => {
  const bench = createBench(tableOf({}));
  bench.hold();
  const right = Array.from({ length: 50 }, (_, index) => bench.login("ann", "secret", `192.0.2.${index}`));
  const wrong = bench.login("ann", "wrong");
  await setImmediate();
  t.equal(bench.calls.length, 1);
  await bench.release();
  t.same(new Set((await Promise.all(right)).map(({ kind }) => kind)), new Set(["ok"]));
  t.same(await wrong, { kind: "invalid" });
  t.equal(bench.calls.length, 2);
});

t.test("no more hashes run at a time than there is concurrency for", async (t) => {
  const bench = createBench(tableOf({}), { concurrency: 3 });
  bench.hold();
  const logins = Array.from({ length: 8 }, (_, index) => bench.login(`user ${index}`, "wrong"));
  await setImmediate();
  t.same([bench.verifier.status().hashing, bench.verifier.status().waiting, bench.calls.length], [3, 5, 3]);
  await bench.release();
  await Promise.all(logins);
  t.equal(bench.calls.length, 8);
  const values: readonly (string | undefined)[] = [undefined, "", "4", "16", "2", "1", "0", "1e3", "-8", "9999"];
  t.same(values.map(hashConcurrency), [2, 2, 2, 14, 1, 1, 1, 2, 2, 1022]);
});

t.test("where the queue is full the answer is overloaded, and who is known does not wait in it", async (t) => {
  const bench = createBench(tableOf({}, { name: "bob", hash: hashOf.other }), {
    concurrency: 1,
    queue: { waiting: 1 },
  });
  await bench.login("bob", "other");
  bench.hold();
  const first = bench.login("ann", "secret");
  const second = bench.login("nobody", "wrong", "192.0.2.2");
  t.same(await bench.login("nobody else", "wrong", "192.0.2.3"), { kind: "overloaded", retryAfterSeconds: 1 });
  t.match(await bench.login("bob", "other", "192.0.2.4"), { kind: "ok" });
  await bench.release();
  t.match(await first, { kind: "ok" });
  t.same(await second, { kind: "invalid" });
});

t.test("a hash that fails for lack of memory is nobody's failure", async (t) => {
  const bench = createBench(tableOf({}), { verifyHash: () => Promise.reject(new Error("no memory")) });
  await t.rejects(bench.login("ann", "secret"), { message: "no memory" });
  t.same(bench.verifier.status(), { hashing: 0, waiting: 0, cached: 0, throttleEntries: 0 });
});

async function fail(bench: ReturnType<typeof createBench>, times: number, user = "ann"): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (let index = 0; index < times; index += 1) verdicts.push(await bench.login(user, "wrong"));
  return verdicts;
}

t.test("ten failures are invalid, then throttled, and the right password is accepted all the same", async (t) => {
  const bench = createBench(tableOf({}));
  const verdicts = await fail(bench, 12);
  t.same(
    verdicts.map(({ kind }) => kind),
    [...Array(10).fill("invalid"), "throttled", "throttled"],
  );
  t.match(verdicts.at(-1), { retryAfterSeconds: 120 });
  t.equal(bench.calls.length, 1, "the same wrong password is not hashed again");
  t.same(await bench.login("ann", "wrong", "192.0.2.2"), { kind: "invalid" }, "another address is not throttled");
  t.same(await bench.login("bob", "wrong"), { kind: "invalid" }, "another user is not throttled");
  const login = bench.login("ann", "secret");
  await bench.time.advance(2000);
  t.same(await login, { kind: "ok", principal: ann });
  t.same(await bench.login("ann", "wrong"), { kind: "invalid" }, "a success forgives");
});

t.test("who is known is accepted at once while others guess from the same address", async (t) => {
  const bench = createBench(tableOf({}));
  await bench.login("ann", "secret");
  await fail(bench, 20);
  t.same(await bench.login("ann", "secret"), { kind: "ok", principal: ann });
  t.same(await fail(bench, 1), [{ kind: "throttled", retryAfterSeconds: 900 }], "that forgives nothing");
});

t.test(
  "guesses of a throttled pair are hashed at a distance, one after the other, and waiting too long is overloaded",
  async (t) => {
    const bench = createBench(tableOf({}));
    await fail(bench, 40);
    bench.calls.length = 0;
    const guesses = Array.from({ length: 30 }, (_, index) => bench.login("ann", `guess ${index}`));
    await bench.time.advance(9_999);
    t.equal(bench.calls.length, 4);
    await bench.time.advance(1);
    const kinds = (await Promise.all(guesses)).map(({ kind }) => kind);
    t.same(kinds.slice(0, 4), Array(4).fill("throttled"));
    t.same(new Set(kinds.slice(4)), new Set(["overloaded"]));
  },
);

t.test("a burst of guesses is slowed down as soon as enough of them have failed", async (t) => {
  const bench = createBench(tableOf({}));
  const guesses = Array.from({ length: 32 }, (_, index) => bench.login("ann", `guess ${index}`));
  await bench.time.advance(0);
  const atOnce = bench.calls.length;
  t.ok(atOnce >= 10 && atOnce <= 12, `${atOnce} at once: the next one begins before the last one is counted`);
  await bench.time.advance(60_000);
  const kinds = (await Promise.all(guesses)).map(({ kind }) => kind);
  t.same(kinds.slice(0, 10), Array(10).fill("invalid"));
  t.notOk(kinds.slice(10).includes("invalid"));
});

t.test("a login from elsewhere does not wait with a throttled one", async (t) => {
  const bench = createBench(tableOf({}));
  await fail(bench, 40);
  const slow = bench.login("ann", "secret");
  await setImmediate();
  t.match(await bench.login("ann", "secret", "192.0.2.2"), { kind: "ok" });
  await bench.time.advance(2000);
  t.match(await slow, { kind: "ok" });
});

t.test("guesses at an unknown user are throttled like those at a known one", async (t) => {
  const bench = createBench(tableOf({}));
  t.same(await fail(bench, 13, "nobody"), await fail(bench, 13, "ann"));
});

t.test("subscription tokens are neither hashed nor counted", async (t) => {
  const bench = createBench(tableOf({}));
  t.same(new Set((await fail(bench, 30, "~subscriber")).map(({ kind }) => kind)), new Set(["invalid"]));
  t.same(bench.verifier.status(), { hashing: 0, waiting: 0, cached: 0, throttleEntries: 0 });
  t.equal(bench.calls.length, 0);
});

t.test("a reload keeps verdicts of who stayed, with the new role, and drops the others", async (t) => {
  const bench = createBench(tableOf({}, { name: "bob", hash: hashOf.other }, { name: "eve", hash: hashOf.costly }));
  for (const [user, password] of [
    ["ann", "secret"],
    ["bob", "other"],
    ["eve", "costly"],
  ] as const) {
    t.match(await bench.login(user, password), { kind: "ok" });
  }
  bench.calls.length = 0;
  bench.verifier.replaceUsers(tableOf({ role: "viewer" }, { name: "bob", hash: hashOf.secret }));
  t.match(bench.verifier.cached({ user: "ann", password: "secret" }), { role: "viewer" });
  t.equal(bench.verifier.cached({ user: "bob", password: "other" }), undefined, "changed");
  t.equal(bench.verifier.cached({ user: "eve", password: "costly" }), undefined, "removed");
  t.same(await bench.login("bob", "other"), { kind: "invalid" });
  t.same(await bench.login("eve", "costly"), { kind: "invalid" });
  t.match(await bench.login("bob", "secret"), { kind: "ok" }, "the new password");
});

// The password is right for the hash that the user had when the request came, and no longer when the hash was computed.
t.test("a password that is changed while it is verified does not log in, and is not remembered", async (t) => {
  const bench = createBench(tableOf({}));
  bench.hold();
  const login = bench.login("ann", "secret");
  await setImmediate();
  bench.verifier.replaceUsers(tableOf({ hash: hashOf.other }));
  await bench.release();
  t.same(await login, { kind: "invalid" });
  t.equal(bench.verifier.cached({ user: "ann", password: "secret" }), undefined);
  bench.verifier.replaceUsers(tableOf({}));
  t.equal(bench.verifier.cached({ user: "ann", password: "secret" }), undefined, "not under the old hash either");
});

t.test("a user who is removed while the password is verified does not log in", async (t) => {
  const bench = createBench(tableOf({}, { name: "bob", hash: hashOf.other }));
  bench.hold();
  const login = bench.login("ann", "secret");
  await setImmediate();
  bench.verifier.replaceUsers(tableOf({ name: "bob", hash: hashOf.other }));
  await bench.release();
  t.same(await login, { kind: "invalid" });
});

t.test("the new password is accepted though its verification began before the reload", async (t) => {
  const bench = createBench(tableOf({}));
  bench.hold();
  const login = bench.login("ann", "other");
  await setImmediate();
  bench.verifier.replaceUsers(tableOf({ hash: hashOf.other, role: "admin" }));
  await bench.release();
  t.match(await login, { kind: "ok", principal: { role: "admin" } });
  t.equal(bench.verifier.status().throttleEntries, 0, "and nothing is counted as a failure");
});

t.test("a user who is demoted while the password is verified has the new role", async (t) => {
  const bench = createBench(tableOf({ role: "admin" }));
  bench.hold();
  const login = bench.login("ann", "secret");
  await setImmediate();
  bench.verifier.replaceUsers(tableOf({ role: "viewer" }));
  await bench.release();
  t.match(await login, { kind: "ok", principal: { role: "viewer" } });
});

t.test("when the users change under every attempt, the answer is overloaded", async (t) => {
  const tables = [tableOf({ hash: hashOf.other }), tableOf({})];
  let changes = 0;
  const bench = createBench(tableOf({}), {
    async verifyHash() {
      const next = tables[changes % 2];
      changes += 1;
      if (next !== undefined) bench.verifier.replaceUsers(next);
      return true;
    },
  });
  t.match(await bench.login("ann", "secret"), { kind: "overloaded" });
  t.equal(changes, 3);
});

t.test("a wrong password is forgotten with the hash that it was wrong for", async (t) => {
  const bench = createBench(tableOf({}));
  t.same(await bench.login("ann", "other"), { kind: "invalid" });
  bench.verifier.replaceUsers(tableOf({ hash: hashOf.other }));
  t.match(await bench.login("ann", "other"), { kind: "ok" });
});

t.test("with nobody in the table nobody logs in", async (t) => {
  const bench = createBench(tableOf());
  t.same(await bench.login("ann", "secret"), { kind: "invalid" });
  t.equal(bench.verifier.cached({ user: "ann", password: "secret" }), undefined);
});
