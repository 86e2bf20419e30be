import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { type JsonNode, parseJson } from "../../src/core/json.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => parseJson(bytesOf(text));

/** What JSON.parse would give. */
function plain(node: JsonNode): unknown {
  switch (node.kind) {
    case "null":
      return null;
    case "boolean":
    case "string":
      return node.value;
    case "number":
      return Number(node.text);
    case "array":
      return node.items.map(plain);
    case "object":
      // The last of equal names wins, in the place of the first; __proto__ is a name like any other.
      return Object.fromEntries(node.members.map(({ name, value }) => [name, plain(value)]));
  }
}

t.test("keeps what JSON.parse throws away", async (t) => {
  const reading = read(' {"b": 1.50, "a": [true, null], "b": 9007199254740993} ');
  t.match(reading, {
    ok: true,
    end: 54,
    value: {
      kind: "object",
      start: 1,
      end: 54,
      members: [
        { name: "b", offset: 2, value: { kind: "number", text: "1.50", start: 7, end: 11 } },
        {
          name: "a",
          offset: 13,
          value: { kind: "array", items: [{ kind: "boolean", value: true }, { kind: "null" }] },
        },
        { name: "b", offset: 32, value: { kind: "number", text: "9007199254740993" } },
      ],
    },
  });
});

const legal = [
  ...["null", "true", "false", '""', "0", "-0", "[]", "{}", " \t\r\n[ ]\n", "[1,2]", '{"a":{}}'],
  ...["1e999", "-1.5E-10", "1E+2", "0.0", "123456789012345678901234567890"],
  ...[
    '"\\" \\\\ \\/ \\b\\f\\n\\r\\t"',
    '"\\u0041\\u00e9\\uD83D\\uDE00"',
    '"\u{1f600}é\u2028"',
    '"\u007f"',
    '"\\u0000"',
  ],
  ...['{"":0}', '{"a":1,"a":2}', '{"__proto__":1,"constructor":2}', `"\uFEFF"`],
];
const illegal: readonly (readonly [text: string, offset: number])[] = [
  ["", 0],
  [" ", 1],
  ["nul", 0],
  ["True", 0],
  ["NaN", 0],
  ["+1", 0],
  ["01", 1],
  ["-", 1],
  ["1.", 2],
  [".5", 0],
  ["1e", 2],
  ["1e+", 3],
  ["0x1", 1],
  ["[1,]", 3],
  ["[1", 2],
  ["[1 2]", 3],
  ["{a:1}", 1],
  ["{'a':1}", 1],
  ['{"a" 1}', 5],
  ['{"a":}', 5],
  ['{"a":1,}', 7],
  ['{"a":1', 6],
  ['"', 1],
  ['"\n"', 1],
  ['"\t"', 1],
  ['"\u0000"', 1],
  ['"\\x41"', 2],
  ['"\\u12"', 2],
  ['"\\u 123"', 2],
  ['"\\U0041"', 2],
  ["'a'", 0],
  ["{} {}", 3],
  ["{}}", 2],
  ["{}x", 2],
  ["null,", 4],
  ["// c\n{}", 0],
  ["\u00a0{}", 0],
  ["\uFEFF{}", 0],
  ["{}\u0000", 2],
];

t.test("takes RFC 8259 and nothing else", async (t) => {
  for (const text of legal) {
    const reading = read(text);
    if (!reading.ok) t.fail(`${JSON.stringify(text)}: ${reading.text}`);
    else deepStrictEqual(plain(reading.value), JSON.parse(text), text);
  }
  for (const [text, offset] of illegal) t.match(read(text), { ok: false, offset }, JSON.stringify(text));
});

t.test("refuses bytes that Go replaces with U+FFFD", async (t) => {
  const broken: readonly (readonly number[])[] = [
    [0xff],
    [0xc3],
    [0x80],
    [0xc0, 0xae],
    [0xe0, 0x80, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf0, 0x9f, 0x98],
  ];
  for (const bytes of broken) {
    t.match(parseJson(new Uint8Array([0x22, ...bytes, 0x22])), { ok: false, text: /UTF-8/ }, `value ${bytes}`);
    t.match(parseJson(new Uint8Array([0x7b, 0x22, ...bytes, 0x22, 0x3a, 0x30, 0x7d])), { ok: false }, `name ${bytes}`);
  }
  for (const text of ['"\\ud800"', '"\\udc00\\ud800"', '"a\\ud83d"', '"\\ud83dx\\ude00"', '{"\\ud800":1}']) {
    t.match(read(text), { ok: false, text: /surrogate/ }, text);
  }
  t.match(parseJson(Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0)), { ok: false, offset: 0 }, "UTF-16");
});

t.test("has limits", async (t) => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  t.ok(read(nested(100)).ok);
  t.match(read(nested(101)), { ok: false, text: /nested deeper than 100/, offset: 100 });
  t.match(read("[".repeat(1_000_000)), { ok: false }, "and it is no stack overflow");
  t.ok(read(`[${"[],".repeat(200)}[]]`).ok, "side by side is not deep");
  t.match(parseJson(bytesOf("[1,2]"), { size: 4 }), { ok: false, text: /longer than 4 bytes/ });
  t.ok(parseJson(bytesOf("[1,2]"), { size: 5 }).ok);
});

t.test("takes so many values and no more: 25 MB of zeros were a gigabyte of tree", async (t) => {
  t.ok(parseJson(bytesOf('[1,{"a":[]}]'), { values: 4 }).ok, "the names of members are none");
  t.match(parseJson(bytesOf('[1,{"a":[]}]'), { values: 3 }), { ok: false, text: "more than 3 values", offset: 8 });
  t.ok(read(`[${"0,".repeat(499_998)}0]`).ok);
  t.match(read(`[${"0,".repeat(499_999)}0]`), { ok: false, text: "more than 500000 values" });
});

t.test("agrees with JSON.parse on random and on damaged documents", async () => {
  const document = fc.json({ maxDepth: 6, stringUnit: "binary" });
  const damaged = fc
    .tuple(
      document,
      fc.nat(),
      fc.nat(3),
      fc.constantFrom("", '"', "\\", ",", ":", "}", "]", "0", "e", "u", " ", "\u00e9"),
    )
    .map(([text, at, length, by]) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + by + text.slice(from + length);
    });
  fc.assert(
    fc.property(fc.oneof(document, damaged), (text) => {
      const well = text.toWellFormed();
      let expected: unknown;
      try {
        expected = JSON.parse(well);
      } catch {
        return !read(well).ok;
      }
      const reading = read(well);
      if (!reading.ok) return !JSON.stringify(expected).isWellFormed() || /\\ud[89a-f]/i.test(well);
      deepStrictEqual(plain(reading.value), expected);
      return true;
    }),
    { numRuns: 500 },
  );
});

t.test("takes time in proportion to the document", async (t) => {
  const count = 160_000;
  const documents: Readonly<Record<string, string>> = {
    numbers: `[${"0,".repeat(count)}0]`,
    escapes: `"${"\\u0041".repeat(count)}"`,
    letters: `"${"é".repeat(count)}"`,
    members: `{${Array.from({ length: count }, (_, index) => `"${index}":0`).join(",")}}`,
  };
  for (const [name, text] of Object.entries(documents)) {
    const { user } = process.threadCpuUsage();
    t.ok(read(text).ok);
    // CPU time of this thread: 20 to 100 ms, however busy the machine is; with the square of the length it would be a minute.
    t.ok(process.threadCpuUsage().user - user < 5_000_000, name);
  }
});
