import t from "tap";
import { addressGroup, createThrottle, pairOf } from "../../src/credentials/throttle.ts";
import { createFakeTime } from "./fake-time.ts";

const minute = 60_000;

t.test("the first failures of a pair are invalid, the next ones throttled, with a growing wait", async (t) => {
  const time = createFakeTime();
  const throttle = createThrottle({ limit: 3, now: time.now });
  const pair = pairOf("192.0.2.1", "ann");
  const answers = Array.from({ length: 10 }, (_, index) => throttle.failed(pair, `wrong ${index}`));
  const invalid = { kind: "invalid" };
  t.same(answers, [
    ...[invalid, invalid, invalid],
    ...[60, 120, 240, 480, 900, 900, 900].map((retryAfterSeconds) => ({ kind: "throttled", retryAfterSeconds })),
  ]);
});

t.test("the limit is ten unless told, and others are not throttled with a pair", async (t) => {
  const throttle = createThrottle({ now: createFakeTime().now });
  const pair = pairOf("192.0.2.1", "ann");
  for (let failures = 0; failures < 10; failures += 1) t.same(throttle.failed(pair, "wrong"), { kind: "invalid" });
  t.equal(throttle.isThrottled(pair), true);
  t.match(throttle.failed(pair, "wrong"), { kind: "throttled" });
  t.same(throttle.failed(pairOf("192.0.2.2", "ann"), "wrong"), { kind: "invalid" }, "another address");
  t.same(throttle.failed(pairOf("192.0.2.1", "bob"), "wrong"), { kind: "invalid" }, "another user");
});

t.test("a window ends by itself, the next failure opens a longer one, and time forgets all", async (t) => {
  const time = createFakeTime();
  const throttle = createThrottle({ limit: 1, now: time.now });
  const pair = pairOf("192.0.2.1", "ann");
  t.same(throttle.failed(pair, "a"), { kind: "invalid" });
  t.equal(throttle.isThrottled(pair), true);
  await time.advance(29_999);
  t.equal(throttle.isThrottled(pair), true);
  await time.advance(1);
  t.equal(throttle.isThrottled(pair), false);
  t.equal(throttle.readyAt(pair) <= time.now(), true, "no pace outside of the window");
  t.same(throttle.failed(pair, "b"), { kind: "invalid" });
  t.same(throttle.failed(pair, "c"), { kind: "throttled", retryAfterSeconds: 120 });
  await time.advance(2 * minute + 15 * minute - 1);
  t.equal(throttle.knowsWrong(pair, "c"), true);
  await time.advance(1);
  t.equal(throttle.knowsWrong(pair, "c"), false);
  t.same(throttle.failed(pair, "c"), { kind: "invalid" });
  t.equal(throttle.isThrottled(pair), true, "counted from zero");
  await time.advance(30_000);
  t.equal(throttle.isThrottled(pair), false, "with the first window again");
});

t.test("in the window verifications of the pair keep a distance that grows to two seconds", async (t) => {
  const time = createFakeTime();
  const throttle = createThrottle({ limit: 2, now: time.now });
  const pair = pairOf("192.0.2.1", "ann");
  const distances: number[] = [];
  for (let failures = 0; failures < 24; failures += 1) {
    throttle.started(pair);
    distances.push(Math.max(0, throttle.readyAt(pair) - time.now()));
    throttle.failed(pair, "wrong");
  }
  t.same(distances.slice(0, 5), [0, 0, 100, 200, 300]);
  t.same(distances.slice(-3), [2000, 2000, 2000]);
  await time.advance(2000);
  t.equal(throttle.readyAt(pair), time.now());
});

t.test("a success forgives", async (t) => {
  const throttle = createThrottle({ limit: 1, now: createFakeTime().now });
  const pair = pairOf("192.0.2.1", "ann");
  throttle.failed(pair, "a");
  throttle.succeeded(pair);
  t.equal(throttle.isThrottled(pair), false);
  t.equal(throttle.knowsWrong(pair, "a"), false);
  t.equal(throttle.size(), 0);
});

t.test("the last wrong passwords of a pair are known, a handful of them", async (t) => {
  const throttle = createThrottle({ now: createFakeTime().now });
  const pair = pairOf("192.0.2.1", "ann");
  for (const key of ["a", "b", "b", "c", "d", "e"]) throttle.failed(pair, key);
  t.same(
    ["a", "b", "c", "d", "e", "f"].filter((key) => throttle.knowsWrong(pair, key)),
    ["b", "c", "d", "e"],
  );
  t.equal(throttle.knowsWrong(pairOf("192.0.2.2", "ann"), "e"), false);
});

t.test("IPv4 is counted by address, IPv6 by /64, however it is written", async (t) => {
  const groups: readonly (readonly string[])[] = [
    ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"],
    ["192.0.2.2"],
    ["2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:0DB8::1:0:0:0:2", "2001:db8:0:1::1%eth0"],
    ["2001:db8:0:2::1"],
    ["fe80::1%eth0", "fe80::2%eth1"],
    ["", "unknown", "192.0.2.1:443", "a b"],
  ];
  const names = groups.map((group) => [...new Set(group.map(addressGroup))]);
  for (const [index, name] of names.entries()) t.equal(name.length, 1, `group ${index}`);
  t.equal(new Set(names.flat()).size, groups.length, "no two groups are one");
  t.notOk(names.flat().some((name) => name.includes(" ")));
});

t.test("a million addresses and endless user names do not make the table grow", async (t) => {
  const throttle = createThrottle({ capacity: 100, now: createFakeTime().now });
  for (let address = 0; address < 1_000_000; address += 1) {
    throttle.failed(
      pairOf(addressGroup(`10.${address >> 16}.${(address >> 8) & 255}.${address & 255}`), "ann"),
      "wrong",
    );
  }
  t.equal(throttle.size(), 50);
  t.equal(pairOf("10.0.0.1", "x".repeat(10_000)).length < 300, true);
});

t.test(
  "rotating names does not free a throttled pair, and throttled pairs do not keep others from being counted",
  async (t) => {
    const throttle = createThrottle({ limit: 2, capacity: 20, now: createFakeTime().now });
    const target = pairOf("192.0.2.1", "ann");
    for (const key of ["a", "b"]) throttle.failed(target, key);
    for (let name = 0; name < 1000; name += 1) throttle.failed(pairOf("192.0.2.1", `name ${name}`), "wrong");
    t.equal(throttle.isThrottled(target), true, "a thousand names that failed once");
    for (let name = 0; name < 9; name += 1) {
      for (const key of ["a", "b"]) throttle.failed(pairOf("192.0.2.1", `other ${name}`), key);
    }
    t.equal(throttle.isThrottled(target), true, "as many throttled pairs as there is room for");
    const late = pairOf("192.0.2.9", "ann");
    for (const key of ["a", "b"]) throttle.failed(late, key);
    t.equal(throttle.isThrottled(late), true, "a full table still counts");
    t.equal(throttle.isThrottled(target), false, "what is forgotten may try again: the table locks nobody out");
  },
);
