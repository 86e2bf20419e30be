import t from "tap";
import { type JsonNode, parseJson } from "../../src/core/json.ts";
import { applyPatch } from "../../src/core/json-patch.ts";

function node(value: unknown): JsonNode {
  return nodeOf(typeof value === "string" ? value : JSON.stringify(value));
}

function nodeOf(text: string): JsonNode {
  const parsed = parseJson(Buffer.from(text));
  if (!parsed.ok) throw new Error(parsed.text);
  return parsed.value;
}

/** Members keep their order and their duplicates. */
function plain(tree: JsonNode): unknown {
  switch (tree.kind) {
    case "object":
      return tree.members.map(({ name, value }) => [name, plain(value)]);
    case "array":
      return { list: tree.items.map(plain) };
    case "number":
      return Number(tree.text);
    case "null":
      return null;
    default:
      return tree.value;
  }
}

const stored = { id: "exec", topic: "t", kind: "log", options: { args: ["a", "b"], "x/y~z": 1 }, match: "" };

/** The document after the patch, or what is said against it. */
function patched(patch: unknown, document: unknown = stored): unknown {
  const result = applyPatch(node(document), node(patch));
  return result.ok ? plain(result.document) : result.text;
}

const storedPlain = plain(node(stored));
const withMembers = (change: (entries: [string, unknown][]) => [string, unknown][]): unknown =>
  change([...(storedPlain as [string, unknown][])]);
const setting = (name: string, value: unknown): unknown =>
  withMembers((entries) => entries.map(([key, old]) => [key, key === name ? value : old]));

t.test("what comes out of a patch", async (t) => {
  const rows: readonly (readonly [story: string, patch: unknown, expected: unknown])[] = [
    ["nothing to do", [], storedPlain],
    ["replace", [{ op: "replace", path: "/kind", value: "exec" }], setting("kind", "exec")],
    ["add over what is there", [{ op: "add", path: "/kind", value: "exec" }], setting("kind", "exec")],
    ["null is a value", [{ op: "add", path: "/options", value: null }], setting("options", null)],
    [
      "add what is not there, at the end",
      [{ op: "add", path: "/Kind", value: "exec" }],
      withMembers((entries) => [...entries, ["Kind", "exec"]]),
    ],
    [
      "replace what is not there: 1.5 adds it",
      [{ op: "replace", path: "/Kind", value: "exec" }],
      withMembers((entries) => [...entries, ["Kind", "exec"]]),
    ],
    [
      "remove",
      [{ op: "remove", path: "/match" }],
      withMembers((entries) => entries.filter(([name]) => name !== "match")),
    ],
    [
      "the id becomes the kind, with no word of it in the patch",
      [
        { op: "move", from: "/id", path: "/kind" },
        { op: "add", path: "/id", value: "other" },
      ],
      [
        ["topic", "t"],
        ["kind", "exec"],
        [
          "options",
          [
            ["args", { list: ["a", "b"] }],
            ["x/y~z", 1],
          ],
        ],
        ["match", ""],
        ["id", "other"],
      ],
    ],
    ["copy from the id", [{ op: "copy", from: "/id", path: "/kind" }], setting("kind", "exec")],
    ["copy out of a list", [{ op: "copy", from: "/options/args/1", path: "/kind" }], setting("kind", "b")],
    [
      "escapes in a pointer",
      [{ op: "replace", path: "/options/x~1y~0z", value: 2 }],
      setting("options", [
        ["args", { list: ["a", "b"] }],
        ["x/y~z", 2],
      ]),
    ],
    [
      "lists: insert, append, replace, remove",
      [
        { op: "add", path: "/options/args/0", value: "0" },
        { op: "add", path: "/options/args/-", value: "c" },
        { op: "replace", path: "/options/args/1", value: "A" },
        { op: "remove", path: "/options/args/2" },
      ],
      setting("options", [
        ["args", { list: ["0", "A", "c"] }],
        ["x/y~z", 1],
      ]),
    ],
    [
      "test is taken to hold: were it not to, nothing would change",
      [
        { op: "test", path: "/kind", value: "nonsense" },
        { op: "replace", path: "/kind", value: "exec" },
      ],
      setting("kind", "exec"),
    ],
    [
      "unknown members of an operation mean nothing",
      [{ op: "replace", path: "/kind", value: "exec", x: 1 }],
      setting("kind", "exec"),
    ],
    [
      "what a patch adds twice stays twice, for the reader behind it",
      '[{"op":"add","path":"/options","value":{"url":"a","url":"b"}}]',
      setting("options", [
        ["url", "a"],
        ["url", "b"],
      ]),
    ],
  ];
  for (const [story, patch, expected] of rows) t.strictSame(patched(patch), expected, story);
});

