import { join } from "node:path";
import t, { type Test } from "tap";
import { Agent, request } from "undici";
import { createAuthority } from "../../src/certificates/authority.ts";
import { run } from "../../src/commands/doctor.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { isBefore } from "../../src/doctor/judge-kapacitor.ts";
import { startStandin } from "../../src/standin/server.ts";
import { runIn } from "../commands/run-in.ts";
import { admin, adminUser, basic } from "../support/gateway.ts";
import { launch, listeningPort, makeFolder } from "../support/process.ts";
import { findInfluxd, freePort, type Influxd, startInfluxd } from "./influxd.ts";
import { findProgram, startKapacitord } from "./kapacitord.ts";

const found = findInfluxd();
const daemon = findProgram("KAPACITORD");
const path = "/path/behind/reverse-proxy";
const skip = "missing" in found && found.missing;

interface ChainOptions {
  readonly allow?: string;
  /** The address that the gateway binds; the certificate has 127.0.0.1 only. */
  readonly host?: string;
  readonly influxd?: { readonly http?: string; readonly subscriber?: string; readonly ca?: "strange" | "none" };
  /** A real Kapacitor with this `[[influxdb]]` path in place of the stand-in. */
  readonly kapacitord?: string;
  readonly login?: string;
}

/** A real InfluxDB, a gateway in a process of its own, Kapacitor or its stand-in, and doctor for them. */
async function startChain(t: Pick<Test, "teardown">, options: ChainOptions = {}) {
  if ("missing" in found) throw new Error(found.missing);
  const folder = await makeFolder();
  const host = options.host ?? "127.0.0.1";
  const port = await freePort();
  const adminPort = await freePort();
  const strange = await folder.write("strange.pem", (await createAuthority()).certificate);
  const { http, subscriber, ca: which } = options.influxd ?? {};
  const ca = which === "none" ? "" : which === "strange" ? strange : join(folder.path, "ca.pem");
  const influxd = await startInfluxd(found.path, ca, http, subscriber);
  const told = `subscription-protocol = "https"\n  kapacitor-hostname = "${host}"\n  http-port = ${port}\n`;
  const settings = {
    enabled: true,
    "subscription-protocol": "https",
    "kapacitor-hostname": host,
    "http-port": port,
    "subscription-path": path,
  };
  const kapacitor = await startKapacitor(influxd, options.kapacitord, told, settings);
  const file = await folder.write(
    "kapgate.toml",
    `[http]
bind-address = "${host}:${port}"
https-certificate = "kapgate.pem"
shutdown-timeout = "1s"
[admin]
bind-address = "127.0.0.1:${adminPort}"
[influxdb]
url = "${influxd.url}"
${options.login ?? ""}
${adminUser}[[kapacitor]]
url = "${kapacitor.url}"
subscription-path = "${path}"
subscription-allow-cidrs = ${options.allow ?? `["127.0.0.0/8"]`}
[alerts]
disable-handlers = ["exec", "log"]
`,
  );
  const live = launch(["-config", file], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await kapacitor.close();
    await influxd.close();
    await folder.remove();
  });
  await listeningPort(live);
  const doctor = async () => {
    const outcome = await runIn(folder.path, (io) => run(io, []), "-config", file, "-json");
    const { findings }: { findings: Finding[] } = JSON.parse(outcome.stdout);
    const wrong = findings.filter(({ severity }) => severity !== "note");
    return {
      ...outcome,
      findings,
      ids: wrong.map(({ id }) => id),
      by: (id: string) => wrong.find((entry) => entry.id === id),
    };
  };
  const subscribe = (name: string, destination: string, at = "one.autogen") =>
    influxd.query(`CREATE SUBSCRIPTION "${name}" ON ${at} DESTINATIONS ANY '${destination}'`);
  const drop = (name: string, at = "one.autogen") => influxd.query(`DROP SUBSCRIPTION "${name}" ON ${at}`);
  return { influxd, kapacitor, port, doctor, subscribe, drop, url: `https://${host}:${port}`, ca: folder.ca };
}

