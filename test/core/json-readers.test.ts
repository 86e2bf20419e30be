import fc from "fast-check";
import t from "tap";
import { type JsonNode, parseJson } from "../../src/core/json.ts";
import { foldName, readFolded, readMap, readStruct } from "../../src/core/json-readers.ts";

function nodeOf(text: string): JsonNode {
  const reading = parseJson(new TextEncoder().encode(text));
  if (!reading.ok) throw new Error(`${text}: ${reading.text}`);
  return reading.value;
}

const fields = ["id", "kind", "options", "match", "script", "status", "vars", "task", "template-id"];

t.test("a struct is refused when Go could read it in another way than it looks", async (t) => {
  const refused = [
    ...['{"Kind":"exec"}', '{"KIND":"exec"}', '{"\u212aind":"exec"}', '{"\\u212aind":"exec"}', '{"\\u212AIND":1}'],
    ...[
      '{"\u017fcript":"x"}',
      '{"\\u017fcript":"x"}',
      '{"\u017ftatu\u017f":1}',
      '{"option\u017f":{}}',
      '{"ta\u017f\u212a":1}',
    ],
    ...['{"kind":"exec","kind":"log"}', '{"kind":"log","Kind":"exec"}', '{"kind":"exec","kind":null}'],
    ...['{"kind":null,"kind":"exec"}', '{"\\u006bind":"log","kind":"exec"}', '{"options":{},"options":{}}'],
    ...['{"Template-ID":1}', '{"ID":1}', '{"x":1,"X":2}', '{"x":1,"x":1}', '{"\u017f":1,"s":2}'],
    ...["[]", '"kind"', "1", "true"],
  ];
  for (const text of refused) t.match(readStruct(nodeOf(text), fields), { ok: false, text: /./ }, text);
});

t.test("a struct passes when it can be read in one way", async (t) => {
  const struct = readStruct(
    nodeOf('{"id":"a","kind":"log","match":null,"extra":{"Kind":1,"kind":2},"\\u006f":1}'),
    fields,
  );
  if (!struct.ok) throw new Error(struct.text);
  t.match(struct.get("kind"), { kind: "string", value: "log" });
  t.equal(struct.get("match"), undefined, "null is absent");
  t.equal(struct.get("options"), undefined);
  t.strictSame(struct.names, ["id", "kind", "extra", "o"]);
  const nothing = readStruct(nodeOf("null"), fields);
  t.ok(nothing.ok && nothing.get("kind") === undefined && nothing.names.length === 0, "null is an empty struct");
  t.ok(readStruct(nodeOf('{"kinds":1,"kin":2,"kind ":3,"ki_nd":4,"кind":5}'), fields).ok, "other names");
  t.ok(readStruct(nodeOf('{"__proto__":1,"constructor":2,"toString":3}'), fields).ok);
  t.match(readStruct(nodeOf(' {"a":1,"Kind":1}'), fields), {
    ok: false,
    offset: 8,
    text: 'the member "Kind" must be spelt "kind"',
  });
});

t.test("a map takes any distinct names", async (t) => {
  const map = readMap(nodeOf('{"a":1,"A":2,"\u212a":3,"k":4,"":5,"n":null,"__proto__":6}'));
  if (!map.ok) throw new Error(map.text);
  t.strictSame([...map.entries.keys()], ["a", "A", "\u212a", "k", "", "n", "__proto__"]);
  t.match(map.entries.get("n"), { kind: "null" });
  t.match(readMap(nodeOf('{"a":1,"\\u0061":2}')), { ok: false, text: /twice/, offset: 7 });
  t.match(readMap(nodeOf("[]")), { ok: false });
  t.ok(readMap(nodeOf("null")).ok);
});

t.test("options compare without case", async (t) => {
  const options = readFolded(nodeOf('{"Prog":"/bin/sh","ARGS":["-c"],"x":null}'));
  if (!options.ok) throw new Error(options.text);
  t.match(options.get("prog"), { value: "/bin/sh" });
  t.match(options.get("args"), { kind: "array" });
  t.equal(options.get("x"), undefined);
  for (const text of ['{"url":"a","URL":"b"}', '{"url":1,"url":2}', '{"addres\u017f":1,"address":2}', "[]"]) {
    t.match(readFolded(nodeOf(text)), { ok: false }, text);
  }
});

t.test("names fold as in Go, or coarser", async (t) => {
  // Orbits of Go's unicode.SimpleFold that JavaScript's toLowerCase alone does not join.
  const orbits = [
    "kK\u212a",
    "sS\u017f",
    "åÅ\u212b",
    "µμΜ",
    "ßẞ",
    "θΘϑϴ",
    "σςΣ",
    "βϐ",
    "ᾳᾼ",
    "ǆǅǄ",
    "ꭰᎠ",
    "ᲀв",
    "ωΩ\u2126",
  ];
  for (const orbit of orbits) t.equal(new Set([...orbit].map((letter) => foldName(`x${letter}x`))).size, 1, orbit);
  t.not(foldName("a"), foldName("b"));
});