t.test("what no release takes, or two releases take in two ways", async (t) => {
  const rows: readonly (readonly [story: string, patch: unknown, text: RegExp])[] = [
    ["a merge patch", { kind: "exec" }, /array/],
    ["no operations", [null], /no "op"/],
    ["text for an operation", ["x"], /object is missing/],
    ["upper case", [{ op: "Replace", path: "/kind", value: "exec" }], /none of RFC 6902/],
    ["members in another case", [{ OP: "replace", path: "/kind", value: "exec" }], /spelt/],
    ["the same member twice", '[{"op":"test","op":"replace","path":"/kind","value":"exec"}]', /same/],
    ["no path", [{ op: "remove" }], /no "path"/],
    ["the whole document, which ends a request of 1.5 with a panic", [{ op: "replace", path: "", value: {} }], /slash/],
    ["text before the first slash", [{ op: "replace", path: "junk/kind", value: "exec" }], /slash/],
    ["no value", [{ op: "add", path: "/kind" }], /no "value"/],
    ["no value to test", [{ op: "test", path: "/kind" }], /no "value"/],
    ["no from", [{ op: "move", path: "/kind" }], /no "from"/],
    ["remove of nothing", [{ op: "remove", path: "/nothing" }], /has no/],
    ["move of nothing", [{ op: "move", from: "/nothing", path: "/kind" }], /has no/],
    ["a step into a text", [{ op: "add", path: "/kind/x", value: 1 }], /has no/],
    ["a step into nothing", [{ op: "add", path: "/options/a/b", value: 1 }], /has no/],
    ["behind the end of a list", [{ op: "add", path: "/options/args/3", value: 1 }], /has no/],
    ["replace behind the end", [{ op: "replace", path: "/options/args/2", value: 1 }], /has no/],
    ["an index from behind", [{ op: "add", path: "/options/args/-1", value: 1 }], /plain number/],
    ["an index with a zero before it", [{ op: "remove", path: "/options/args/01" }], /plain number/],
    ["the end of a list, to be replaced", [{ op: "replace", path: "/options/args/-", value: 1 }], /plain number/],
    ["move into a list", [{ op: "move", from: "/kind", path: "/options/args/0" }], /has no/],
    ["copy into a list", [{ op: "copy", from: "/id", path: "/options/args/0" }], /has no/],
    ["an escape of nothing", [{ op: "remove", path: "/options/x~2y" }], /tilde/],
    ["too deep", [{ op: "remove", path: "/a".repeat(33) }], /steps/],
    [
      "too many for what they change: a list that is copied again and again",
      [
        { op: "add", path: "/options", value: { a: Array(100_000).fill(0) } },
        ...Array(100).fill({ op: "add", path: "/options/a/0", value: 0 }),
      ],
      /so many operations/,
    ],
    ["too many", Array(1001).fill({ op: "test", path: "/kind", value: 1 }), /at most/],
    [
      "a step through a member that is there twice",
      '[{"op":"add","path":"/options","value":{"a":{},"a":{}}},{"op":"add","path":"/options/a/b","value":1}]',
      /twice/,
    ],
  ];
  for (const [story, patch, text] of rows) {
    const result = patched(patch);
    t.match(typeof result === "string" ? result : JSON.stringify(result), text, story);
    t.type(result, "string", story);
  }
});

t.test("the stored document is left alone, and copies do not grow what they copy", async (t) => {
  const document = node(stored);
  const before = JSON.stringify(document);
  const doubling = Array.from({ length: 40 }, (_, step) => ({
    op: "copy",
    from: "/options",
    path: `/options/d${step}`,
  }));
  t.equal(applyPatch(document, node(doubling)).ok, true);
  t.equal(JSON.stringify(document), before);
});
