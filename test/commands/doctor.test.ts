import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { request } from "undici";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { run } from "../../src/commands/doctor.ts";
import { dial } from "../../src/doctor/ask.ts";
import { type StandinOptions, startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, portOf, startTestGateway, testCertificate } from "../support/gateway.ts";
import { startFakeInfluxdb } from "./fake-influxdb.ts";
import { runIn } from "./run-in.ts";

const path = "/path/behind/reverse-proxy";

/** A stand-in, a gateway before it and a fake InfluxDB, all in order, with a configuration for doctor that names them. */
async function startChain(t: Tap, options: StandinOptions = {}, more: { hasPath?: boolean; allow?: string } = {}) {
  const standin = await startStandin(options);
  const influxdb = await startFakeInfluxdb();
  const instance = `[[kapacitor]]\nurl = "${standin.url}"\nsubscription-path = "${path}"\nsubscription-allow-cidrs = ${more.allow ?? `["127.0.0.1/32"]`}\n`;
  const rest = `${adminUser}[alerts]\ndisable-handlers = ["exec", "log"]\n`;
  const gateway = await startTestGateway(`${instance}${rest}`);
  const folder = t.testdir({});
  const writePem = (pem: string) => writeFileSync(join(folder, "kapgate.pem"), pem, { mode: 0o600 });
  writePem((await testCertificate()).pem);
  t.teardown(async () => {
    await gateway.close();
    await influxdb.close();
    await standin.close();
  });
  /** Kapacitor's settings, by the same way an operator would take. */
  const set = async (values: Readonly<Record<string, unknown>>) => {
    const answer = await request(`${standin.url}/kapacitor/v1/config/influxdb/default`, {
      method: "POST",
      headers: { authorization: "Basic YTpi" },
      body: JSON.stringify({ set: values }),
    });
    if (answer.statusCode !== 204) throw new Error(await answer.body.text());
  };
  await set({
    enabled: true,
    "subscription-protocol": "https",
    "kapacitor-hostname": "localhost",
    "http-port": gateway.port,
    ...((more.hasPath ?? true) ? { "subscription-path": path } : {}),
  });
  const vars: unknown = await (
    await request(`${standin.url}/kapacitor/v1/debug/vars`, { headers: { authorization: "Basic YTpi" } })
  ).body.json();
  const id = typeof vars === "object" && vars !== null && "cluster_id" in vars ? String(vars.cluster_id) : "";
  const destination = `https://localhost:${gateway.port}${path}`;
  influxdb.state.subscriptions = [["telegraf", "autogen", `kapacitor-${id}`, destination]];
  /** Runs doctor; returns its exit code, the ids of its findings without notes, and all that it printed. */
  const doctor = async (more: { instance?: string; port?: number; addresses?: readonly string[] } = {}) => {
    writeFileSync(
      join(folder, "kapgate.toml"),
      `[http]\nbind-address = "127.0.0.1:${more.port ?? gateway.port}"\nhttps-certificate = "kapgate.pem"\n[admin]\nbind-address = "127.0.0.1:${gateway.gateway.adminAddress?.port}"\n[influxdb]\nurl = "${influxdb.url}"\nusername = "root"\npassword = "hunter2"\n${instance}${more.instance ?? ""}${rest}`,
      { mode: 0o600 },
    );
    const outcome = await runIn(folder, (io) => run(io, more.addresses ?? []), "-config", "kapgate.toml", "-json");
    const { findings }: { findings: { id: string; severity: string; what: string; fix: string[] }[] } = JSON.parse(
      outcome.stdout,
    );
    return { ...outcome, findings, ids: findings.filter(({ severity }) => severity !== "note").map(({ id }) => id) };
  };
  return { standin, influxdb, gateway, folder, set, id, destination, doctor, writePem };
}

type Tap = Pick<typeof t, "testdir" | "teardown">;

