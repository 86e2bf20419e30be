import { setImmediate } from "node:timers/promises";
import t from "tap";
import type { Principal } from "../../src/core/principal.ts";
import type { Elsewhere, ElsewhereVerdict } from "../../src/credentials/elsewhere.ts";
import { compileUsers } from "../../src/credentials/users.ts";
import { createBench, entry, hashOf, tableOf } from "./verifier-bench.ts";

const flux: Principal = { name: "flux", role: "writer", instances: [], databases: ["db"] };

/** Somebody who knows one user, and remembers nothing unless told. */
function createElsewhere() {
  const asked: string[] = [];
  const state = {
    asked,
    password: "right",
    verdict: undefined as ElsewhereVerdict | undefined,
    remembered: undefined as Principal | "stale" | undefined,
  };
  const elsewhere: Elsewhere = {
    recall: ({ user, password }) => (user === "flux" && password === state.password ? state.remembered : undefined),
    find: async ({ user, password }) => {
      asked.push(user);
      if (state.verdict !== undefined) return state.verdict;
      return user === "flux" && password === state.password ? { kind: "ok", principal: flux } : { kind: "invalid" };
    },
  };
  return { state, elsewhere };
}

/** Has a login judged, moving the clock on until there is an answer, and says after how long. */
async function timed(bench: ReturnType<typeof createBench>, user: string, password: string) {
  const begun = bench.time.now();
  const verdict = bench.login(user, password);
  let settled = false;
  verdict.then(() => {
    settled = true;
  });
  for (let steps = 0; steps < 2000 && !settled; steps++) {
    await setImmediate();
    if (!settled) await bench.time.advance(1);
  }
  return { verdict: await verdict, after: bench.time.now() - begun };
}

t.test("who is not in the table is asked about elsewhere; who is, never", async (t) => {
  const { state, elsewhere } = createElsewhere();
  const bench = createBench(tableOf({}), { elsewhere });
  t.strictSame((await timed(bench, "flux", "right")).verdict, { kind: "ok", principal: flux });
  t.strictSame(state.asked, ["flux"]);
  t.match((await timed(bench, "ann", "secret")).verdict, { kind: "ok", principal: { name: "ann" } });
  t.strictSame(state.asked, ["flux"], "a right login of the table asks nobody");
  t.strictSame((await timed(bench, "ann", "wrong")).verdict, { kind: "invalid" });
  t.not(state.asked.at(-1), "ann", "a wrong one is asked about nobody in particular");
  for (const user of ["~subscriber", "flux:x", "fl\u0000ux", "flux\ufffd", "", "x".repeat(300)]) {
    const before = state.asked.length;
    t.strictSame((await timed(bench, user, "right")).verdict, { kind: "invalid" }, JSON.stringify(user));
    t.notOk(state.asked.slice(before).includes(user), `${JSON.stringify(user)} is told to nobody`);
  }
});

t.test("a failed login costs the same hashes and ends at the same beat, whoever it names", async (t) => {
  const users = ["ann", "bob", "flux", "nobody", "", "ann:x"];
  for (const user of users) {
    const { state, elsewhere } = createElsewhere();
    const bench = createBench(tableOf({}, { name: "bob", hash: hashOf.costly }), { elsewhere });
    const { verdict, after } = await timed(bench, user, "wrong");
    t.strictSame(verdict, { kind: "invalid" }, user);
    t.strictSame(bench.costs(), ["10", "12"], user);
    t.equal(state.asked.length, 1, `${user}: one question`);
    t.equal(after, 500, `${user}: at the beat`);
  }
  const { elsewhere } = createElsewhere();
  const bench = createBench(compileUsers([]).users, { elsewhere });
  await timed(bench, "flux", "wrong");
  t.strictSame(bench.costs(), ["10"], "a hash also where the table has none: nobody is asked faster than that");
});

t.test("what is remembered is taken at once, what is stale is asked about without a hash", async (t) => {
  const { state, elsewhere } = createElsewhere();
  const bench = createBench(tableOf({}), { elsewhere });
  state.remembered = flux;
  t.strictSame(bench.verifier.cached({ user: "flux", password: "right" }), flux);
  t.strictSame((await timed(bench, "flux", "right")).verdict, { kind: "ok", principal: flux });
  t.strictSame(state.asked, []);
  state.remembered = "stale";
  t.equal(bench.verifier.cached({ user: "flux", password: "right" }), undefined);
  t.strictSame((await timed(bench, "flux", "right")).verdict, { kind: "ok", principal: flux });
  t.strictSame(state.asked, ["flux"]);
  t.equal(bench.calls.length, 0);
  state.verdict = { kind: "invalid" };
  t.strictSame((await timed(bench, "flux", "right")).verdict, { kind: "invalid" });
});

