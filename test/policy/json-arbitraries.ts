/** Random bodies of requests: members spelt in every way that Go takes for one name, duplicates, odd values, odd text, and a few that are broken. */
import fc from "fast-check";
import { addresses, disabledKinds, type RouteModel, scripts } from "./go-requests.ts";

/** JSON as it will be written. */
type Doc =
  | { readonly raw: string }
  | { readonly text: string; readonly escapes: number }
  | { readonly items: readonly Doc[] }
  | { readonly members: readonly (readonly [Doc & { readonly text: string }, Doc])[]; readonly spaces: number };

const alike: Readonly<Record<string, readonly string[]>> = { k: ["k", "K", "\u212a"], s: ["s", "S", "\u017f"] };

/** The name with some letters in another case, in or outside of ASCII. */
function spelling(name: string): fc.Arbitrary<string> {
  const letters = [...name].map((letter) =>
    fc.constantFrom(letter, ...(alike[letter] ?? [letter, letter.toUpperCase()])),
  );
  return fc.tuple(...letters).map((parts) => parts.join(""));
}

const escapes = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(2 ** 30));

function text(value: fc.Arbitrary<string>): fc.Arbitrary<Doc & { readonly text: string }> {
  return fc.record({ text: value, escapes });
}

const strange = ["", "id", "Größe", "\u212a", "\u017f", "__proto__", "constructor", "a/b", "x".repeat(50), "\u{1f600}"];

function nameOf(known: readonly string[]): fc.Arbitrary<Doc & { readonly text: string }> {
  const exact = fc.constantFrom(...known);
  return text(
    fc.oneof(
      { weight: 12, arbitrary: exact },
      { weight: 3, arbitrary: exact.chain(spelling) },
      { weight: 2, arbitrary: fc.constantFrom(...strange) },
      { weight: 1, arbitrary: exact.map((name) => `${name} `) },
    ),
  );
}

const junk: fc.Arbitrary<Doc> = fc.oneof(
  fc
    .constantFrom("null", "true", "false", "0", "-0", "1e999", "12345678901234567890", "[]", "{}", "[[[[{}]]]]")
    .map((raw) => ({
      raw,
    })),
  text(fc.constantFrom(...strange)),
);

function object(
  member: fc.Arbitrary<readonly [Doc & { readonly text: string }, Doc]>,
  maxLength = 4,
): fc.Arbitrary<Doc> {
  return fc.record({ members: fc.array(member, { maxLength }), spaces: fc.nat(7) });
}

function oneOf(...values: readonly string[]): fc.Arbitrary<Doc> {
  return fc.oneof({ weight: 8, arbitrary: text(fc.constantFrom(...values)) }, { weight: 1, arbitrary: junk });
}

const address = oneOf(addresses.outside, addresses.inside, "");
const flag: fc.Arbitrary<Doc> = fc.oneof(
  fc.constantFrom("true", "false", "null", '"true"', "1").map((raw) => ({ raw })),
);

const variable = object(
  fc.oneof(
    fc.tuple(nameOf(["type"]), oneOf("string", "string", "int", "list", "nothing")),
    fc.tuple(nameOf(["value"]), address),
    fc.tuple(nameOf(["description"]), oneOf("x")),
  ),
  3,
);
const complete = address.map(
  (value): Doc => ({
    spaces: 0,
    members: [
      [
        { text: "type", escapes: 0 },
        { text: "string", escapes: 0 },
      ],
      [{ text: "value", escapes: 0 }, value],
    ],
  }),
);

