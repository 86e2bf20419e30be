import fc from "fast-check";
import t from "tap";
import { createVerifiedCache } from "../../src/credentials/verified-cache.ts";
import { createFakeTime } from "./fake-time.ts";

t.test("only what was added is known", async (t) => {
  const cache = createVerifiedCache({ now: createFakeTime().now });
  const key = cache.keyOf("ann", "hash", "secret");
  t.equal(cache.has(key), false);
  cache.add(key);
  t.equal(cache.has(key), true);
  t.equal(cache.has(cache.keyOf("ann", "hash", "secret")), true);
  t.equal(cache.has(cache.keyOf("ann", "another hash", "secret")), false, "a changed password");
  t.equal(cache.has(cache.keyOf("bob", "hash", "secret")), false);
  t.equal(cache.has(cache.keyOf("ann", "hash", "Secret")), false);
});

// CVE-2022-46146: exporter-toolkit joined user, hash and password without a mark between them. Who knew the hash could have a
// verdict cached under a key that somebody else's login, with another split of the same characters, had as well.
t.test("no other split of the same characters has the same key", async (t) => {
  const cache = createVerifiedCache({ now: createFakeTime().now });
  const symbols = ["1", "3", ":", "b"];
  const texts = [""];
  for (const text of texts) if (text.length < 3) texts.push(...symbols.map((symbol) => text + symbol));
  const keys = new Set<string>();
  const triples = new Set<string>();
  for (const left of texts) {
    for (const right of texts) {
      const splits: [string, string, string][] = [
        [left, right, ""],
        [left, "", right],
        ["", left, right],
      ];
      for (const triple of splits) {
        keys.add(cache.keyOf(...triple));
        triples.add(triple.join("|"));
      }
    }
  }
  t.equal(keys.size, triples.size);
  const part = fc.string({ unit: fc.constantFrom("1", "2", ":", "a"), maxLength: 6 });
  const triple = fc.tuple(part, part, part);
  fc.assert(
    fc.property(triple, triple, (left, right) => {
      const same = left.every((value, index) => value === right[index]);
      return (cache.keyOf(...left) === cache.keyOf(...right)) === same;
    }),
    { numRuns: 5000 },
  );
});

t.test("keys are secret to the process and hold nothing of the password", async (t) => {
  const now = createFakeTime().now;
  const [one, two] = [createVerifiedCache({ now }), createVerifiedCache({ now })];
  t.not(one.keyOf("ann", "hash", "secret"), two.keyOf("ann", "hash", "secret"));
  t.match(one.keyOf("ann", "hash", "x".repeat(5000)), /^[A-Za-z0-9+/]{43}=$/);
});

t.test("the verdict unused for longest makes room", async (t) => {
  const time = createFakeTime();
  const cache = createVerifiedCache({ capacity: 3, now: time.now });
  for (const key of ["a", "b", "c"]) {
    cache.add(key);
    await time.advance(1);
  }
  t.equal(cache.has("a"), true);
  cache.add("d");
  cache.add("d");
  t.equal(cache.size(), 3);
  t.same(
    ["a", "b", "c", "d"].filter((key) => cache.has(key)),
    ["a", "c", "d"],
  );
});

t.test("16,384 verdicts are kept unless told", async (t) => {
  const cache = createVerifiedCache({ now: createFakeTime().now });
  for (let index = 0; index < 16_500; index += 1) cache.add(String(index));
  t.equal(cache.size(), 16_384);
});

t.test("a verdict ends ten minutes after its last use", async (t) => {
  const time = createFakeTime();
  const cache = createVerifiedCache({ now: time.now });
  cache.add("a");
  for (let times = 0; times < 3; times += 1) {
    await time.advance(599_999);
    t.equal(cache.has("a"), true);
  }
  await time.advance(600_000);
  t.equal(cache.has("a"), false);
  t.equal(cache.size(), 0);
});
