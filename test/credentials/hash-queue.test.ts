import { setImmediate } from "node:timers/promises";
import t from "tap";
import { createHashQueue, type HashOutcome, type HashQueueOptions } from "../../src/credentials/hash-queue.ts";
import { createFakeTime } from "./fake-time.ts";

/** A queue whose jobs are named, begin when they have their turn and end when told. */
function createBench(options: Partial<HashQueueOptions> = {}) {
  const time = createFakeTime();
  const queue = createHashQueue({ concurrency: 2, now: time.now, schedule: time.schedule, ...options });
  const begun: string[] = [];
  const ends = new Map<string, (right: boolean) => void>();
  const outcomes = new Map<string, HashOutcome | "failed">();
  return {
    time,
    queue,
    begun,
    outcomes,
    submit(name: string, source: string, user: string, readyAt = () => 0) {
      const run = () => {
        begun.push(name);
        const { promise, resolve } = Promise.withResolvers<boolean>();
        ends.set(name, resolve);
        return promise;
      };
      queue.submit({ source, user, readyAt, run }).then((outcome) => outcomes.set(name, outcome));
    },
    async end(name: string) {
      ends.get(name)?.(true);
      await time.advance(0);
    },
  };
}

t.test("so many at a time, the others in the order of their arrival", async (t) => {
  const bench = createBench();
  for (const name of ["a", "b", "c", "d"]) bench.submit(name, "one", name);
  t.same(bench.begun, ["a", "b"]);
  t.equal(bench.queue.running(), 2);
  t.equal(bench.queue.waiting(), 2);
  await bench.end("b");
  t.same(bench.begun, ["a", "b", "c"]);
  t.same([...bench.outcomes], [["b", { kind: "done", right: true }]]);
});

t.test("never two of one user, and nobody else waits for that", async (t) => {
  const bench = createBench();
  bench.submit("a", "one", "ann");
  bench.submit("b", "two", "ann");
  bench.submit("c", "one", "bob");
  t.same(bench.begun, ["a", "c"]);
  await bench.end("c");
  t.same(bench.begun, ["a", "c"]);
  await bench.end("a");
  t.same(bench.begun, ["a", "c", "b"]);
});

t.test("addresses get places in turn, however much one of them asks", async (t) => {
  const bench = createBench({ concurrency: 1 });
  for (const name of ["a1", "a2", "a3", "a4"]) bench.submit(name, "a", name);
  bench.submit("b1", "b", "b1");
  bench.submit("c1", "c", "c1");
  t.equal(bench.time.pending(), 1, "one timer, however many wait");
  for (const name of ["a1", "a2", "b1", "c1", "a3"]) await bench.end(name);
  t.same(bench.begun, ["a1", "a2", "b1", "c1", "a3", "a4"]);
  t.equal(bench.time.pending(), 0, "and none when nobody waits");
});

t.test("what is not ready yet waits without taking a place, and begins by itself", async (t) => {
  const bench = createBench({ concurrency: 1 });
  const readyAt = bench.time.now() + 500;
  bench.submit("slow", "one", "ann", () => readyAt);
  bench.submit("next", "one", "bob");
  t.same(bench.begun, ["next"]);
  await bench.end("next");
  await bench.time.advance(499);
  t.same(bench.begun, ["next"]);
  await bench.time.advance(1);
  t.same(bench.begun, ["next", "slow"]);
});

t.test("readiness is asked when a place is free: it may have moved meanwhile", async (t) => {
  const bench = createBench({ concurrency: 1 });
  let readyAt = 0;
  bench.submit("a", "one", "ann", () => readyAt);
  bench.submit("b", "one", "ann", () => readyAt);
  readyAt = bench.time.now() + 1000;
  await bench.end("a");
  t.same(bench.begun, ["a"]);
  await bench.time.advance(1000);
  t.same(bench.begun, ["a", "b"]);
});

t.test("there is room for so many of one address and so many of all", async (t) => {
  const bench = createBench({ concurrency: 1, waiting: 3, waitingPerSource: 2 });
  for (const name of ["a1", "a2", "a3", "a4"]) bench.submit(name, "a", name);
  bench.submit("b1", "b", "b1");
  bench.submit("c1", "c", "c1");
  await setImmediate();
  t.same(
    [...bench.outcomes],
    [
      ["a4", { kind: "refused" }],
      ["c1", { kind: "refused" }],
    ],
  );
  await bench.end("a1");
  bench.submit("c2", "c", "c2");
  await setImmediate();
  t.equal(bench.outcomes.has("c2"), false, "room again");
});

t.test("who has waited long enough is refused, and what runs is not", async (t) => {
  const bench = createBench({ concurrency: 1, patience: 1000 });
  bench.submit("running", "one", "ann");
  bench.submit("waiting", "two", "bob");
  bench.submit("unready", "three", "eve", () => Number.POSITIVE_INFINITY);
  await bench.time.advance(999);
  t.equal(bench.outcomes.size, 0);
  await bench.time.advance(1);
  t.same([...bench.outcomes.keys()], ["waiting", "unready"]);
  t.equal(bench.queue.waiting(), 0);
  await bench.end("running");
  t.same(bench.outcomes.get("running"), { kind: "done", right: true });
});

t.test("a job that fails frees its place and its user", async (t) => {
  const bench = createBench({ concurrency: 1 });
  const failure = bench.queue.submit({
    source: "one",
    user: "ann",
    readyAt: () => 0,
    run: () => Promise.reject(new Error("no memory")),
  });
  bench.submit("next", "one", "ann");
  await t.rejects(failure, { message: "no memory" });
  await bench.time.advance(0);
  t.same(bench.begun, ["next"]);
});
