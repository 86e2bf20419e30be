import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/load.ts";
import { prepare } from "../../src/server/prepare.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

interface Service {
  readonly image: string;
  readonly user: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly cap_add?: readonly string[];
  readonly privileged?: boolean;
  readonly security_opt: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly secrets?: readonly string[];
  readonly network_mode?: string;
  readonly networks?: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string }>>;
  readonly depends_on?: unknown;
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
}

const text = read("docker-compose.yml");
const compose: Compose = parse(text);
const services = Object.entries(compose.services);

function serviceOf(name: string): Service {
  const service = compose.services[name];
  if (service === undefined) throw new Error(`there is no service ${name}`);
  return service;
}

function networksOf(service: Service): readonly string[] {
  const networks = service.networks ?? [];
  return Array.isArray(networks) ? networks : Object.keys(networks);
}

t.test("every service runs without privileges", async (t) => {
  t.strictSame(Object.keys(compose.services).sort(), ["chronograf", "influxdb", "kapacitor", "kapgate", "telegraf"]);
  for (const [name, service] of services) {
    const [uid, gid] = service.user.split(":").map(Number);
    t.ok(Number.isInteger(uid) && uid !== 0, `${name}: a numeric user that is not root`);
    t.ok(Number.isInteger(gid) && gid !== 0, `${name}: a numeric group that is not root's`);
    t.equal(service.read_only, true, `${name}: read-only root file system`);
    t.strictSame(service.cap_drop, ["ALL"], `${name}: no capabilities`);
    t.equal(service.cap_add, undefined, `${name}: none back`);
    t.equal(service.privileged, undefined, `${name}: not privileged`);
    t.strictSame(service.security_opt, ["no-new-privileges:true"], name);
  }
  const users = services.map(([, service]) => service.user);
  t.equal(new Set(users).size, users.length, "each its own user, so none reads another's files");
});

t.test("only kapgate can be reached from outside, on an IPv4 address", async (t) => {
  const published = services.flatMap(([name, service]) => (service.ports ?? []).map((port) => `${name} ${port}`));
  t.strictSame(published, ["kapgate 0.0.0.0:9443:9443"]);
});

t.test("nothing reaches Kapacitor around kapgate", async (t) => {
  const kapacitor = serviceOf("kapacitor");
  t.equal(kapacitor.network_mode, "service:kapgate");
  t.equal(kapacitor.networks, undefined, "it is on no network of its own");
  const bind = /^\s*bind-address = "([^"]+)"/m.exec(read("deploy/compose/kapacitor.conf"))?.[1];
  t.equal(bind, "127.0.0.1:9092", "in the network that it shares it listens on the loopback");
  t.equal(kapacitor.environment?.KAPACITOR_HTTP_BIND_ADDRESS, undefined, "which no variable replaces");
  t.equal(kapacitor.environment?.KAPACITOR_REPORTING_ENABLED, "false");
  for (const [name, service] of services) {
    if (name !== "kapacitor") t.equal(service.network_mode, undefined, `${name} does not share kapgate's network`);
  }
  for (const name of ["chronograf", "telegraf"]) t.strictSame(networksOf(serviceOf(name)), ["edge"], name);
  const inside = services.filter(([, service]) => networksOf(service).includes("subscriptions")).map(([name]) => name);
  t.strictSame(inside, ["influxdb", "kapgate"], "the network of the subscriptions");
  t.equal(compose.networks.subscriptions?.internal, true);
});

t.test("subscription writes come over verified https, under a path, from one address", async (t) => {
  const influxdb = serviceOf("influxdb");
  t.match(influxdb.image, /^influxdb:1\.8/);
  t.match(influxdb.environment?.INFLUXDB_SUBSCRIBER_CA_CERTS, /kapgate-ca\.pem$/);
  t.equal(influxdb.environment?.INFLUXDB_SUBSCRIBER_INSECURE_SKIP_VERIFY, undefined);
  const kapacitor = read("deploy/compose/kapacitor.conf");
  const settingOf = (key: string) => new RegExp(`^\\s*${key} = "?([^"\\n]+?)"?\\s*$`, "m").exec(kapacitor)?.[1];
  t.equal(settingOf("subscription-protocol"), "https");
  t.equal(settingOf("http-port"), "9443");
  const networks = serviceOf("kapgate").networks;
  t.match(networks, { subscriptions: { aliases: [settingOf("kapacitor-hostname")] } });

  const { config } = loadConfig({
    flags: { config: join(root, "deploy/compose/kapgate.toml") },
    environment: {},
    workingDirectory: root,
    serving: false,
  });
  const [instance] = config?.kapacitor ?? [];
  t.equal(instance?.["subscription-path"], settingOf("subscription-path"), "the same path on both sides");
  const address = influxdb.networks;
  t.match(address, { subscriptions: { ipv4_address: instance?.["subscription-allow-cidrs"][0]?.replace("/32", "") } });
  t.equal(instance?.["subscription-allow-cidrs"].length, 1, "nobody else writes without a password");
  t.equal(instance?.url, "http://127.0.0.1:9092");
});

t.test("health is what kapgate health says", async (t) => {
  t.strictSame(serviceOf("kapgate").healthcheck?.test, ["CMD", "kapgate", "health"]);
  t.match(serviceOf("kapacitor").depends_on, { kapgate: { condition: "service_healthy", restart: true } });
});