async function startKapacitor(
  influxd: Influxd,
  realPath: string | undefined,
  told: string,
  settings: Readonly<Record<string, unknown>>,
) {
  if (realPath !== undefined && "path" in daemon) {
    await influxd.query("CREATE DATABASE one");
    const section = (at: string) =>
      `[[influxdb]]\n  enabled = true\n  name = "real"\n  urls = ["${influxd.url}"]\n  ${told}  subscription-path = "${at}"\n`;
    const real = await startKapacitord(daemon.path, { sections: section(realPath) });
    return { url: real.url, name: `kapacitor-${await idOf(real.url)}`, points: () => 0, close: () => real.close() };
  }
  const standin = await startStandin();
  const answer = await request(`${standin.url}/kapacitor/v1/config/influxdb/default`, {
    method: "POST",
    body: JSON.stringify({ set: settings }),
  });
  if (answer.statusCode !== 204) throw new Error(await answer.body.text());
  const name = `kapacitor-${await idOf(standin.url)}`;
  return { url: standin.url, name, points: () => standin.points.length, close: () => standin.close() };
}

async function idOf(url: string): Promise<string> {
  const vars: unknown = await (await request(`${url}/kapacitor/v1/debug/vars`)).body.json();
  if (typeof vars !== "object" || vars === null || !("cluster_id" in vars)) throw new Error("no cluster id");
  return String(vars.cluster_id);
}

async function versionOf(url: string): Promise<string> {
  const answer = await request(`${url}/kapacitor/v1/ping`);
  await answer.body.dump();
  return String(answer.headers["x-kapacitor-version"]);
}

