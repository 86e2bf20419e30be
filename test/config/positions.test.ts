import fc from "fast-check";
import { parse } from "smol-toml";
import t from "tap";
import { locate } from "../../src/config/positions.ts";
import { formatPath, isTable, type Path } from "../../src/config/tree.ts";

const document = `# a comment with [http] in it
top = """
[http]
realm = "no"
"""
[http]
  realm = "a # b" # c
  'quoted key' = 1
  "bind\\u002daddress" = ''':1''' # d
  list = [ # e
    "x]",
    [1, 2], { a = 1,
      b = { c = 2 } },
  ]
[[user]] # f
name = "a"

[[user]]
  name = "b" ; rest
`.replace(" ; rest", "");
const tail = `inline = { x.y = 1, "z w" = [ { deep = true } ] }
[ a . "b.c" . d ]
e = 2026-11-24 10:00:00
f.g = -inf
[[kapacitor]]
[kapacitor.sub]
h = 'x'
[[kapacitor]]
[[kapacitor.sub]]
h = """a""\\""""
i = """"q""""
\tj=1\r
k = 2
`;

t.test("the line of every key is found", async (t) => {
  const text = document + tail;
  parse(text);
  const lineOf = locate(text);
  const lines = text.split("\n");
  const rows: readonly (readonly [path: Path, mark: string, nth?: number])[] = [
    [["top"], 'top = """'],
    [["http"], "[http]", 1],
    [["http", "realm"], '  realm = "a # b" # c'],
    [["http", "quoted key"], "  'quoted key' = 1"],
    [["http", "bind-address"], "  \"bind\\u002daddress\" = ''':1''' # d"],
    [["http", "list"], "  list = [ # e"],
    [["http", "list", 0], '    "x]",'],
    [["http", "list", 1, 1], "    [1, 2], { a = 1,"],
    [["http", "list", 2, "a"], "    [1, 2], { a = 1,"],
    [["http", "list", 2, "b", "c"], "      b = { c = 2 } },"],
    [["user"], "[[user]] # f"],
    [["user", 0], "[[user]] # f"],
    [["user", 0, "name"], 'name = "a"'],
    [["user", 1], "[[user]]"],
    [["user", 1, "name"], '  name = "b"'],
    [["user", 1, "inline", "x", "y"], 'inline = { x.y = 1, "z w" = [ { deep = true } ] }'],
    [["user", 1, "inline", "z w", 0, "deep"], 'inline = { x.y = 1, "z w" = [ { deep = true } ] }'],
    [["a"], '[ a . "b.c" . d ]'],
    [["a", "b.c", "d"], '[ a . "b.c" . d ]'],
    [["a", "b.c", "d", "e"], "e = 2026-11-24 10:00:00"],
    [["a", "b.c", "d", "f", "g"], "f.g = -inf"],
    [["kapacitor", 0, "sub", "h"], "h = 'x'"],
    [["kapacitor", 1, "sub", 0, "h"], 'h = """a""\\""""'],
    [["kapacitor", 1, "sub", 0, "i"], 'i = """"q""""'],
    [["kapacitor", 1, "sub", 0, "j"], "\tj=1\r"],
    [["kapacitor", 1, "sub", 0, "k"], "k = 2"],
  ];
  for (const [path, mark, nth = 0] of rows) {
    const at = lines.flatMap((line, index) => (line === mark ? [index + 1] : []))[nth];
    t.ok(at !== undefined, mark);
    t.equal(lineOf(path), at, formatPath(path));
  }
  t.equal(lineOf(["http", "bind-addres"]), undefined);
  t.equal(lineOf(["user", 2]), undefined);
});

/** Every path of a parsed document. */
function* pathsOf(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* pathsOf(item, [...path, index]);
  else if (isTable(value)) for (const [key, item] of Object.entries(value)) yield* pathsOf(item, [...path, key]);
}

const words = [
  "[",
  "]",
  "[[",
  "]]",
  "{",
  "}",
  "=",
  ",",
  ".",
  "\n",
  " ",
  "#",
  '"',
  "'",
  '"""',
  "'''",
  "\\",
  "a",
  "b",
  "1",
  "user",
  "x = 1\n",
  '"k" = [1]\n',
];
const tomlish = fc
  .array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 3 })), { maxLength: 40 })
  .map((parts) => parts.join(""));

t.test("every key of any document that parses has a line, and no text breaks the search", async (t) => {
  let parsed = 0;
  fc.assert(
    fc.property(tomlish, (text) => {
      const lineOf = locate(text);
      let tree: unknown;
      try {
        tree = parse(text);
      } catch {
        return true;
      }
      const paths = [...pathsOf(tree)];
      if (paths.length > 0) parsed += 1;
      return paths.every((path) => lineOf(path) !== undefined);
    }),
    { numRuns: 20_000 },
  );
  t.ok(parsed > 100, `${parsed} documents with keys`);
});

t.test("a long file does not take long", async (t) => {
  const text = `a = """${'x\n\\"'.repeat(200_000)}"""\nb = [${'"y", '.repeat(100_000)}]\nc = 1\n`;
  const before = performance.now();
  t.equal(locate(text)(["c"]), 200_003);
  t.ok(performance.now() - before < 5_000);
});
