import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { parse } from "smol-toml";
import t from "tap";
import { effectiveConfig } from "../../src/config/effective.ts";
import { variableOf } from "../../src/config/environment.ts";
import { notesOf, toToml } from "../../src/config/fields.ts";
import { loadConfig } from "../../src/config/load.ts";
import { sampleConfig } from "../../src/config/sample.ts";
import { schema, sections } from "../../src/config/schema.ts";
import { wrap } from "../../src/config/text.ts";
import { isTable, valueAt } from "../../src/config/tree.ts";
import { generatedFiles } from "./generated.ts";

t.test("the sample and the reference are those of the schema: node test/config/generated.ts writes them", async (t) => {
  for (const { path, committed, expected } of generatedFiles()) t.equal(committed, expected, path);
});

t.test("the sections are those of the schema, each key with a type and a text", async (t) => {
  t.strictSame(
    sections.map(({ name }) => name),
    Object.keys(schema.unwrap().shape),
  );
  for (const { name, keys } of sections) {
    for (const [key, its] of Object.entries(keys)) {
      const { doc, label, initial, example } = notesOf(its);
      t.match(doc, /^[A-Z].*\.$|^[A-Z].*"\.$/, `${name}.${key}: a sentence`);
      t.not(label, "", `${name}.${key}: a type`);
      t.ok(initial !== undefined || example !== undefined, `${name}.${key}: a value for the sample`);
    }
  }
});

t.test("the defaults are those of the contract", async (t) => {
  const defaults: readonly (readonly [key: string, value: unknown])[] = [
    ["http.bind-address", { host: "", port: 9443 }],
    ["http.query-credentials", "writes"],
    ["http.htpasswd-role", "viewer"],
    ["http.max-body-size", 25_000_000],
    ["http.write-max-body-size", 250_000_000],
    ["http.max-connections", 4096],
    ["http.idle-timeout", 600_000],
    ["http.shutdown-delay", 0],
    ["tls.min-version", "tls1.2"],
    ["kapacitor[0].url", "http://127.0.0.1:9092"],
    ["kapacitor[0].group-commit", true],
    ["kapacitor[0].write-hold", 10_000],
    ["kapacitor[0].write-timeout", 20_000],
    ["kapacitor[0].connect-timeout", 2_000],
    ["kapacitor[0].timeout", 30_000],
    ["alerts.mode", "enforce"],
    ["api.flux-tasks", "admin"],
    ["influxdb.subscription-poll", 30_000],
    ["influxdb.cache-expiration", 600_000],
    ["admin.bind-address", { host: "127.0.0.1", port: 9444 }],
    ["logging.file", "STDERR"],
    ["logging.level", "INFO"],
    ["logging.format", "json"],
  ];
  const config = schema.parse({});
  const tree = parse(sampleConfig());
  for (const [key, value] of defaults) {
    const path = key.split(/[.[\]]+/).map((step) => (/^[0-9]+$/.test(step) ? Number(step) : step));
    t.strictSame(valueAt({ ...config }, path), value, key);
    t.ok(valueAt(tree, path) !== undefined, `${key} stands in the sample`);
  }
});

t.test("the sample holds every key, and says the same without its comments", async (t) => {
  const uncommented = sampleConfig().replace(/^( *)# (\[\[user\]\]$|[a-z-]+ = )/gm, "$1$2");
  const tree = parse(uncommented);
  for (const { name, repeated, keys } of sections) {
    const section = valueAt(tree, repeated ? [name, 0] : [name]);
    t.strictSame(Object.keys(isTable(section) ? section : {}), Object.keys(keys), name);
  }
  t.strictSame(schema.parse(parse(sampleConfig())), schema.parse({}), "the sample is the defaults");
});

t.test("the sample is accepted as soon as there are a certificate and a user", async (t) => {
  const workingDirectory = t.testdir({ "kapgate.toml": sampleConfig(), certs: { "kapgate.pem": "" } });
  const hash = `$2b$10$${"a".repeat(53)}`;
  const environment = { KAPGATE_USER_0_NAME: "a", KAPGATE_USER_0_ROLE: "admin", KAPGATE_USER_0_PASSWORD_HASH: hash };
  const { config, problems } = loadConfig({ environment, workingDirectory, searchPath: ["kapgate.toml"] });
  t.strictSame(
    problems.filter(({ severity }) => severity === "error"),
    [],
  );
  t.match(config, { user: [{ name: "a", role: "admin" }] });
});

const file = `
[http]
  username = "admin"
  password = "geheim-1"
  idle-timeout = "90m"
  max-body-size = 1500
  realm = "x y"
[[kapacitor]]
  password = "geheim-2"
  username = "k"
  mode = "enforce"
`;

t.test("the effective configuration shows every key, durations in Go's form, and no secret", async (t) => {
  const workingDirectory = t.testdir({ "kapgate.toml": file });
  const { config } = loadConfig({ environment: {}, workingDirectory, serving: false, searchPath: ["kapgate.toml"] });
  const text = config === undefined ? "" : effectiveConfig(config);
  t.notMatch(text, /geheim/);
  const tree = parse(text);
  t.match(tree, {
    http: {
      password: "[REDACTED]",
      "idle-timeout": "1h30m0s",
      "max-body-size": "1500B",
      realm: "x y",
      "htpasswd-file": "",
    },
    kapacitor: [{ password: "[REDACTED]", mode: "enforce" }],
    influxdb: { password: "" },
  });
  t.equal(valueAt(tree, ["kapacitor", 0, "udfs"]), undefined, "what falls back to another section is left out");
  for (const { name, repeated, keys } of sections) {
    const section = valueAt(tree, repeated ? [name, 0] : [name]) ?? {};
    const missing = Object.entries(keys).filter(
      ([key, its]) => notesOf(its).initial !== undefined && !(isTable(section) && key in section),
    );
    t.strictSame(name === "user" ? [] : missing.map(([key]) => key), [], name);
  }
});

t.test("a password file is shown in place of the secret that it holds", async (t) => {
  const workingDirectory = t.testdir({
    "kapgate.toml": `[http]\nusername = "a"\npassword-file = "p"\n`,
    p: "geheim\n",
    certs: { "kapgate.pem": "" },
  });
  const { config } = loadConfig({ environment: {}, workingDirectory, searchPath: ["kapgate.toml"] });
  t.equal(config?.http.password?.reveal(), "geheim");
  const text = config === undefined ? "" : effectiveConfig(config);
  t.match(parse(text), { http: { password: "", "password-file": join(workingDirectory, "p") } });
  t.notMatch(text, /geheim/);
});

const cidrs = fc.array(fc.constantFrom("10.0.0.0/8", "::/0", "192.0.2.1/32"), { maxLength: 3 });
const duration = fc.integer({ min: 1, max: 10_000_000 }).map((n) => `${n}ms`);
const someTree = fc.record({
  http: fc.record({
    "bind-address": fc.constantFrom(":1", "[::1]:2", "localhost:3", "fd:4"),
    "idle-timeout": duration,
    "max-body-size": fc.integer({ min: 1, max: 10 ** 12 }),
    "log-enabled": fc.boolean(),
    realm: fc.stringMatching(/^[ !#-[\]-~]{0,12}$/),
  }),
  access: fc.record({ "deny-cidrs": cidrs, "allow-cidrs": cidrs }),
  user: fc.constant([]),
  kapacitor: fc.tuple(
    fc.record({
      name: fc.constant("a"),
      hosts: fc.constantFrom([], ["x.example", "::1"]),
      "write-hold": duration,
      "subscription-path": fc.constantFrom("", "/in"),
    }),
  ),
  logging: fc.record({ level: fc.constantFrom("DEBUG", "warn"), file: fc.string({ unit: "grapheme", maxLength: 8 }) }),
});

t.test("without secrets the effective configuration loads to the same configuration", async (t) => {
  const workingDirectory = t.testdir({ "kapgate.toml": "" });
  const path = join(workingDirectory, "kapgate.toml");
  const load = () => loadConfig({ environment: {}, workingDirectory, serving: false, searchPath: [path] });
  let compared = 0;
  fc.assert(
    fc.property(someTree, (tree) => {
      const parsed = schema.safeParse(tree);
      if (!parsed.success) return true;
      compared += 1;
      writeFileSync(path, effectiveConfig(parsed.data));
      const first = load().config;
      if (first === undefined) return false;
      const text = effectiveConfig(first);
      writeFileSync(path, text);
      const second = load().config;
      return second !== undefined && effectiveConfig(second) === text && isDeepStrictEqual(second, first);
    }),
    { numRuns: 300 },
  );
  t.ok(compared > 200, `${compared} compared`);
});

t.test("a value goes to TOML by its kind", async (t) => {
  t.equal(toToml(undefined, "address"), "");
  t.equal(toToml(undefined, "secret"), "");
  t.equal(toToml(0, "integer"), 0);
  t.strictSame(wrap("aa bb cc", 5), ["aa bb", "cc"]);
  t.strictSame(wrap("aaaaaaa b", 3), ["aaaaaaa", "b"]);
  t.equal(
    variableOf({ name: "user", repeated: true, doc: "", keys: {} }, "password-hash", 3),
    "KAPGATE_USER_3_PASSWORD_HASH",
  );
});
