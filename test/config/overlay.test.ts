import { join } from "node:path";
import t, { type Test } from "tap";
import { readEnvironment, variableOf } from "../../src/config/environment.ts";
import { type Flags, layFlags } from "../../src/config/flags.ts";
import { loadConfig } from "../../src/config/load.ts";
import { layOver } from "../../src/config/overlay.ts";
import { sections } from "../../src/config/schema.ts";
import { formatPath, type Path, type Table } from "../../src/config/tree.ts";
import { formatProblem } from "../../src/problem.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** One user, one instance, two denied ranges. */
const lengthOf = (path: Path) => ({ user: 1, kapacitor: 1, "access.deny-cidrs": 2 })[formatPath(path)] ?? 0;

/** What the environment sets, as `path=value` in JSON, and what is wrong with it. */
function read(environment: Environment): { readonly set: readonly string[]; readonly wrong: readonly string[] } {
  const { settings, problems } = readEnvironment(environment, lengthOf, (path) =>
    path === "secret" ? { ok: true, text: "geheim\n" } : { ok: false, code: "ENOENT" },
  );
  return {
    set: settings.map(({ path, value }) => `${formatPath(path)}=${JSON.stringify(value)}`),
    wrong: problems.map(({ source, text }) => `${source}: ${text}`),
  };
}

t.test("a variable sets the key that it spells", async (t) => {
  const rows: readonly (readonly [environment: Environment, set: readonly string[]])[] = [
    [{ KAPGATE_HTTP_BIND_ADDRESS: ":1" }, ['http.bind-address=":1"']],
    [{ KAPGATE_HTTP_LOG_ENABLED: "false" }, ["http.log-enabled=false"]],
    [{ KAPGATE_HTTP_LOG_ENABLED: "1" }, ["http.log-enabled=true"]],
    [{ KAPGATE_HTTP_LOG_ENABLED: "TRUE" }, ["http.log-enabled=true"]],
    [{ KAPGATE_HTTP_LOG_ENABLED: "yes" }, ['http.log-enabled="yes"']],
    [{ KAPGATE_HTTP_MAX_CONNECTIONS: "10" }, ["http.max-connections=10"]],
    [{ KAPGATE_HTTP_MAX_CONNECTIONS: "1e3" }, ['http.max-connections="1e3"']],
    [{ KAPGATE_HTTP_MAX_BODY_SIZE: "1000" }, ['http.max-body-size="1000"']],
    [{ KAPGATE_ALERTS_DISABLE_HANDLERS: "exec, post," }, ['alerts.disable-handlers=["exec","post"]']],
    [{ KAPGATE_ALERTS_DISABLE_HANDLERS: "" }, ["alerts.disable-handlers=[]"]],
    [{ KAPGATE_ACCESS_DENY_CIDRS_0: "10.0.0.0/8" }, ['access.deny-cidrs[0]="10.0.0.0/8"']],
    [
      { KAPGATE_ACCESS_DENY_CIDRS_3: "::1", KAPGATE_ACCESS_DENY_CIDRS_2: "10.0.0.0/8" },
      ['access.deny-cidrs[2]="10.0.0.0/8"', 'access.deny-cidrs[3]="::1"'],
    ],
    [{ KAPGATE_USER_0_NAME: "x" }, ['user[0].name="x"']],
    [
      { KAPGATE_USER_1_ROLE: "admin", KAPGATE_USER_1_INSTANCES_0: "a" },
      ['user[1].instances[0]="a"', 'user[1].role="admin"'],
    ],
    [{ KAPGATE_KAPACITOR_0_URL: "http://k:1" }, ['kapacitor[0].url="http://k:1"']],
    [{ KAPGATE_HTTP_PASSWORD: "geheim" }, ['http.password="geheim"']],
    [{ KAPGATE_HTTP_PASSWORD_FILE: "secret" }, ['http.password-file="secret"']],
    [{ KAPGATE_USER_0_PASSWORD_FILE: "secret" }, ['user[0].password-file="secret"']],
    [{ KAPGATE_USER_0_PASSWORD_HASH_FILE: "secret" }, ['user[0].password-hash="geheim"']],
    [{ KAPGATE_KAPACITOR_0_PASSWORD_FILE: "secret" }, ['kapacitor[0].password="geheim"']],
    [{ KAPGATE_CONFIG: "x.toml", KAPGATE_HTTP_REALM: undefined, KAPACITOR_HTTP_BIND_ADDRESS: ":1", PATH: "/bin" }, []],
  ];
  for (const [environment, set] of rows)
    t.strictSame(read(environment), { set, wrong: [] }, JSON.stringify(environment));
});

