/** Places and code frames, for scripts that may have been written to confuse whoever reads about them. */
import t from "tap";
import { parseScript } from "../../src/tickscript/parser.ts";
import { codeFrame, position } from "../../src/tickscript/problem.ts";
import { quote } from "./notation.ts";

/** The frame of the place where a needle begins, marked as long as the needle is. */
function frameAt(source: string, needle: string): string {
  return codeFrame(source, source.indexOf(needle), needle.length);
}

const lines = (...rows: readonly string[]) => rows.join("\n");

t.test("a place is a line and a column in code points, both from 1", async (t) => {
  const rows = [
    ["abc", 0, 1, 1],
    ["abc", 3, 1, 4],
    ["a\nb\nc", 4, 3, 1],
    ["a\nb\nc", 3, 2, 2],
    ["\n\n", 2, 3, 1],
    ["\n", 0, 1, 1],
    ["é😀x", 3, 1, 3],
    ["a\r\nb", 3, 2, 1],
    ["a\rb\u2028c", 4, 1, 5],
  ] as const;
  for (const [source, offset, line, column] of rows) {
    t.strictSame(position(source, offset), { line, column }, `${quote(source)} ${offset}`);
  }
});

t.test("a refusal says where it is", async (t) => {
  t.strictSame(parseScript("a\n  |b('😀' c)"), {
    ok: false,
    problem: { message: 'expected ")", found "c"', offset: 12, line: 2, column: 10 },
  });
});

t.test("a frame shows the line, two before and one behind", async (t) => {
  const source = lines("one", "two", "three", "four('x')", "five", "six");
  t.equal(frameAt(source, "four"), lines("  2 | two", "  3 | three", "> 4 | four('x')", "    | ^^^^", "  5 | five"));
  t.equal(frameAt(source, "one"), lines("> 1 | one", "    | ^^^", "  2 | two"));
  t.equal(frameAt(source, "six"), lines("  4 | four('x')", "  5 | five", "> 6 | six", "    | ^^^"));
  t.equal(codeFrame("\n\nx", 0), lines("> 1 |", "    | ^", "  2 |"));
  t.equal(codeFrame("\n\nx", 2), lines("  1 |", "  2 |", "> 3 | x", "    | ^"));
  t.equal(codeFrame("ab\n", 3), lines("  1 | ab", "> 2 |", "    | ^"));
  t.equal(codeFrame("", 0), lines("> 1 |", "    | ^"));
});

t.test("line numbers stand right-aligned", async (t) => {
  const source = lines(...Array.from({ length: 10 }, (_, index) => `line${index + 1};`));
  t.equal(
    frameAt(source, "line9"),
    lines("   7 | line7;", "   8 | line8;", ">  9 | line9;", "     | ^^^^^", "  10 | line10;"),
  );
});

t.test("the mark ends with its line, and counts code points", async (t) => {
  t.equal(codeFrame("ab'c\nd'", 2, 5), lines("> 1 | ab'c", "    |   ^^", "  2 | d'"));
  t.equal(frameAt("😀é x😀y", "x😀y"), lines("> 1 | 😀é x😀y", "    |    ^^^"));
  t.equal(frameAt("\tx\r\ny", "x"), lines("> 1 |  x", "    |  ^", "  2 | y"));
});

t.test("a long line is clipped around the mark, other lines at their beginning", async (t) => {
  const long = `${"a".repeat(1000)}X${"b".repeat(1000)}`;
  t.equal(
    frameAt(lines(long, `${"c".repeat(500)}HERE${"d".repeat(500)}`, long), "HERE"),
    lines(
      `  1 | ${"a".repeat(100)}…`,
      `> 2 | …${"c".repeat(60)}HERE${"d".repeat(36)}…`,
      `    | ${" ".repeat(61)}^^^^`,
      `  3 | ${"a".repeat(100)}…`,
    ),
  );
  t.equal(
    frameAt("'".repeat(1_000_000), "'".repeat(500)),
    lines(`> 1 | ${"'".repeat(100)}…`, `    | ${"^".repeat(100)}`),
  );
});

t.test("what could steer a terminal or hide text is replaced", async (t) => {
  const hostile = "\u001B]0;x\u0007 \u009B31m \u202Eexec\u202C \u200B\u2066\0\uD800 \u2028";
  t.equal(
    codeFrame(`a${hostile}b`, 0),
    lines("> 1 | a\uFFFD]0;x\uFFFD \uFFFD31m \uFFFDexec\uFFFD \uFFFD\uFFFD\uFFFD\uFFFD \uFFFDb", "    | ^"),
  );
  for (const source of ["\u001B", "\u202E", "\u2028#", "'\u001B' \u009B", "a\u0007"]) {
    const result = parseScript(source);
    t.ok(!result.ok && !/\p{C}/u.test(result.problem.message), quote(source));
  }
});