/** Writes a point and waits until InfluxDB has dealt with its subscriptions. */
async function writeAndWait(influxd: Influxd, db = "one"): Promise<void> {
  const counted = async () => {
    const text = await influxd.query("SHOW STATS FOR 'subscriber'");
    const [, written, failed] = /"values":\[\[0,(\d+),(\d+)\]\]/.exec(text) ?? [];
    return Number(written) + Number(failed);
  };
  const before = await counted();
  await influxd.write(db, `m v=${before}i`);
  const deadline = Date.now() + 20_000;
  while ((await counted()) === before && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
}

t.test("a chain that is in order, and each fault of a subscription", { skip }, async (t) => {
  const { influxd, kapacitor, doctor, subscribe, drop, url, port } = await startChain(t);
  const { name } = kapacitor;
  await influxd.query("CREATE DATABASE one");

  const missing = await doctor();
  t.strictSame(missing.ids, ["subscription_missing"], missing.stdout);
  t.match(missing.by("subscription_missing")?.what, `${name} on one.autogen`);

  await subscribe(name, `${url}${path}`);
  await writeAndWait(influxd);
  const healthy = await doctor();
  t.strictSame([healthy.code, healthy.ids], [0, []], healthy.stdout);
  t.match(healthy.stdout, /"fine": "1 point accepted and no write failed since 20/);
  t.match(healthy.stdout, /"fine": "last accepted writes: one\.autogen \d+ s ago"/);
  t.match(healthy.stdout, /InfluxDB 1\.\d+\.\d+/);
  t.equal(kapacitor.points(), 1);

  const closed = await freePort();
  const faults: readonly (readonly [id: string, destination: string, subscription: string, what: RegExp])[] = [
    ["subscription_around", kapacitor.url, "by-hand", /Kapacitor's own address/],
    ["subscription_scheme", `http://127.0.0.1:${port}${path}`, "by-hand", /the listener speaks https/],
    ["subscription_elsewhere", `https://localhost:${closed}${path}`, "by-hand", /nothing answers there/],
    ["subscription_path", `${url}/old`, "by-hand", /the path is \/old/],
    ["subscription_path", `${url}${path}/nested`, "by-hand", /nested, and here/],
    ["subscription_write_doubled", `${url}${path}/write`, "by-hand", /write\/write/],
    ["subscription_stale", `http://localhost:${closed}`, "kapacitor-of-before", /nothing answers there/],
    ["subscription_twice", `https://localhost:${port}${path}`, "kapacitor-of-before", /one\.autogen by/],
  ];
  for (const [id, destination, subscription, what] of faults) {
    await subscribe(subscription, destination);
    const outcome = await doctor();
    t.equal(outcome.code, 3);
    t.strictSame(outcome.ids, [id], `${destination}: ${outcome.stdout}`);
    t.match(outcome.by(id)?.what, what);
    t.match(outcome.by(id)?.fix.join("\n"), `DROP SUBSCRIPTION "${subscription}" ON "one"."autogen"`);
    await drop(subscription);
  }

  await subscribe("by-hand", `http://127.0.0.1:${port}${path}`);
  await writeAndWait(influxd);
  const plain = await doctor();
  t.strictSame(plain.ids, ["gateway_plain_http", "subscription_scheme"], plain.stdout);
});

t.test("InfluxDB that may not write: by address, by login", { skip }, async (t) => {
  const { influxd, kapacitor, doctor, subscribe, drop, url } = await startChain(t, { allow: "[]" });
  await influxd.query("CREATE DATABASE one");
  await subscribe(kapacitor.name, `${url}${path}`);
  await writeAndWait(influxd);
  const address = await doctor();
  t.strictSame(
    address.ids,
    ["gateway_writes_refused", "subscription_refused", "subscription_failures"],
    address.stdout,
  );
  t.match(address.by("gateway_writes_refused")?.what, /1 write refused as credentials_required/);
  t.match(address.by("subscription_failures"), {
    severity: "error",
    what: /one\.autogen: 1 write failed, 0 points accepted/,
  });
  await drop(kapacitor.name);

  await subscribe(kapacitor.name, url.replace("//", `//${admin.replace(" ", "%20")}@`) + path);
  const login = await doctor();
  t.notOk(login.ids.includes("subscription_refused"), login.stdout);
  await drop(kapacitor.name);
  await subscribe(kapacitor.name, url.replace("//", "//admin:wrong-one@") + path);
  const wrong = await doctor();
  t.match(wrong.by("subscription_refused")?.what, /one\.autogen as admin: credentials_invalid/);
  t.notMatch(wrong.stdout, /wrong-one|correct/, "no password is shown");
});

t.test("InfluxDB that does not know the CA", { skip }, async (t) => {
  const { influxd, kapacitor, doctor, subscribe, url } = await startChain(t, { influxd: { ca: "strange" } });
  await influxd.query("CREATE DATABASE one");
  await subscribe(kapacitor.name, `${url}${path}`);
  await writeAndWait(influxd);
  t.match(influxd.log(), /x509: certificate signed by unknown authority/);
  const outcome = await doctor();
  t.strictSame(outcome.ids, ["certificate_rejected", "subscription_failures"], outcome.stdout);
  t.match(outcome.by("subscription_failures")?.fix.join("\n"), /ca-certs = /);
});

t.test("a name that the certificate does not have: InfluxDB refuses it, or does not look", { skip }, async (t) => {
  const host = "127.0.0.4";
  for (const insecure of [false, true]) {
    // InfluxDB 1.6 verifies all the same where ca-certs is set too.
    const own = insecure ? ({ subscriber: "insecure-skip-verify = true", ca: "none" } as const) : {};
    const { influxd, kapacitor, doctor, subscribe, url } = await startChain(t, { host, influxd: own });
    await influxd.query("CREATE DATABASE one");
    await subscribe(kapacitor.name, `${url}${path}`);
    await subscribe("by-hand", `${url}${path}`);
    await writeAndWait(influxd);
    const { ids, by, stdout } = await doctor();
    t.ok(ids.includes("certificate_name_missing") && ids.includes("subscription_host"), stdout);
    t.equal(ids.includes("influxdb_unverified"), insecure, stdout);
    t.equal(ids.includes("subscription_failures"), !insecure);
    t.match(by("certificate_name_missing")?.fix.join("\n"), host);
  }
});

t.test("InfluxDB's own settings", { skip }, async (t) => {
  const settings: readonly (readonly [id: string, what: RegExp, subscriber: string])[] = [
    ["influxdb_subscriber_off", /enabled = false/, "enabled = false"],
    ["influxdb_timeout", /waits 5s for a write/, `http-timeout = "5s"`],
  ];
  for (const [id, what, subscriber] of settings) {
    const { doctor } = await startChain(t, { influxd: { subscriber } });
    const outcome = await doctor();
    t.strictSame(outcome.ids, [id], outcome.stdout);
    t.match(outcome.by(id)?.what, what);
  }
});

t.test(
  "InfluxDB that asks for a login: none, a wrong one, one that is no administrator's, a right one",
  { skip },
  async (t) => {
    const logins: readonly (readonly [login: string, ids: readonly string[]])[] = [
      ["", ["influxdb_unauthorized"]],
      [`username = "root"\npassword = "wrong"`, ["influxdb_unauthorized"]],
      [`username = "reader"\npassword = "secret2"`, ["influxdb_not_admin"]],
      [`username = "root"\npassword = "secret1"`, []],
    ];
    for (const [login, ids] of logins) {
      const { influxd, doctor } = await startChain(t, { login, influxd: { http: "auth-enabled = true" } });
      await influxd.query("CREATE USER root WITH PASSWORD 'secret1' WITH ALL PRIVILEGES");
      const create = new URLSearchParams({ q: "CREATE USER reader WITH PASSWORD 'secret2'", u: "root", p: "secret1" });
      await (await request(`${influxd.url}/query?${create.toString()}`, { method: "POST" })).body.dump();
      const outcome = await doctor();
      t.strictSame(outcome.ids, ids, `${login}: ${outcome.stdout}`);
      t.notMatch(outcome.stdout, /secret1|secret2|wrong"/);
    }
  },
);

t.test(
  "a real Kapacitor keeps its old subscription when only the path changes; the commands that doctor prints put it right",
  { skip: skip || ("missing" in daemon && daemon.missing) },
  async (t) => {
    const { influxd, kapacitor, doctor, subscribe, drop, url, ca } = await startChain(t, { kapacitord: path });
    const version = await versionOf(kapacitor.url);
    if (isBefore(version, [1, 5, 8])) {
      const old = await doctor();
      t.ok(old.ids.includes("kapacitor_old"), old.stdout);
      t.match(old.by("kapacitor_old")?.what, `Kapacitor ${version}, and subscription-path`);
      return;
    }
    const settled = Date.now() + 20_000;
    while (!(await influxd.query("SHOW SUBSCRIPTIONS")).includes(kapacitor.name) && Date.now() < settled) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await writeAndWait(influxd);
    const healthy = await doctor();
    t.strictSame(healthy.ids, [], healthy.stdout);

    await drop(kapacitor.name);
    await subscribe(kapacitor.name, `${url}/old`);
    const old = await doctor();
    t.strictSame(old.ids, ["subscription_path"], old.stdout);
    const [dropCommand = "", relink = ""] = old.by("subscription_path")?.fix ?? [];
    const [, statement = ""] = /-execute '(.*)'$/.exec(dropCommand) ?? [];
    await influxd.query(statement);
    t.match(relink, "/kapacitor/v1/subscriptions");
    const dispatcher = new Agent({ connect: { ca } });
    const answer = await request(`${url}/kapacitor/v1/subscriptions`, {
      dispatcher,
      method: "POST",
      headers: { authorization: basic(admin) },
    });
    t.equal(answer.statusCode, 204);
    await dispatcher.destroy();
    await writeAndWait(influxd);
    const after = await doctor();
    t.strictSame(after.ids, [], after.stdout);
  },
);