t.test("a chain that is in order, and what is wrong with it after each change", async (t) => {
  const { influxdb, gateway, folder, set, destination, doctor, standin, writePem } = await startChain(t);
  const healthy = await doctor();
  t.strictSame([healthy.code, healthy.ids], [0, []], healthy.stdout + healthy.stderr);
  t.match(healthy.stdout, `it tells InfluxDB to write to ${destination}/write`);
  t.match(healthy.stdout, "3 points accepted and no write failed since 2026-01-01T00:00:00Z");
  t.match(healthy.stdout, "127.0.0.1:");
  t.ok(
    influxdb.state.queries.every((query) => query.startsWith("SHOW ")),
    "InfluxDB is only read",
  );
  t.strictSame(
    standin.requests.filter(({ method, target }) => method !== "GET" && !target.includes("/config/")),
    [],
    "Kapacitor is only read",
  );

  const text = await runIn(folder, (io) => run(io, []), "-config", "kapgate.toml");
  t.equal(text.code, 0);
  t.match(text.stdout, /\n {2}✓ 127\.0\.0\.1:\d+ answers over TLS\n/);
  t.match(text.stdout, /\n\nEverything is in order\.\n$/);

  // Whoever may create subscriptions in InfluxDB names them, and doctor prints the names.
  const listed = influxdb.state.subscriptions;
  influxdb.state.subscriptions = [
    ...listed,
    ["db\u001b[2J\u009b", "a\u202eb", "name\u001b]0;x\u0007", destination.replace("https:", "http:")],
  ];
  const hostile = await runIn(folder, (io) => run(io, []), "-config", "kapgate.toml");
  t.match(hostile.stdout, /\ufffd\[2J/, "they are shown");
  t.notMatch(hostile.stdout, /[^\P{C}\n]/u, "and steer no terminal");
  influxdb.state.subscriptions = listed;

  await set({ "kapacitor-hostname": "127.0.0.3" });
  const host = await doctor();
  t.strictSame([host.code, host.ids.includes("kapacitor_hostname")], [3, true], host.stdout);
  await set({ "kapacitor-hostname": "localhost" });

  influxdb.state.ahead = 3600;
  t.strictSame((await doctor()).ids, ["influxdb_clock"]);
  influxdb.state.ahead = 0;
  influxdb.state.status = 401;
  t.strictSame((await doctor()).ids, ["influxdb_unauthorized"]);
  influxdb.state.status = 403;
  t.strictSame((await doctor()).ids, ["influxdb_not_admin"]);
  influxdb.state.status = 500;
  t.strictSame((await doctor()).ids, ["influxdb_unreachable"]);
  influxdb.state.status = 200;
  influxdb.state.version = "v2.7.1";
  t.strictSame((await doctor()).ids, ["influxdb_other"]);
  influxdb.state.version = "1.8.10";

  const authority = await createAuthority();
  const other = await issue(authority, { hosts: ["localhost", "127.0.0.1"] });
  writePem(other.chain + other.privateKey);
  t.strictSame((await doctor()).ids, ["certificate_not_served"]);
  const soon = await issue(authority, {
    hosts: ["localhost", "127.0.0.1"],
    notAfter: new Date(Date.now() + 864e5 * 9.5),
  });
  writePem(soon.chain + soon.privateKey);
  const expiring = await doctor();
  t.strictSame(expiring.ids, ["certificate_not_served", "certificate_doubtful"]);
  t.match(expiring.stdout, /expires in 9 days/);
  writePem(soon.chain + other.privateKey);
  const mismatched = await doctor();
  t.ok(mismatched.ids.includes("certificate_unusable"), mismatched.stdout);
  t.match(mismatched.stdout, /private key does not belong to the certificate/);

  await gateway.close();
  const down = await doctor();
  t.ok(down.ids.includes("gateway_unreachable") && !down.ids.includes("kapacitor_hostname"), down.stdout);
});

t.test("the logins in subscriptions are tried, with empty writes", async (t) => {
  const { influxdb, id, destination, doctor, standin } = await startChain(t, {}, { allow: "[]" });
  const as = (login: string) => destination.replace("//", `//${login.replace(" ", "%20")}@`);
  influxdb.state.subscriptions = [
    ["telegraf", "autogen", `kapacitor-${id}`, as(admin)],
    ["app", "week", "by-hand", as(admin)],
    ["app", "day", "by-hand", as("admin:wrong-secret")],
  ];
  const logins = await doctor();
  t.strictSame(logins.ids, ["subscription_refused"], logins.stdout);
  const refused = logins.findings.find((finding) => finding.id === "subscription_refused");
  t.match(refused?.what, /: app\.day as admin: credentials_invalid$/);
  t.notMatch(logins.stdout, /wrong-secret|correct|hunter2/, "no password is shown");
  t.ok(
    standin.requests.some(({ target }) => target.startsWith("/kapacitor/v1/write?")),
    "the good ones were tried",
  );
  t.equal(standin.points.length, 0, "no point was written");
});

t.test("Kapacitor that asks for a login takes any: that is no protection", async (t) => {
  const { doctor } = await startChain(t, { authentication: "required" });
  const unknown = await doctor();
  t.strictSame(unknown.ids, ["kapacitor_unauthorized"], unknown.stdout);
  const known = await doctor({ instance: `username = "kapgate"\npassword = "hunter2"\n` });
  t.strictSame([known.code, known.ids], [0, []], known.stdout);
  for (const { findings } of [unknown, known]) {
    t.equal(findings.find(({ id }) => id === "kapacitor_any_login")?.severity, "note", "only this machine reaches it");
  }
});

t.test("what Kapacitor has stored against the policy is found with the command that removes it", async (t) => {
  const { standin, doctor } = await startChain(t);
  const script = "stream\n    |from()\n        .measurement('cpu')\n    |alert()\n        .exec('/bin/rm')\n";
  const task = { id: "cleanup", type: "stream", dbrps: [{ db: "telegraf", rp: "autogen" }], script, status: "enabled" };
  const stored = await request(`${standin.url}/kapacitor/v1/tasks`, { method: "POST", body: JSON.stringify(task) });
  t.equal(stored.statusCode, 200);
  const found = await doctor();
  t.strictSame(found.ids, ["policy_stored"], found.stdout);
  t.match(found.findings.at(-1)?.fix[0], `kapacitor -url ${standin.url} delete tasks cleanup`);
});

t.test("Kapacitor answers at another address of this machine", async (t) => {
  const { standin, doctor } = await startChain(t);
  const around = createServer((_, response) => response.writeHead(204, { "X-Kapacitor-Version": "1.8.3" }).end());
  await new Promise<void>((resolve) => around.listen(standin.port, "127.0.0.2", resolve));
  t.teardown(() => around.close());
  const exposed = await doctor({ addresses: ["127.0.0.2", "127.0.0.3"] });
  t.strictSame(exposed.ids, ["kapacitor_exposed"], exposed.stdout);
  t.match(
    exposed.findings.find(({ id }) => id === "kapacitor_exposed")?.what,
    `answers on http://127.0.0.2:${standin.port} as`,
  );
  t.equal(portOf(around.address()), standin.port);
});

t.test("Kapacitor is old, goes by another clock, and hides its configuration", async (t) => {
  let hidden = false;
  const intercept: StandinOptions["intercept"] = ({ target }, response) => {
    response.setHeader("Date", new Date(Date.now() - 60_000).toUTCString());
    if (!hidden || !target.includes("/config/")) return false;
    response.writeHead(403, { "Content-Type": "application/json" }).end("{}");
    return true;
  };
  const { doctor } = await startChain(t, { version: "1.5.7", intercept }, { hasPath: false });
  const shown = await doctor();
  t.strictSame(shown.ids.toSorted(), ["kapacitor_clock", "kapacitor_old"], shown.stdout);
  t.match(shown.stdout, /Kapacitor's clock is (?:59|60|61) s behind this machine's/);
  hidden = true;
  const note = (await doctor()).findings.find(({ id }) => id === "kapacitor_config_unread");
  t.match(note?.what, "[config-override] is not enabled in kapacitor.conf");
});

t.test("flags and configuration that are wrong end with 1, and nobody is asked", async (t) => {
  const folder = t.testdir({ "bad.toml": '[http]\nbind-adress = ":1"\n' });
  const doctor = (...argv: readonly string[]) => runIn(folder, (io) => run(io, []), ...argv);
  const flag = await doctor("-jsn");
  t.strictSame([flag.code, flag.stdout], [1, ""]);
  t.match(flag.stderr, /did you mean -json/);
  t.match((await doctor("all")).stderr, /unexpected argument "all"/);
  const bad = await doctor("-config", "bad.toml");
  t.strictSame([bad.code, bad.stdout], [1, ""]);
  t.match(bad.stderr, /bad\.toml:2: http\.bind-adress.*\n.*kapgate doctor: the configuration has to be right first/s);
});

t.test("an instance that there is not", async (t) => {
  const { folder, doctor } = await startChain(t);
  await doctor();
  const outcome = await runIn(folder, (io) => run(io, []), "-config", "kapgate.toml", "-instance", "defalt");
  t.equal(outcome.code, 1);
  t.match(outcome.stderr, /there is no instance "defalt", did you mean default/);
});

t.test("what listens is known by its certificate, also where it insists on one of the client", async (t) => {
  const { pem } = await testCertificate();
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const server = createHttpsServer({ key: pem, cert: pem, ca: pem, requestCert: true, maxVersion });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.teardown(() => server.close());
    t.match(await dial("127.0.0.1", portOf(server.address())), { kind: "tls", subject: "CN=localhost" }, maxVersion);
  }
  const silent = createTcpServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.teardown(() => silent.close());
  t.match(await dial("127.0.0.1", portOf(silent.address()), "x", 200), { kind: "failure", code: "ETIMEDOUT" });
});