t.test("every key of the schema has a variable that sets it and nothing else", async (t) => {
  for (const section of sections) {
    for (const key of Object.keys(section.keys)) {
      const { set, wrong } = read({ [variableOf(section, key)]: "1" });
      const path = formatPath(section.repeated ? [section.name, 0, key] : [section.name, key]);
      t.strictSame([set.map((text) => text.replace(/=.*/, "")), wrong], [[path], []], path);
    }
  }
});

t.test("what Kubernetes and Docker inject for a service called kapgate is ignored", async (t) => {
  const injected: Environment = {
    KAPGATE_SERVICE_HOST: "10.0.0.1",
    KAPGATE_SERVICE_PORT: "9443",
    KAPGATE_SERVICE_PORT_HTTPS: "9443",
    KAPGATE_PORT: "tcp://10.0.0.1:9443",
    KAPGATE_PORT_9443_TCP: "tcp://10.0.0.1:9443",
    KAPGATE_PORT_9443_TCP_PROTO: "tcp",
    KAPGATE_PORT_9443_TCP_PORT: "9443",
    KAPGATE_PORT_9443_TCP_ADDR: "10.0.0.1",
    KAPGATE_PORT_53_UDP_ADDR: "10.0.0.1",
    KAPGATE_X_SERVICE_HOST: "10.0.0.1",
    KAPGATE_X_PORT: "tcp://10.0.0.1:9443",
    KAPGATE_X_PORT_9443_TCP_ADDR: "10.0.0.1",
    KAPGATE_ADMIN_SERVICE_PORT_METRICS: "9444",
    KAPGATE_NAME: "/web/kapgate",
    KAPGATE_ENV_NODE_VERSION: "26",
  };
  t.strictSame(read(injected), { set: [], wrong: [] });
});

t.test("any other variable is a mistake, and the near name is offered", async (t) => {
  const rows: readonly (readonly [environment: Environment, wrong: RegExp])[] = [
    [
      { KAPGATE_HTTP_BIND_ADRESS: ":1" },
      /^KAPGATE_HTTP_BIND_ADRESS: unknown variable; did you mean KAPGATE_HTTP_BIND_ADDRESS\?$/,
    ],
    [{ KAPGATE_USER_0_PASSWORD_HASH_FIL: "x" }, /did you mean KAPGATE_USER_0_PASSWORD_HASH_FILE\?/],
    [{ KAPGATE_USER_1_ROL: "x" }, /did you mean KAPGATE_USER_1_ROLE\?/],
    [{ KAPGATE_CONFIG_FILE: "x" }, /unknown variable/],
    [{ KAPGATE_UPSTREAM: "x" }, /unknown variable: no key of the configuration has this name/],
    [{ KAPGATE_INFLUXDB_PORT: "8086" }, /^KAPGATE_INFLUXDB_PORT: unknown variable/],
    [{ KAPGATE_HTTP: "x" }, /unknown variable/],
    [{ KAPGATE_: "x" }, /unknown variable/],
    [{ KAPGATE_USER_NAME: "x" }, /unknown variable/],
    [{ KAPGATE_USER_00_NAME: "x" }, /unknown variable/],
    [{ KAPGATE_USER_1000_NAME: "x" }, /unknown variable/],
    [{ KAPGATE_HTTP_REALM_FILE: "secret" }, /unknown variable/],
    [{ KAPGATE_USER_2_NAME: "x" }, /there is no user\[1\] before it/],
    [{ KAPGATE_ACCESS_DENY_CIDRS_3: "::1" }, /there is no access\.deny-cidrs\[2\] before it/],
    [
      { KAPGATE_ACCESS_DENY_CIDRS: "::1", KAPGATE_ACCESS_DENY_CIDRS_0: "::1" },
      /_0: sets an item of the list that KAPGATE_ACCESS_DENY_CIDRS sets/,
    ],
    [
      { KAPGATE_KAPACITOR_0_PASSWORD: "geheim", KAPGATE_KAPACITOR_0_PASSWORD_FILE: "secret" },
      /^KAPGATE_KAPACITOR_0_PASSWORD_FILE: sets the same key as KAPGATE_KAPACITOR_0_PASSWORD;/,
    ],
    [
      { KAPGATE_KAPACITOR_0_PASSWORD_FILE: "geheim" },
      /^KAPGATE_KAPACITOR_0_PASSWORD_FILE: the file that it names cannot be read \(ENOENT\)$/,
    ],
  ];
  for (const [environment, expected] of rows) {
    const { wrong } = read(environment);
    t.equal(wrong.length, 1, JSON.stringify(environment));
    t.match(wrong[0], expected);
    t.notMatch(wrong.join(), /geheim/);
  }
});

const file = `
[http]
  bind-address = ":1"
[access]
  deny-cidrs = ["10.0.0.0/8", "172.16.0.0/12"]
[[kapacitor]]
  name = "a"
  url = "http://127.0.0.1:9"
  hosts = ["a.example"]
`;

