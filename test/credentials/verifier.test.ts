import { setImmediate } from "node:timers/promises";
import t from "tap";
import { hashPassword } from "../../src/credentials/hashes.ts";
import { compileUsers } from "../../src/credentials/users.ts";
import { createVerifier, hashConcurrency } from "../../src/credentials/verifier.ts";
import { ann, createBench, entry, hashOf, scryptHash, tableOf } from "./verifier-bench.ts";

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
    t.ok(
      bench.calls.every((call) => call.password.length <= 1024),
      `${name}: what is hashed is bounded`,
    );
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