t.test("while nobody can be asked, who is not in the table is not let in, and it counts for no throttle", async (t) => {
  const { state, elsewhere } = createElsewhere();
  const bench = createBench(tableOf({}), { elsewhere });
  state.verdict = { kind: "unavailable", cause: "no connection" };
  for (let times = 0; times < 15; times++)
    t.match((await timed(bench, "flux", "right")).verdict, { kind: "unavailable", cause: "no connection" });
  t.equal(bench.verifier.status().throttleEntries, 0);
  t.match((await timed(bench, "ann", "secret")).verdict, { kind: "ok" });
  t.strictSame((await timed(bench, "ann", "wrong")).verdict, { kind: "invalid" });
});

t.test("a wrong login is remembered for a short while only: the password may be set in between", async (t) => {
  const { state, elsewhere } = createElsewhere();
  const bench = createBench(tableOf({}), { elsewhere });
  t.strictSame((await timed(bench, "flux", "new")).verdict, { kind: "invalid" });
  const asked = state.asked.length;
  t.strictSame((await timed(bench, "flux", "new")).verdict, { kind: "invalid" });
  t.equal(state.asked.length, asked, "from memory");
  state.password = "new";
  await bench.time.advance(5000);
  t.strictSame((await timed(bench, "flux", "new")).verdict, { kind: "ok", principal: flux });
});

t.test("guessing elsewhere is throttled as guessing here is, and the right password is still taken", async (t) => {
  const { elsewhere } = createElsewhere();
  const bench = createBench(tableOf({}), { elsewhere });
  for (let guess = 0; guess < 9; guess++)
    t.strictSame((await timed(bench, "flux", `guess ${guess}`)).verdict, { kind: "invalid" });
  t.match((await timed(bench, "flux", "guess 10")).verdict, { kind: /invalid|throttled/ });
  t.match((await timed(bench, "flux", "guess 11")).verdict, { kind: "throttled" });
  t.match((await timed(bench, "flux", "right")).verdict, { kind: "ok" });
});

t.test("users that change meanwhile are judged as they are at the end", async (t) => {
  const { elsewhere } = createElsewhere();
  const bench = createBench(tableOf({}), { elsewhere });
  bench.hold();
  const login = bench.login("flux", "right");
  await setImmediate();
  bench.verifier.replaceUsers(tableOf({}));
  await bench.release();
  t.strictSame(await login, { kind: "invalid" }, "nobody is asked any more");

  const other = createElsewhere();
  bench.verifier.replaceUsers(tableOf({}), other.elsewhere);
  bench.hold();
  const second = bench.login("flux", "right", "192.0.2.9");
  await setImmediate();
  bench.verifier.replaceUsers(tableOf({}, { ...entry, name: "flux", hash: hashOf.other }), other.elsewhere);
  await bench.release();
  t.not((await Promise.race([second, timedOut(bench)])).kind, "ok", "the name is somebody's here now");
});

/** Lets the clock run for whoever waits for a beat. */
async function timedOut(bench: ReturnType<typeof createBench>): Promise<{ kind: "late" }> {
  for (let steps = 0; steps < 2000; steps++) {
    await bench.time.advance(1);
  }
  return { kind: "late" };
}

t.test("certificates name users of the table, one at a time", async (t) => {
  const { users, problems } = compileUsers([
    { ...entry, name: "a", hash: undefined, certificate: "CN=a" },
    { ...entry, name: "b", certificate: "b.example.com" },
    { ...entry, name: "c", hash: undefined, certificate: "" },
  ]);
  t.strictSame(problems, []);
  const { verifier } = createBench(users);
  const nameOf = (...names: string[]) => verifier.certified(names)?.name;
  t.equal(nameOf("CN:a"), "a");
  t.equal(nameOf("DNS:b.example.com", "CN:x"), "b");
  t.equal(nameOf("CN:a", "CN:a"), "a");
  t.equal(nameOf("CN:a", "DNS:b.example.com"), undefined, "two users are nobody");
  t.equal(nameOf("DNS:a"), undefined, "a name of another kind");
  t.equal(nameOf("CN:c"), undefined);
  t.equal(nameOf("CN:"), undefined);
  t.equal(nameOf(), undefined);
  verifier.replaceUsers(tableOf({}));
  t.equal(nameOf("CN:a"), undefined, "who is removed is nobody");
  for (const [certificate, text] of [
    ["CN=a,O=b", /CN alone/],
    ["*.example.com", /without \*/],
    ["O=a", /must be a CN/],
  ] as const)
    t.match(
      compileUsers([{ ...entry, certificate, key: "user[0]" }]),
      {
        users: { users: new Map(), certificates: new Map() },
        problems: [{ severity: "error", key: "user[0].certificate", text }],
      },
      certificate,
    );
  t.match(
    compileUsers([
      { ...entry, name: "a", certificate: "a.example.com" },
      { ...entry, name: "b", certificate: "DNS:a.example.com" },
    ]).problems,
    [{ severity: "error", text: /is the certificate of a as well/ }],
    "no certificate is two users",
  );
});
