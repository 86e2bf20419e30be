import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import type { Flags } from "../../src/config/flags.ts";
import { type LoadInput, loadConfig } from "../../src/config/load.ts";
import { sections } from "../../src/config/schema.ts";
import { formatProblem } from "../../src/problem.ts";
import { hash, load, said, user } from "./loading.ts";

t.test(
  "the file is the one of the flag, else of the environment, else of the search path, else there is none",
  async (t) => {
    const workingDirectory = t.testdir({ flag: "", environment: "", second: "", folder: {} });
    const searchPath = ["first", "second"];
    const load = (flags: Flags, environment: LoadInput["environment"], path = searchPath) =>
      loadConfig({ flags, environment, workingDirectory, searchPath: path, serving: false });
    const at = (name: string) => join(workingDirectory, name);
    t.equal(load({ config: "flag" }, { KAPGATE_CONFIG: "environment" }).file, at("flag"));
    t.equal(load({}, { KAPGATE_CONFIG: "environment" }).file, at("environment"));
    t.equal(load({}, { KAPGATE_CONFIG: "" }).file, at("second"));
    t.equal(load({}, {}).file, at("second"));
    const none = load({}, {}, ["first"]);
    t.equal(none.file, undefined);
    t.match(none.config, { http: { "bind-address": { host: "", port: 9443 } } }, "everything is a default");

    const missing = load({ config: "not-there" }, {});
    t.strictSame([missing.config, missing.file], [undefined, at("not-there")]);
    t.strictSame(missing.problems.map(formatProblem), [
      `${at("not-there")}: the configuration file cannot be read: ENOENT`,
    ]);
    t.match(load({ config: "folder" }, {}).problems, [{ text: /EISDIR/ }]);
    t.match(load({}, {}, ["folder"]).problems, [{ text: /EISDIR/ }], "what is there but cannot be read is not skipped");
  },
);

t.test("a file that is no text is refused", async (t) => {
  const workingDirectory = t.testdir({
    "latin1.toml": Buffer.from([0x23, 0xe4, 0x0a]),
    "large.toml": `#${"x".repeat(1_000_000)}`,
  });
  const load = (config: string) => loadConfig({ flags: { config }, environment: {}, workingDirectory }).problems;
  t.match(load("latin1.toml"), [{ severity: "error", text: /not UTF-8/ }]);
  t.match(load("large.toml"), [{ severity: "error", text: /too large/ }]);
});

t.test("a syntax error shows no line of the file", async (t) => {
  const text = `[http]\n  username = "a"\n  password = "geheim" x\n  realm = "geheim"\n`;
  const { problems, config } = load(t, text);
  t.equal(config, undefined);
  t.strictSame(
    problems.map(({ line, text }) => [line, text]),
    [[3, "not TOML, at column 23: each key-value declaration must be followed by an end-of-line"]],
  );
});

t.test("all problems come at once, errors before warnings, in the order of the file", async (t) => {
  const text = `
[http]
  realm = 1
  bind-addres = ":1"
  password = "x"
[access]
  deny-cidrs = ["10.1"]
[[user]]
  name = "a"
[[user]]
  name = "b:c"
  role = "root"
  password-hash = "$2b$10"
[[user]]
  name = "d"
  role = "admin"
  password-hash = "${hash}"
[[user]]
  name = "d"
  role = "admin"
  password-hash = "${hash}"
[[kapacitor]]
  name = "a"
[[kapacitor]]
  name = "a"
[extra]
`;
  t.strictSame(
    load(t, text).problems.map(({ severity, line, key }) => `${severity} ${line} ${key}`),
    [
      "error 3 http.realm",
      "error 4 http.bind-addres",
      "error 5 http.password",
      "error 7 access.deny-cidrs[0]",
      "error 8 user[0].role",
      "error 8 user[0].password-hash",
      "error 11 user[1].name",
      "error 12 user[1].role",
      "error 13 user[1].password-hash",
      "error 19 user[3].name",
      "error 24 kapacitor[1].hosts",
      "error 25 kapacitor[1].name",
      "error 26 extra",
      "warning 5 http.password",
      "warning undefined alerts.disable-handlers",
    ],
  );
});

