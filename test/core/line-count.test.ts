import t from "tap";
import { countPoints, LineCount } from "../../src/core/line-count.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

t.test(
  "points are the lines that are neither empty nor comments, with or without a line feed at the end",
  async (t) => {
    const cases: readonly (readonly [string, number])[] = [
      ["", 0],
      ["\n", 0],
      ["\r\n\r\n", 0],
      ["cpu v=1", 1],
      ["cpu v=1\n", 1],
      ["cpu v=1\ncpu v=2", 2],
      ["cpu v=1\r\ncpu v=2\r\n", 2],
      ["# a comment\ncpu v=1\n\n\n#\ncpu v=2\n", 2],
      ["a v=1\n\n", 1],
      ["\n\na v=1", 1],
    ];
    for (const [body, points] of cases) t.equal(countPoints(bytes(body)), points, JSON.stringify(body));
  },
);

t.test("it does not matter where a body is cut on its way", async (t) => {
  const body = bytes("cpu v=1\n# no\n\ncpu v=2\r\n\r\ncpu v=3");
  for (let first = 0; first <= body.length; first += 1) {
    for (let second = first; second <= body.length; second += 1) {
      const count = new LineCount();
      for (const part of [body.subarray(0, first), body.subarray(first, second), body.subarray(second)])
        count.add(part);
      if (count.points !== 3) t.fail(`cut at ${first} and ${second}: ${count.points}`);
    }
  }
  t.pass("all cuts");
});