t.test("secrets are files outside of the repository", async (t) => {
  t.strictSame(serviceOf("kapgate").secrets, Object.keys(compose.secrets));
  for (const [name, { file }] of Object.entries(compose.secrets)) t.match(file, /\/state\//, name);
  for (const [name, service] of services) {
    for (const variable of Object.keys(service.environment ?? {})) {
      t.notMatch(variable, /PASSWORD|TOKEN|SECRET|HASH/, `${name}: ${variable}`);
    }
  }
  const committed = execFileSync("git", ["ls-files", "deploy", "certs", "docker-compose.yml"], { cwd: root });
  for (const file of committed.toString("utf8").trim().split("\n")) {
    t.notMatch(
      read(file),
      /\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|-----BEGIN [A-Z ]*PRIVATE KEY/,
      `${file} holds no secret`,
    );
  }
  const ignored = execFileSync("git", ["check-ignore", "deploy/compose/state/users/admin"], { cwd: root });
  t.match(ignored.toString("utf8"), "state");
});

t.test("what is mounted into kapgate is what the first run makes, and kapgate starts with it", async (t) => {
  const folder = t.testdir({
    bin: { kapgate: `#!/bin/sh\nexec "${process.execPath}" "${join(root, "src/kapgate.js")}" "$@"\n` },
    state: {},
  });
  chmodSync(join(folder, "bin/kapgate"), 0o755);
  const state = join(folder, "state");
  const firstRun = (): string =>
    execFileSync("sh", ["-s", "--", state, "kapacitor.example.org"], {
      input: read("deploy/compose/make-state.sh"),
      env: { PATH: `${join(folder, "bin")}:${process.env.PATH ?? ""}` },
      encoding: "utf8",
    });
  const shown = firstRun();
  const password = /^password {2}(\S+)$/m.exec(shown)?.[1];
  t.match(password, /^[A-Za-z0-9_-]{24}$/, "the admin's password is shown");
  t.match(shown, /names kapgate, kapgate-subscriptions, kapacitor\.example\.org/);

  for (const [name, service] of services) {
    for (const volume of service.volumes) {
      const [source = ""] = volume.split(":");
      const made = source.replace("./deploy/compose/state", state);
      t.ok(statSync(made.startsWith("/") ? made : join(root, made)), `${name}: ${source} is there`);
    }
  }
  for (const { file } of Object.values(compose.secrets)) {
    t.equal(statSync(file.replace("./deploy/compose/state", state)).mode & 0o777, 0o600, file);
  }
  t.strictSame(readdirSync(join(state, "certs")), ["kapgate.pem"], "the key of the CA is not mounted");

  const toml = read("deploy/compose/kapgate.toml").replaceAll("/run/secrets/kapgate-", `${state}/users/`);
  const file = join(folder, "kapgate.toml");
  writeFileSync(file, toml.replace("certs/kapgate.pem", `${state}/certs/kapgate.pem`));
  const loaded = loadConfig({ flags: { config: file }, environment: {}, workingDirectory: folder });
  const prepared = loaded.config === undefined ? undefined : await prepare(loaded.config, undefined);
  t.ok(prepared?.prepared, JSON.stringify([...loaded.problems, ...(prepared?.problems ?? [])]));

  const before = readFileSync(join(state, "users/admin"), "utf8");
  t.notMatch(firstRun(), /password/, "a second run shows and changes no password");
  t.equal(readFileSync(join(state, "users/admin"), "utf8"), before);
});

t.test("the image is built in stages and holds production dependencies only", async (t) => {
  const dockerfile = read("Dockerfile");
  t.notMatch(dockerfile, /^# *syntax=/im, "no frontend to be pulled");
  const stages = dockerfile.split(/^FROM /m).slice(1);
  t.ok(stages.length > 1);
  for (const stage of stages) t.match(stage, /^node:(?:24|26)-\S*slim/);
  t.notMatch(dockerfile, /npm (?:install|i)\b/, "the lock file decides");
  const last = stages.at(-1) ?? "";
  const dependencies = stages.find((stage) => / AS dependencies$/m.test(stage)) ?? "";
  t.match(dependencies, "npm ci --omit=dev");
  t.match(last, "COPY --from=dependencies");
  const user = /^USER (\d+):(\d+)$/m.exec(last);
  t.ok(Number(user?.[1]) > 0 && Number(user?.[2]) > 0, "USER is numeric and not root");
  t.equal(`${user?.[1]}:${user?.[2]}`, serviceOf("kapgate").user, "and the one of compose");
  t.match(last, /^HEALTHCHECK .*CMD \["kapgate", "health"\]$/m);
  t.match(last, /^ENTRYPOINT \["kapgate"\]$/m, "signals reach kapgate itself");
  t.notMatch(dockerfile, /(?:ARG|ENV) \S*(?:PASSWORD|TOKEN|SECRET)/i);
});

t.test("the build sees what it copies and nothing else", async (t) => {
  const rules = read(".dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  t.equal(rules[0], "*");
  const allowed = new Set(rules.slice(1).map((rule) => rule.replace("!", "")));
  const copied = [...read("Dockerfile").matchAll(/^COPY (?!--from)(.+) \S+$/gm)]
    .flatMap(([, sources = ""]) => sources.split(" "))
    .map((source) => source.replace(/\/$/, ""));
  t.strictSame([...new Set(copied)].sort(), [...allowed].sort());
});
