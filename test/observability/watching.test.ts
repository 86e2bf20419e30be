import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mock } from "node:test";
import t from "tap";
import { readDescriptors } from "../../src/observability/descriptors.ts";
import { watchEventLoop } from "../../src/observability/event-loop.ts";
import { sampleRates } from "../../src/observability/rates.ts";
import { createRefusals } from "../../src/observability/refusals.ts";

/** Intervals run when told to; the clock says what it is told. */
function fakeTime(t: { teardown: (run: () => void) => void }) {
  mock.timers.enable({ apis: ["setInterval"] });
  t.teardown(() => mock.timers.reset());
  let time = 0;
  return {
    now: () => time,
    pass: (milliseconds: number, late = 0) => {
      time += milliseconds + late;
      mock.timers.tick(milliseconds);
    },
  };
}

t.test("what the event loop was late is known for 15 to 30 seconds, whoever asks", async (t) => {
  const clock = fakeTime(t);
  const delay = watchEventLoop(clock.now);
  for (let at = 0; at < 20; at += 1) clock.pass(50);
  t.equal(delay.seconds(), 0);
  clock.pass(50, 400);
  t.equal(delay.seconds(), 0.4);
  t.equal(delay.seconds(), 0.4);
  for (let at = 0; at < 14_000; at += 50) clock.pass(50);
  clock.pass(50, 100);
  t.equal(delay.seconds(), 0.4, "the worst");
  for (let at = 0; at < 15_000; at += 50) clock.pass(50);
  t.equal(delay.seconds(), 0.1, "the worst of the last window");
  for (let at = 0; at < 31_000; at += 50) clock.pass(50);
  t.equal(delay.seconds(), 0);
  delay.stop();
});

t.test("rates are per second of the time that passed, bounded, and forgotten with their counter", async (t) => {
  const clock = fakeTime(t);
  const counters = new Map([["writes", 100]]);
  const rates = sampleRates(() => counters, clock.now);
  t.strictSame(rates.of("writes"), [], "nothing yet");
  counters.set("writes", 150);
  clock.pass(5000);
  counters.set("api", 7);
  clock.pass(5000, 5000);
  counters.set("api", 8);
  counters.set("writes", 151);
  clock.pass(5000);
  t.strictSame(rates.of("writes"), [10, 0, 0.2]);
  t.strictSame(rates.of("api"), [0.2], "from the second sample on");
  counters.set("writes", 0);
  clock.pass(5000);
  t.equal(rates.of("writes").at(-1), 0, "never below zero");
  for (let at = 0; at < 200; at += 1) clock.pass(5000);
  t.equal(rates.of("writes").length, 120);
  counters.delete("api");
  clock.pass(5000);
  t.strictSame(rates.of("api"), []);
  for (let at = 0; at < 1000; at += 1) counters.set(`name ${at}`, at);
  clock.pass(5000);
  clock.pass(5000);
  t.equal([...counters.keys()].filter((name) => rates.of(name).length > 0).length, 256);
  rates.stop();
});

t.test("the last refusals are kept, the latest first, with paths of bounded length", async (t) => {
  const refusals = createRefusals(3);
  const add = (path: string): void =>
    refusals.add({
      at: new Date(0),
      reason: "route_unknown",
      status: 404,
      request_id: path,
      lane: "api",
      class: "unknown",
      instance: "one",
      method: "GET",
      path,
      principal: undefined,
      client_address: "192.0.2.1",
    });
  t.strictSame(refusals.list(), []);
  for (const path of ["/1", "/2", "/3", "/4", `/${"x".repeat(500)}`]) add(path);
  t.strictSame(
    refusals.list().map(({ path }) => path),
    [`/${"x".repeat(199)}…`, "/4", "/3"],
  );
});

t.test("file descriptors are counted where the system tells", async (t) => {
  const folder = t.testdir({ limits: "Limit   Soft\nMax open files            1024                 4096   files\n" });
  await mkdir(join(folder, "fd"));
  for (const name of ["0", "1", "2", "3"]) await writeFile(join(folder, "fd", name), "");
  t.strictSame(await readDescriptors(folder), { open: 3, most: 1024 }, "less the one that lists them");
  t.strictSame(await readDescriptors(join(folder, "none")), { open: undefined, most: undefined });
});
