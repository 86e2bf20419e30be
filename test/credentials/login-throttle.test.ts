import { setImmediate } from "node:timers/promises";
import t from "tap";
import type { Verdict } from "../../src/credentials/verifier.ts";
import { ann, createBench, tableOf } from "./verifier-bench.ts";

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
  t.equal(
    bench.calls.filter(({ password }) => password === "secret").length,
    1,
    "what was verified meanwhile is known",
  );
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