t.test("who is not going to serve needs neither certificate nor user nor password files", async (t) => {
  const text = `[http]\n  https-certificate = "none.pem"\n  username = "a"\n  password-file = "none"\n`;
  t.equal(said(t, text, "error").length, 2);
  t.strictSame(said(t, text, "error", { serving: false }), []);
  t.ok(load(t, "", { serving: false }).config);
  t.equal(load(t, "").config, undefined);
});

t.test("password files are read, one newline at the end does not count", async (t) => {
  const workingDirectory = t.testdir({
    certs: { "kapgate.pem": "" },
    run: { single: "geheim\r\n", user: `${hash}\n`, influxdb: " x \n\n", empty: "\n" },
    "kapgate.toml": `[http]\n  username = "a"\n  password-file = "run/single"\n[[user]]\n  name = "b"\n  role = "admin"\n  password-file = "run/user"\n`,
  });
  const load = (environment: LoadInput["environment"] = {}) =>
    loadConfig({ environment, workingDirectory, searchPath: ["kapgate.toml"] });
  const { config, problems } = load();
  t.equal(config?.http.password?.reveal(), "geheim");
  t.equal(config?.user[0]?.["password-hash"]?.reveal(), hash);
  t.strictSame(
    problems.filter(({ key }) => key !== "alerts.disable-handlers"),
    [],
    "plain text in a file does not warn",
  );
  t.match(load({ KAPGATE_HTTP_PASSWORD_FILE: "run/empty" }).problems, [
    { source: "KAPGATE_HTTP_PASSWORD_FILE", key: "http.password-file", text: "the file is empty" },
  ]);
  const influxdb = load({ KAPGATE_INFLUXDB_PASSWORD_FILE: "run/influxdb", KAPGATE_INFLUXDB_USERNAME: "x" });
  t.notOk(influxdb.problems.some(({ text }) => /to go with it|cannot be read/.test(text)));
});

t.test("the files that are named are listed, and read anew although the configuration is kept as it was", async (t) => {
  const workingDirectory = t.testdir({
    certs: { "kapgate.pem": "" },
    single: "one",
    hash: hash,
    "kapgate.toml": `[http]\n  username = "a"\n  password-file = "single"\n[logging]\n  file = "gate.log"\n`,
  });
  const environment = {
    KAPGATE_KAPACITOR_0_SSL_CA: "ca.pem",
    KAPGATE_USER_0_NAME: "b",
    KAPGATE_USER_0_ROLE: "admin",
    KAPGATE_USER_0_PASSWORD_HASH_FILE: "hash",
  };
  const first = loadConfig({ environment, workingDirectory, searchPath: ["kapgate.toml"] });
  t.strictSame(
    first.files.map((path) => path.replace(`${workingDirectory}/`, "")).toSorted(),
    ["ca.pem", "certs/kapgate.pem", "hash", "single"],
    "not those that are written",
  );
  writeFileSync(join(workingDirectory, "single"), "two");
  writeFileSync(join(workingDirectory, "kapgate.toml"), "nonsense");
  const second = loadConfig({ environment, workingDirectory, source: first.source });
  t.equal(second.config?.http.password?.reveal(), "two");
  t.strictSame(loadConfig({ environment, workingDirectory, searchPath: ["kapgate.toml"] }).files, []);
});

t.test("a configuration behind a symbolic link has its paths at the link", async (t) => {
  const workingDirectory = t.testdir({ real: { "kapgate.toml": "" }, etc: {} });
  symlinkSync("../real/kapgate.toml", join(workingDirectory, "etc", "kapgate.toml"));
  const { config } = loadConfig({
    flags: { config: "etc/kapgate.toml" },
    environment: {},
    workingDirectory,
    serving: false,
  });
  t.equal(config?.http["https-certificate"], join(workingDirectory, "etc", "certs", "kapgate.pem"));
});

t.test("the place of a key is there for problems that are found later", async (t) => {
  const { placeOf, file } = load(t, `${user}[http]\n  realm = "x"\n`, { environment: { KAPGATE_USER_1_NAME: "b" } });
  t.strictSame(placeOf("http.realm"), { source: file, line: 6 });
  t.strictSame(
    placeOf("http.https-certificate"),
    { source: file, line: 5 },
    "the section, for a key that is not there",
  );
  t.strictSame(placeOf("user[0]"), { source: file, line: 1 });
  t.strictSame(placeOf("user[1].role"), { source: "KAPGATE_USER_1_NAME" });
  t.strictSame(placeOf("tls.ciphers"), { source: file });
});

