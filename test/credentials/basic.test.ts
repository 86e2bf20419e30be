import basicAuth from "@fastify/basic-auth";
import fc from "fast-check";
import fastify from "fastify";
import t, { type Test } from "tap";
import { type Credentials, readBasic } from "../../src/credentials/basic.ts";

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64");
const latin1 = (text: string) => Buffer.from(text, "latin1").toString("base64");

const rows: readonly [name: string, header: string, expected: Credentials | undefined][] = [
  ["name and password", `Basic ${base64("ann:secret")}`, { user: "ann", password: "secret" }],
  ["the scheme in any case", `bASIC ${base64("ann:secret")}`, { user: "ann", password: "secret" }],
  ["colons in the password", `Basic ${base64("ann:a:b:")}`, { user: "ann", password: "a:b:" }],
  ["UTF-8", `Basic ${base64("ünal:pässwörd €😀")}`, { user: "ünal", password: "pässwörd €😀" }],
  ["Latin-1, which is no UTF-8", `Basic ${latin1("ann:pässe")}`, { user: "ann", password: "p\ufffdsse" }],
  ["a byte order mark", `Basic ${base64("\ufeffann:secret")}`, { user: "\ufeffann", password: "secret" }],
  ["C1 control characters", `Basic ${base64("ann:\u0085")}`, { user: "ann", password: "\u0085" }],
  ["nothing but a colon", `Basic ${base64(":")}`, { user: "", password: "" }],
  ["no padding", "Basic YTpiYg", { user: "a", password: "bb" }],
  ["too much padding", "Basic YTpiYg=======", { user: "a", password: "bb" }],
  ["base64url", `Basic ${Buffer.from("a:???>>>").toString("base64url")}`, { user: "a", password: "???>>>" }],
  ["characters that token68 has and base64 has not", "Basic Y.T~piYg", { user: "a", password: "bb" }],
  ["a long password", `Basic ${base64(`a:${"x".repeat(9000)}`)}`, { user: "a", password: "x".repeat(9000) }],
  ["no colon", `Basic ${base64("ann")}`, undefined],
  ["a control character in the name", `Basic ${base64("a\u0000nn:secret")}`, undefined],
  ["a control character in the password", `Basic ${base64("ann:sec\tret")}`, undefined],
  ["DEL", `Basic ${base64("ann:\u007f")}`, undefined],
  ["a line separator in the password", `Basic ${base64("ann:a\u2028b")}`, undefined],
  ["a line separator in the name", `Basic ${base64("a\u2029:b")}`, { user: "a\u2029", password: "b" }],
  ["two spaces", `Basic  ${base64("ann:secret")}`, undefined],
  ["a tab", `Basic\t${base64("ann:secret")}`, undefined],
  ["a space before", ` Basic ${base64("ann:secret")}`, undefined],
  ["a space behind", `Basic ${base64("ann:secret")} `, undefined],
  ["a line break behind", `Basic ${base64("ann:secret")}\n`, undefined],
  ["a second value", `Basic ${base64("ann:secret")}, Basic ${base64("ann:secret")}`, undefined],
  ["padding inside", "Basic YT==piYg", undefined],
  ["nothing", "", undefined],
  ["the scheme alone", "Basic ", undefined],
  ["another scheme", `Bearer ${base64("ann:secret")}`, undefined],
  ["a longer scheme", `Basics ${base64("ann:secret")}`, undefined],
];

t.test("an Authorization header is read strictly", async (t) => {
  for (const [name, header, expected] of rows) t.same(readBasic(header), expected, name);
});

t.test("a header that node would not have let through is not read", async (t) => {
  t.equal(readBasic(`Basic ${base64(`a:${"x".repeat(20_000)}`)}`), undefined);
});

/** What @fastify/basic-auth hands to its validate function. */
async function createPlugin(t: Test): Promise<(header: string) => Promise<Credentials | undefined>> {
  const app = fastify();
  t.teardown(() => app.close());
  let seen: Credentials | undefined;
  await app.register(basicAuth, {
    async validate(user, password) {
      seen = { user, password };
    },
  });
  app.addHook("onRequest", app.basicAuth);
  app.get("/", async () => "ok");
  return async (authorization) => {
    seen = undefined;
    const { statusCode } = await app.inject({ url: "/", headers: { authorization } });
    return statusCode === 200 ? seen : undefined;
  };
}

t.test("both lanes read the same: the table", async (t) => {
  const plugin = await createPlugin(t);
  for (const [name, header, expected] of rows) t.same(await plugin(header), expected, name);
});

t.test("both lanes read the same: random headers", async (t) => {
  const plugin = await createPlugin(t);
  const byte = fc.oneof(
    fc.constantFrom(0x3a, 0x61, 0xc3, 0xa4, 0xe2, 0x80, 0xa8, 0xa9, 0x00, 0x1f, 0x7f, 0x85),
    fc.integer({ min: 0, max: 255 }),
  );
  const bytes = fc.array(byte, { maxLength: 24 }).map((values) => Uint8Array.from(values));
  const encoded = fc.oneof(
    bytes.map(base64),
    bytes.map((value) => Buffer.from(value).toString("base64url")),
    bytes.map((value) => base64(Buffer.concat([Buffer.from("ann:"), value]))),
    fc.string({ unit: fc.constantFrom(..."Az09+/-_.~= \t,\u00e4"), maxLength: 16 }),
  );
  const scheme = fc.constantFrom("Basic", "basic", "BASIC", "Basics", "Bearer", "", " Basic");
  const space = fc.constantFrom(" ", " ", " ", "  ", "\t", "");
  const tail = fc.constantFrom("", "", "", "=", "==", " ", "\u00a0");
  const header = fc.tuple(scheme, space, encoded, tail).map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(header, async (text) => {
      const [ours, theirs] = [readBasic(text), await plugin(text)];
      return ours?.user === theirs?.user && ours?.password === theirs?.password;
    }),
    { numRuns: 3000 },
  );
});
