import { Buffer } from "node:buffer";
import t from "tap";
import { mayJoin, needsLineFeed } from "../../src/core/line-protocol-joining.ts";
import { parseLines } from "../../src/standin/line-protocol.ts";
import { createBodies, createRandom } from "../support/line-bodies.ts";

const may = (text: string): boolean => mayJoin(Buffer.from(text, "latin1"));

t.test("what a writer sends may join", async (t) => {
  for (const text of [
    "m v=1 1\n",
    "m v=1 1",
    "m v=1 1\r\n",
    "m v=1\nm v=2\n",
    "m,t=a\\ b v=1\n",
    'm v="a"\n',
    'm v="a \\" b"\n',
    'm v="two\nlines"\n',
    'm v="a",w="b,c=d" 1',
    'm,t="q v=1\n',
    '"m v=1\n',
    "m v=1\n# comment\n\n",
    "not line protocol\n",
  ])
    t.equal(may(text), true, JSON.stringify(text));
});

t.test("what could change how its neighbours are read travels alone", async (t) => {
  for (const [text, why] of [
    ["", "empty"],
    ["\n", "blank"],
    [" \t\n", "blank"],
    ["# comment\n", "a comment"],
    ["m v=1\\", "a backslash at the end"],
    ["m v=1\\\n", "a backslash before the line feed"],
    ["m v=1\\\nm v=2\n", "a backslash before a line feed within"],
    ["m v=1\0\n", "a NUL"],
    ['m v="open\n', "an open string"],
    ['m v="open', "an open string without a line feed"],
    ['m v="a\\"\n', "a string that ends in an escaped quote"],
    ['m v="a" 1\nm v="b\n', "an open string on the last line"],
    ['m v="a\\\\\\"\n', "an open string behind an escaped backslash"],
    ['m v\\\\="x=y" 1\n', "a field that is accepted and then cannot be read"],
  ] as const)
    t.equal(may(text), false, why);
});

t.test("a line feed is missing when the last line has none", async (t) => {
  t.equal(needsLineFeed(Buffer.from("m v=1")), true);
  t.equal(needsLineFeed(Buffer.from("m v=1\r")), true);
  t.equal(needsLineFeed(Buffer.from("m v=1\n")), false);
});

t.test("joined bodies are read as each of them is read alone", async (t) => {
  const seed = Date.now() % 2 ** 31;
  const random = createRandom(seed);
  const next = createBodies(random);
  let joined = 0;
  for (let set = 0; set < 1000; set += 1) {
    const bodies = Array.from({ length: 2 + Math.floor(random() * 4) }, next).filter(mayJoin);
    joined += bodies.length;
    const whole = Buffer.concat(bodies.flatMap((body) => (needsLineFeed(body) ? [body, Buffer.from("\n")] : [body])));
    const alone = bodies.map((body) => parseLines(body, "n"));
    const together = parseLines(whole, "n");
    const refused = alone.some((result) => result.error !== undefined);
    if (refused !== (together.error !== undefined)) t.fail(`seed ${seed}: ${JSON.stringify(whole.toString("latin1"))}`);
    if (refused) continue;
    const expected = JSON.stringify(
      alone.flatMap((result) => result.points ?? []),
      stringify,
    );
    if (JSON.stringify(together.points, stringify) !== expected)
      t.fail(`seed ${seed}: ${JSON.stringify(whole.toString("latin1"))}`);
  }
  t.ok(joined > 1500, "most bodies may join");
});

function stringify(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}
