/** What a hostile script can cost: limits, depth, and work in proportion to the length. */
import t from "tap";
import { defaultLimits, parseScript } from "../../src/tickscript/parser.ts";
import { walk } from "../../src/tickscript/visit.ts";
import { meaning } from "./notation.ts";
import { charactersRead } from "./work.ts";

t.test("the default limits", async (t) => {
  t.strictSame(defaultLimits, { size: 1_048_576, tokens: 200_000, depth: 200 });
  t.equal(parseScript(" ".repeat(defaultLimits.size)).ok, true);
  t.equal(meaning(" ".repeat(defaultLimits.size + 1)), "1:1048577 the script is longer than 1048576 characters");
  t.equal(parseScript("a ".repeat(defaultLimits.tokens)).ok, true);
  t.equal(meaning("a ".repeat(defaultLimits.tokens + 1)), "1:400001 the script has more than 200000 tokens");
});

t.test("each limit holds to the unit, and refuses at the place where it is passed", async (t) => {
  t.equal(meaning("a\nbc", { size: 4 }), "a; bc");
  t.equal(meaning("a\nbcd", { size: 4 }), "2:3 the script is longer than 4 characters");
  t.equal(meaning("a // x\n(b)", { tokens: 4 }), "a(b)");
  t.equal(meaning("a(b) c", { tokens: 4 }), "1:6 the script has more than 4 tokens");
});

/** Ways to nest, and how many levels one of each is. */
const nests = [
  ["f(", ")", 1],
  ["a.b(", ")", 1],
  ["(", ")", 1],
  ["-", "", 1],
  ["!", "", 1],
  ["1 + 2 * (", ")", 2],
  ["1 OR 2 AND 3 == 4 > 5 + 6 * (", ")", 6],
] as const;

t.test("depth counts arguments, parentheses, unary operators and operators of higher precedence", async (t) => {
  for (const [open, close, levels] of nests) {
    const nested = `${open.repeat(12)}x${close.repeat(12)}`;
    t.equal(parseScript(nested, { depth: 12 * levels }).ok, true, open);
    t.match(meaning(nested, { depth: 12 * levels - 1 }), /nested deeper than/, open);
  }
  t.equal(meaning("f(\n(x))", { depth: 1 }), "2:1 nested deeper than 1");
  t.equal(meaning("1 * 2 / 3 + 4 - 5", { depth: 0 }), "((((1 * 2) / 3) + 4) - 5)");
});

t.test("no depth overflows the stack, whatever the limit says", async (t) => {
  const limits = { depth: Number.POSITIVE_INFINITY, tokens: Number.POSITIVE_INFINITY };
  for (const [open, close, levels] of nests) {
    t.match(meaning(open.repeat(30_000), limits), /nested deeper than 500$/, open);
    const most = Math.floor(500 / levels);
    t.equal(parseScript(`${open.repeat(most)}x${close.repeat(most)}`, limits).ok, true, open);
  }
});

t.test("length is not depth: long rows stay flat, and a walk over them is safe", async (t) => {
  const rows = [
    ["a", ".b(1)", "", 39_000],
    ["a", " + 1", "", 90_000],
    ["a", " OR b == 'c'", "", 45_000],
    ["f(", "a,", ")", 90_000],
    ["[", "'a',", "]", 90_000],
    ["", "a\n", "", 190_000],
  ] as const;
  for (const [open, part, close, times] of rows) {
    const result = parseScript(open + part.repeat(times) + close);
    if (!result.ok) throw new Error(result.problem.message);
    let nodes = 0;
    for (const _ of walk(result.program)) nodes++;
    t.ok(nodes > times, `${open}${part}…${close}`);
  }
});

t.test("the script is read a fixed number of times, whatever stands in it", async (t) => {
  const parts = [
    "a ",
    "a.b()",
    "(",
    "!",
    "5",
    "5.",
    "0",
    "1 ",
    "'",
    "'''",
    "'''a''\\",
    "\\'",
    '"\\"',
    "/a\\/",
    "//\n/",
    "// \t\n",
    " \n\t",
  ];
  parts.push(
    "a+",
    "é",
    "𝐀",
    "٣",
    "f(a,",
    "['a',",
    "var x = // ",
    "lambda",
    "lambda:",
    "a|b(",
    "#",
    "a =~ /x/ OR ",
    "\uD800",
  );
  for (const part of parts) {
    const source = part.repeat(Math.ceil(20_000 / part.length));
    t.ok(charactersRead(source) <= 8 * source.length, part);
  }
});