/** Loads a file with the environment and flags over it. */
function load(t: Test, environment: Environment, flags: Flags = {}, text = file) {
  const workingDirectory = t.testdir({ etc: { "kapgate.toml": text }, secret: "geheim\n" });
  return loadConfig({ flags: { config: "etc/kapgate.toml", ...flags }, environment, workingDirectory, serving: false });
}

t.test("a flag goes before the environment, the environment before the file", async (t) => {
  const address = (environment: Environment, flags: Flags = {}) =>
    load(t, environment, flags).config?.http["bind-address"];
  t.strictSame(address({}), { host: "", port: 1 });
  t.strictSame(address({ KAPGATE_HTTP_BIND_ADDRESS: ":2" }), { host: "", port: 2 });
  t.strictSame(address({ KAPGATE_HTTP_BIND_ADDRESS: ":2" }, { "bind-address": ":3" }), { host: "", port: 3 });
  t.strictSame(address({}, { "bind-address": ":3" }), { host: "", port: 3 });
});

t.test("the environment replaces single fields and items and leaves the others", async (t) => {
  const { config } = load(t, {
    KAPGATE_KAPACITOR_0_URL: "http://127.0.0.1:2",
    KAPGATE_KAPACITOR_1_NAME: "b",
    KAPGATE_ACCESS_DENY_CIDRS_1: "192.168.0.0/16",
    KAPGATE_ACCESS_DENY_CIDRS_2: "198.51.100.0/24",
  });
  t.strictSame(
    config?.kapacitor.map(({ name, url, hosts }) => [name, url, hosts]),
    [
      ["a", "http://127.0.0.1:2", ["a.example"]],
      ["b", "http://127.0.0.1:9092", []],
    ],
  );
  t.strictSame(config?.access["deny-cidrs"], ["10.0.0.0/8", "192.168.0.0/16", "198.51.100.0/24"]);
});

t.test("without a file the variables of entry 0 change the default instance", async (t) => {
  const { config } = load(t, { KAPGATE_KAPACITOR_0_TIMEOUT: "1s" }, {}, "");
  t.match(config?.kapacitor, [{ name: "default", url: "http://127.0.0.1:9092", timeout: 1000 }]);
});

t.test("a problem names the variable or flag that set the value", async (t) => {
  const { problems } = load(
    t,
    { KAPGATE_ACCESS_DENY_CIDRS_1: "10.1", KAPGATE_HTTP_LOG_ENABLED: "yes", KAPGATE_USER_0_NAME: "x" },
    { "log-level": "loud", upstream: "localhost:9092" },
  );
  const said = problems
    .filter(({ severity }) => severity === "error")
    .map(formatProblem)
    .join("\n");
  t.match(said, /^KAPGATE_ACCESS_DENY_CIDRS_1: access\.deny-cidrs\[1\]: "10\.1" is not an address/m);
  t.match(said, /^KAPGATE_HTTP_LOG_ENABLED: http\.log-enabled: must be true or false$/m);
  t.match(said, /^KAPGATE_USER_0_NAME: user\[0\]\.role: is required/m);
  t.match(said, /^-log-level: logging\.level: must be one of/m);
  t.match(said, /^-upstream: kapacitor\[0\]\.url: must be http:\/\/host:port/m);
});

t.test("a secret from the environment replaces the password file of the file, and the other way round", async (t) => {
  const withFile = `[http]\n  username = "a"\n  password-file = "../secret"\n`;
  const inline = `[http]\n  username = "a"\n  password = "alt"\n`;
  t.equal(load(t, { KAPGATE_HTTP_PASSWORD: "neu" }, {}, withFile).config?.http.password?.reveal(), "neu");
  t.equal(load(t, { KAPGATE_HTTP_PASSWORD: "neu" }, {}, withFile).config?.http["password-file"], "");
  t.match(
    load(t, { KAPGATE_HTTP_PASSWORD: "" }, {}, withFile).config?.http["password-file"],
    /secret$/,
    "an empty one does not",
  );
  const { config } = load(t, { KAPGATE_HTTP_PASSWORD_FILE: "../secret" }, {}, inline);
  t.equal(config?.http.password, undefined);
  t.match(config?.http["password-file"], /secret$/);
});

/** The tree after flags over `tree`, and what is wrong. */
function lay(flags: Flags, tree: Table) {
  const overlay = layOver(tree, undefined, () => undefined);
  const problems = layFlags(flags, tree, overlay.set, "/work");
  return { tree: JSON.parse(JSON.stringify(tree)), wrong: problems.map(formatProblem), overlay };
}