const valuesOf: Readonly<Record<string, fc.Arbitrary<Doc>>> = {
  id: oneOf("a", "exec", "h"),
  "template-id": oneOf("", "clean", "dirty", "given"),
  script: oneOf("", ...Object.values(scripts)),
  status: oneOf("enabled", "disabled", "ENABLED"),
  type: oneOf("stream", "batch"),
  vars: fc.oneof(object(fc.tuple(nameOf(["u", "v"]), fc.oneof(complete, variable))), junk),
  dbrps: fc.oneof(
    {
      weight: 4,
      arbitrary: object(fc.tuple(nameOf(["db", "rp"]), oneOf("d"))).map((item): Doc => ({ items: [item] })),
    },
    junk,
  ),
  kind: oneOf(...disabledKinds, "Exec", "post", "talk", "tcp"),
  match: oneOf("", "exec"),
  topic: oneOf("ops", "exec"),
  options: fc.oneof(
    object(
      fc.oneof(
        fc.tuple(nameOf(["url"]), address),
        fc.tuple(nameOf(["prog", "args", "address"]), oneOf("/bin/sh", "198.51.100.7:1")),
      ),
    ),
    junk,
  ),
  set: fc.oneof(
    object(fc.oneof(fc.tuple(nameOf(["enabled", "global"]), flag), fc.tuple(nameOf(["url", "from"]), address))),
    junk,
  ),
  add: fc.oneof({ weight: 1, arbitrary: object(fc.tuple(nameOf(["enabled", "url"]), flag)) }, junk),
  delete: fc.oneof(
    fc.array(oneOf("from", "to")).map((items): Doc => ({ items })),
    junk,
  ),
  remove: fc.oneof(
    fc.array(oneOf("a", "../b")).map((items): Doc => ({ items })),
    junk,
  ),
  url: address,
  endpoint: oneOf("example", ""),
  headers: fc.oneof(object(fc.tuple(nameOf(["a", "A"]), oneOf("b"))), junk),
  task: oneOf("", "clean", "dirty", "none"),
  recording: oneOf("r"),
  clock: oneOf("fast", "real", "Fast"),
};

/** Characters that a string needs no escape for, as bytes that Go reads as that or as U+FFFD. */
function writeText(value: string, mask: number): string {
  const letters = [
    ...JSON.stringify(value)
      .slice(1, -1)
      .matchAll(/\\.[\da-f]{0}|[\s\S]/gu),
  ].map(([letter]) => letter);
  const written = letters.map((letter, index) =>
    ((mask >> (index % 30)) & 1) === 1 && letter.length <= 2 && !letter.startsWith("\\")
      ? Array.from(letter, (unit) =>
          [...Array(unit.length).keys()].map((at) => escapeUnit(unit.charCodeAt(at))).join(""),
        ).join("")
      : letter,
  );
  return `"${written.join("")}"`;
}

const escapeUnit = (unit: number): string => `\\u${unit.toString(16).padStart(4, "0")}`;
const spaces = ["", "", " ", "\n", "\t", "\r", "  ", ""];

function write(doc: Doc): string {
  if ("raw" in doc) return doc.raw;
  if ("text" in doc) return writeText(doc.text, doc.escapes);
  if ("items" in doc) return `[${doc.items.map(write).join(",")}]`;
  const gap = spaces[doc.spaces] ?? "";
  return `{${gap}${doc.members.map(([name, value]) => `${write(name)}${gap}:${gap}${write(value)}`).join(`${gap},`)}${gap}}`;
}

/** What is done to the bytes of a body before it is sent. Most are left alone. */
const damages: readonly ((body: Buffer, at: number) => Buffer)[] = [
  (body) => Buffer.concat([body, Buffer.from('{"script":"x"}')]),
  (body) => Buffer.concat([body, Buffer.from("}}}")]),
  (body) => Buffer.concat([Buffer.from("\ufeff"), body]),
  (body) => Buffer.concat([Buffer.from(" \n\t"), body, Buffer.from("\r\n")]),
  (body, at) => Buffer.concat([body.subarray(0, at), Buffer.from([0xff]), body.subarray(at)]),
  (body, at) => Buffer.concat([body.subarray(0, at), Buffer.from([0xed, 0xa0, 0x80]), body.subarray(at)]),
  (body, at) => Buffer.concat([body.subarray(0, at), Buffer.from("\\ud800"), body.subarray(at)]),
  (body, at) => body.subarray(0, at),
  (body, at) => Buffer.concat([body.subarray(0, at), body.subarray(at + 1)]),
];

/** Bodies for a route: most of them JSON, many of them what Kapacitor would take. */
export function bodyFor({ members }: RouteModel): fc.Arbitrary<Buffer> {
  const member = fc.constantFrom(...members).chain((name) => fc.tuple(nameOf([name]), valuesOf[name] ?? junk));
  const doc = fc.oneof({ weight: 30, arbitrary: object(member, 5) }, { weight: 1, arbitrary: junk });
  const damage = fc.option(fc.tuple(fc.constantFrom(...damages), fc.nat(200)), { freq: 6 });
  return fc.tuple(doc, damage).map(([document, change]) => {
    const body = Buffer.from(write(document));
    if (change === null) return body;
    const [apply, at] = change;
    return apply(body, Math.min(at, body.length));
  });
}