/** A member of a random document: the value is a string, null or (for options) an object. */
interface Member {
  readonly name: string;
  readonly value: string | null | readonly Member[];
}

/** Go's bytes.EqualFold, letter by letter, for names of ASCII letters and the two that fold to some. */
function equalFold(left: string, right: string): boolean {
  const simple = (text: string) =>
    [...text].map((letter) => (letter === "\u212a" ? "k" : letter === "\u017f" ? "s" : letter.toLowerCase()));
  return simple(left).join() === simple(right).join();
}

/**
 * encoding/json reading a topic handler, literally: members one after the other; the field of that very name, else the first that folds to it; null changes nothing;
 * a map that is there already is kept and added to.
 */
function goHandler(members: readonly Member[]): { kind: string; id: string; options: Map<string, string> } {
  const handler = { kind: "", id: "", options: new Map<string, string>() };
  const names = ["id", "kind", "options"] as const;
  for (const { name, value } of members) {
    const field = names.find((known) => known === name) ?? names.find((known) => equalFold(known, name));
    if (field === undefined || value === null) continue;
    if (field === "options") {
      if (typeof value === "string") throw new TypeError("Go refuses it");
      for (const inner of value) if (typeof inner.value === "string") handler.options.set(inner.name, inner.value);
    } else {
      if (typeof value !== "string") throw new TypeError("Go refuses it");
      handler[field] = value;
    }
  }
  return handler;
}

/** mapstructure reading one option, literally: the very name, else any that folds to it: which one is up to Go's map, so all are given. */
function goOption(options: ReadonlyMap<string, string>, name: string): readonly string[] {
  const exact = options.get(name);
  if (exact !== undefined) return [exact];
  return [...options].filter(([key]) => equalFold(key, name)).map(([, value]) => value);
}

t.test("nothing that Go reads as a disabled kind is read as something else", async (t) => {
  const letters: Readonly<Record<string, readonly string[]>> = { k: ["k", "K", "\u212a"], s: ["s", "S", "\u017f"] };
  const spelling = (name: string) =>
    fc
      .tuple(
        ...[...name].map((letter) => fc.constantFrom(...(letters[letter] ?? [letter, letter, letter.toUpperCase()]))),
      )
      .map((all) => all.join(""));
  const nameOf = (...names: readonly string[]) =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...names, "other", "x") },
      { weight: 1, arbitrary: fc.constantFrom(...names).chain(spelling) },
    );
  const text = fc.constantFrom("exec", "log", "slack");
  const option = fc.record({ name: nameOf("prog", "args", "mask"), value: fc.option(text) });
  const member: fc.Arbitrary<Member> = fc.oneof(
    fc.record({ name: nameOf("kind", "id"), value: fc.option(text) }),
    fc.record({ name: nameOf("options"), value: fc.option(fc.array(option, { maxLength: 4 })) }),
  );
  const escaped = (value: string, mask: number) =>
    [...JSON.stringify(value)]
      .map((letter, index) =>
        (mask >> (index % 31)) & 1 && /[\w\u017f\u212a]/.test(letter)
          ? `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`
          : letter,
      )
      .join("");
  const write = (members: readonly Member[], mask: number): string =>
    `{${members.map(({ name, value }) => `${escaped(name, mask)}:${value === null ? "null" : typeof value === "string" ? escaped(value, mask) : write(value, mask)}`).join(", ")}}`;

  let accepted = 0;
  fc.assert(
    fc.property(fc.array(member, { maxLength: 5 }), fc.integer(), (members, mask) => {
      const struct = readStruct(nodeOf(write(members, mask)), ["id", "kind", "options"]);
      const names = members.map(({ name }) => name);
      const clean = names.every(
        (name, index) =>
          (["id", "kind", "options"].includes(name) ||
            !["id", "kind", "options"].some((known) => equalFold(known, name))) &&
          !names.some((other, place) => place < index && equalFold(other, name)),
      );
      if (struct.ok !== clean) return false;
      if (!struct.ok) return true;
      accepted += 1;
      const go = goHandler(members);
      const kind = struct.get("kind");
      const id = struct.get("id");
      if ((kind?.kind === "string" ? kind.value : "") !== go.kind || (id?.kind === "string" ? id.value : "") !== go.id)
        return false;
      const inner = struct.get("options");
      const options = inner === undefined ? undefined : readFolded(inner);
      if (options?.ok !== true) return true;
      return ["prog", "args", "mask"].every((name) => {
        const read = options.get(name);
        const possible = goOption(go.options, name);
        return possible.length === 0
          ? read === undefined
          : possible.every((value) => read?.kind === "string" && read.value === value);
      });
    }),
    { numRuns: 5_000 },
  );
  t.ok(accepted > 500, `${accepted} documents were legal`);
});