t.test("flags replace what is below them, for every instance", async (t) => {
  const rows: readonly (readonly [flags: Flags, before: Table, after: Table])[] = [
    [{ "bind-address": ":1" }, { http: { realm: "x" } }, { http: { realm: "x", "bind-address": ":1" } }],
    [{ "log-level": "DEBUG", "log-file": "x.log" }, {}, { logging: { level: "DEBUG", file: "/work/x.log" } }],
    [{ "log-file": "stdout" }, {}, { logging: { file: "stdout" } }],
    [{ "log-file": "/var/log/k" }, {}, { logging: { file: "/var/log/k" } }],
    [{ upstream: "http://k" }, {}, { kapacitor: [{ url: "http://k" }] }],
    [
      { upstream: "http://k" },
      { kapacitor: [{ name: "a", url: "http://a" }] },
      { kapacitor: [{ name: "a", url: "http://k" }] },
    ],
    [
      { upstream: "http://k" },
      { kapacitor: [{ name: "a" }, { name: "default" }] },
      { kapacitor: [{ name: "a" }, { name: "default", url: "http://k" }] },
    ],
    [{ "deny-cidrs": "::1, ::2" }, { access: { "deny-cidrs": ["::3"] } }, { access: { "deny-cidrs": ["::1", "::2"] } }],
    [
      { "disable-handlers": "exec,post" },
      { alerts: { "disable-handlers": ["log"] }, kapacitor: [{ name: "a", "disable-handlers": [] }] },
      { alerts: { "disable-handlers": ["exec", "post"] }, kapacitor: [{ name: "a" }] },
    ],
    [
      { "deny-target-cidrs": "private" },
      { kapacitor: [{ "deny-target-cidrs": ["::1"] }] },
      { alerts: { "deny-target-cidrs": ["private"] }, kapacitor: [{}] },
    ],
    [
      { "blacklist-cidrs": "10.0.0.0/8,private" },
      {
        access: { "deny-cidrs": ["::1"] },
        alerts: { "deny-target-cidrs": ["::2"] },
        kapacitor: [{ "deny-target-cidrs": [] }],
      },
      {
        access: { "deny-cidrs": ["::1", "10.0.0.0/8"] },
        alerts: { "deny-target-cidrs": ["::2", "10.0.0.0/8", "private"] },
        kapacitor: [{ "deny-target-cidrs": ["10.0.0.0/8", "private"] }],
      },
    ],
    [{ "blacklist-cidrs": "private" }, {}, { alerts: { "deny-target-cidrs": ["private"] } }],
    [
      { "deny-cidrs": "::1", "blacklist-cidrs": "::2" },
      { access: { "deny-cidrs": ["::3"] } },
      { access: { "deny-cidrs": ["::1", "::2"] }, alerts: { "deny-target-cidrs": ["::2"] } },
    ],
    [{ pidfile: "x", config: "y" }, {}, {}],
  ];
  for (const [flags, before, after] of rows) {
    const { tree, wrong } = lay(flags, structuredClone(before));
    t.strictSame({ tree, wrong }, { tree: after, wrong: [] }, JSON.stringify(flags));
  }
});

t.test("-upstream needs to know which of several instances it means", async (t) => {
  const { wrong } = lay({ upstream: "http://k" }, { kapacitor: [{ name: "a" }, { name: "b" }] });
  t.strictSame(wrong, ['-upstream: needs a [[kapacitor]] named "default" when there are several']);
});

t.test("an item that -blacklist-cidrs adds has the flag as its place, the items before it keep theirs", async (t) => {
  const { problems } = load(t, {}, { "blacklist-cidrs": "10.1" });
  const said = problems.map(formatProblem).join("\n");
  t.match(said, /^-blacklist-cidrs: access\.deny-cidrs\[2\]: "10\.1" is not an address/m);
  t.match(said, /^-blacklist-cidrs: alerts\.deny-target-cidrs\[0\]: "10\.1" is not an address/m);
});

t.test("file names are relative to the file, those on the command line to the working directory", async (t) => {
  const text = `[http]\n  https-certificate = "x.pem"\n[logging]\n  file = "x.log"\n`;
  const loaded = load(t, {}, { pidfile: "run.pid" }, text);
  const folder = join(t.testdirName, "etc");
  t.equal(loaded.config?.http["https-certificate"], join(folder, "x.pem"));
  t.equal(loaded.config?.http["https-private-key"], join(folder, "x.pem"), "the key is in the certificate file");
  t.equal(loaded.config?.logging.file, join(folder, "x.log"));
  t.equal(loaded.pidfile, join(t.testdirName, "run.pid"));
  const flagged = load(t, { KAPGATE_HTTP_HTTPS_PRIVATE_KEY: "y.key" }, { "log-file": "y.log" }, text);
  t.equal(flagged.config?.logging.file, join(t.testdirName, "y.log"));
  t.equal(flagged.config?.http["https-private-key"], join(folder, "y.key"));
  t.equal(load(t, {}, { "log-file": "stdout" }, text).config?.logging.file, "STDOUT");
});
