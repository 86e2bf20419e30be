import t from "tap";
import { createResolver } from "../../src/server/resolve.ts";

t.test("equal questions are asked once, two at a time, and a failure is no address", async (t) => {
  const asked: string[] = [];
  let most = 0;
  let running = 0;
  const resolve = createResolver(async (name) => {
    asked.push(name);
    most = Math.max(most, ++running);
    await new Promise((done) => setTimeout(done, 5));
    running--;
    if (name === "none") throw new Error("ENOTFOUND");
    return [`192.0.2.${name}`];
  });
  t.strictSame(await Promise.all(["1", "2", "1", "none", "3"].map(resolve)), [
    ["192.0.2.1"],
    ["192.0.2.2"],
    ["192.0.2.1"],
    [],
    ["192.0.2.3"],
  ]);
  t.strictSame([asked, most], [["1", "2", "none", "3"], 2]);
  await resolve("1");
  t.equal(asked.length, 5, "nothing is remembered");
});

/**
 * Found by an attack: names whose server never answers stood in the queue long after the definitions that named them were refused, and every
 * definition of anybody with a name in it was refused until they had all been asked, which took hours.
 */
t.test("a question that nobody waits for any more is not asked", async (t) => {
  const asked: string[] = [];
  const stuck: (() => void)[] = [];
  const resolve = createResolver((name) => {
    asked.push(name);
    return name.startsWith("slow")
      ? new Promise((done) => stuck.push(() => done(["192.0.2.1"])))
      : Promise.resolve(["192.0.2.2"]);
  }, 20);
  const slow = Array.from({ length: 1000 }, (_, index) => resolve(`slow${index}`));
  t.strictSame(new Set((await Promise.all(slow)).flat()), new Set(), "too late is no address");
  t.equal(asked.length, 2);
  const last = resolve("fast");
  for (const answer of stuck) answer();
  t.strictSame(await last, ["192.0.2.2"]);
  t.strictSame(asked, ["slow0", "slow1", "fast"]);
});