const piece = fc.constantFrom(
  "[http]\n",
  "[[user]]\n",
  "[[kapacitor]]\n",
  "[access]\n",
  "[alerts]\n",
  "[tls]\n",
  "name = ",
  "role = ",
  "url = ",
  "hosts = ",
  "deny-cidrs = ",
  "username = ",
  "password = ",
  "password-hash = ",
  "instances = ",
  "subscription-path = ",
  "bind-address = ",
  "idle-timeout = ",
  "max-body-size = ",
  "min-version = ",
  '"a"\n',
  '"admin"\n',
  '"geheim"\n',
  "[]\n",
  '["a"]\n',
  "{}\n",
  "1\n",
  "true\n",
  "nan\n",
  "2026-11-24\n",
  '"10s"\n',
  '":1"\n',
  '"http://a:b@c"\n',
  "[{}]\n",
  "__proto__ = ",
  "constructor = ",
  "x.y = ",
  "\n",
  '"',
  "[",
  "=",
);

t.test("no text, environment or flag makes it throw, and it never gives a configuration with an error", async (t) => {
  const workingDirectory = t.testdir({ "kapgate.toml": "" });
  const path = join(workingDirectory, "kapgate.toml");
  const names = sections.flatMap((section) =>
    Object.keys(section.keys).map((key) =>
      `KAPGATE_${section.name}_${section.repeated ? "0_" : ""}${key}`.toUpperCase().replaceAll("-", "_"),
    ),
  );
  const environment = fc.dictionary(
    fc.oneof(
      fc.constantFrom(...names),
      fc.string().map((text) => `KAPGATE_${text}`),
    ),
    fc.oneof(fc.string(), fc.constantFrom("geheim", "", "a,b", "true", "1", path)),
    { maxKeys: 3 },
  );
  const flags = fc.record(
    { "blacklist-cidrs": fc.string(), upstream: fc.string(), "deny-cidrs": fc.string(), "log-file": fc.string() },
    { requiredKeys: [] },
  );
  let parsed = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), environment, flags, (pieces, environment, flags) => {
      writeFileSync(path, pieces.join(""));
      const { config, problems } = loadConfig({
        flags: { ...flags, config: path },
        environment,
        workingDirectory,
        serving: false,
      });
      if (!problems.some(({ text }) => text.startsWith("not TOML"))) parsed += 1;
      const errors = problems.some(({ severity }) => severity === "error");
      return (config === undefined) === errors;
    }),
    { numRuns: 3_000 },
  );
  t.ok(parsed > 300, `${parsed} texts were TOML`);
});

t.test("a secret in any secret key, right or wrong, is in no problem", async (t) => {
  const secret = "geheim:1\\u0001$2b$10";
  const environment = {
    KAPGATE_HTTP_PASSWORD: "geheim",
    KAPGATE_USER_0_PASSWORD_HASH: "$2b$10$geheim",
    KAPGATE_KAPACITOR_0_PASSWORD_FILE: "geheim",
    KAPGATE_KAPACITOR_0_URL: "http://x:geheim@127.0.0.1/geheim?p=geheim",
    KAPGATE_INFLUXDB_PASSWORD: "geheim",
    KAPGATE_HTTP_PASSWORT: "geheim",
  };
  for (const [text, variables] of [
    [
      `[http]\n  password = "${secret}"\n[[user]]\n  password-hash = "${secret}"\n  password = "${secret}"\n[influxdb]\n  password = "${secret}"\n`,
      {},
    ],
    [
      `[[kapacitor]]\n  password = ["geheim"]\n  url = "http://a:geheim@b"\n[influxdb]\n  password = 1\n  url = "geheim@x"\n`,
      {},
    ],
    [`[[kapacitor]]\n  subscription-path = "/geheim;"\n[[kapacitor]]\n  subscription-path = "/geheim"\n`, {}],
    ["", environment],
  ] as const) {
    const { problems, config } = load(t, text, { environment: variables });
    t.equal(config, undefined);
    t.ok(problems.length > 1);
    t.notMatch(JSON.stringify(problems), /geheim/);
  }
});
