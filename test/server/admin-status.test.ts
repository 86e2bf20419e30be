import { createHash } from "node:crypto";
import { connect } from "node:net";
import t from "tap";
import { request } from "undici";
import type { StatusReport } from "../../src/server/status-report.ts";
import { startStandin } from "../../src/standin/server.ts";
import { samplesOf } from "../support/exposition.ts";
import { admin, adminUser, basic, startTestGateway, type TestGateway } from "../support/gateway.ts";

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const secretPath = "/path/behind/reverse-proxy-4711";

async function get(gateway: TestGateway, path: string, headers: Readonly<Record<string, string>> = {}) {
  const url = `http://127.0.0.1:${gateway.gateway.adminAddress?.port}${path}`;
  const answer = await request(url, { headers: { ...headers }, reset: true });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
}

async function statusOf(gateway: TestGateway): Promise<StatusReport> {
  return JSON.parse((await get(gateway, "/-/status")).body);
}

/** Sends these bytes and waits for the end of the connection. */
function sendRaw(port: number, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.from(bytes, "latin1")));
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", () => resolve());
  });
}

t.test("the numbers of the status are those of the metrics", async (t) => {
  const standin = await startStandin({});
  const gateway = await startTestGateway(
    `${adminUser}[alerts]\ndisable-handlers = ["exec"]\n[[kapacitor]]\nname = "one"\nurl = "${standin.url}"\n[[kapacitor]]\nname = "two"\nurl = "${standin.url}"\nhosts = ["two.test"]\n`,
    { version: "1.2.3" },
  );
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
  });
  const write = (path: string, body: string, headers: Record<string, string> = {}) =>
    gateway.request("POST", path, { login: admin, body, headers });
  t.equal((await write("/write?db=telegraf&rp=autogen", "cpu v=1\ncpu v=2\n# no point\n")).status, 204);
  t.equal((await write("/write?db=telegraf&rp=autogen", `cpu v="${"x".repeat(100_000)}"\nmem v=1`)).status, 204);
  t.equal((await write("/write?db=iot", "cpu v=1", { host: "two.test" })).status, 204);
  t.equal((await write("/write?db=telegraf", "no line protocol")).status, 400);
  await gateway.request("POST", "/write?db=telegraf", { body: "cpu v=1" });
  await gateway.request("GET", "/kapacitor/v1/tasks", { login: admin });
  for (let at = 0; at < 3; at += 1) await gateway.request("GET", "/nowhere", { login: admin });
  await sendRaw(gateway.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await gateway.record(({ reason }) => reason === "credentials_required");
  // Counting comes with the end of a response, which its client may see before.
  const text = async (): Promise<string> => (await get(gateway, "/metrics")).body;
  let exposition = await text();
  for (let tries = 0; tries < 100 && samplesOf(exposition, "kapgate_requests_total").length < 6; tries += 1)
    exposition = await text();
  const report = await statusOf(gateway);

  const sum = (name: string, matches: (labels: Readonly<Record<string, string>>) => boolean = () => true): number =>
    samplesOf(exposition, name)
      .filter(({ labels }) => matches(labels))
      .reduce((total, { value }) => total + value, 0);
  const { totals } = report;
  t.equal(totals.requests, sum("kapgate_requests_total"));
  t.equal(totals.requests, 9);
  t.equal(
    totals.refusals,
    sum("kapgate_requests_total", ({ reason }) => reason !== ""),
  );
  t.equal(totals.refusals, 4);
  t.equal(
    totals.writes,
    sum("kapgate_requests_total", ({ lane, code }) => lane === "write" && code === "204"),
  );
  t.equal(totals.points, sum("kapgate_write_points_total"));
  t.equal(totals.points, 5);
  t.equal(totals.bytes, sum("kapgate_write_bytes_total"));
  t.ok(totals.bytes > 100_000);
  t.equal(totals.held, sum("kapgate_write_held"));
  t.strictSame(totals.groups, {
    requests: sum("kapgate_group_commit_writes_count"),
    writes: sum("kapgate_group_commit_writes_sum"),
  });
  for (const instance of report.instances) {
    const own = (labels: Readonly<Record<string, string>>): boolean => labels.instance === instance.name;
    const lane = (name: string) => (labels: Readonly<Record<string, string>>) => own(labels) && labels.lane === name;
    t.equal(instance.writes, sum("kapgate_requests_total", lane("write")), instance.name);
    t.equal(instance.api, sum("kapgate_requests_total", lane("api")), instance.name);
    t.equal(Number(instance.up), sum("kapgate_upstream_up", own));
    t.equal(instance.waiting_bytes, sum("kapgate_write_waiting_bytes", own));
    const mean = sum("kapgate_upstream_seconds_sum", own) / sum("kapgate_upstream_seconds_count", own);
    t.ok(Math.abs((instance.upstream_seconds ?? 0) - mean) < 1e-9, "the mean");
    t.strictSame(
      instance.last_writes.map(({ db, rp, at }) => [db, rp, Date.parse(at)]),
      samplesOf(exposition, "kapgate_write_last_success_timestamp_seconds")
        .filter(({ labels }) => own(labels))
        .map(({ labels, value }) => [labels.db, labels.rp, Math.floor(value * 1000)]),
    );
    t.equal(instance.kapacitor !== null, true, "it told its version");
    t.equal(instance.audit?.findings ?? 0, sum("kapgate_audit_findings", own));
  }
  for (const { name, count } of report.refusals_by_reason)
    t.equal(
      count,
      sum("kapgate_requests_total", ({ reason }) => reason === name),
      name,
    );
  t.strictSame(report.refusals_by_reason[0], { name: "route_unknown", count: 3 });
  for (const { name, count } of report.handshake_failures)
    t.equal(
      count,
      sum("kapgate_tls_failures_total", ({ cause }) => cause === name),
      name,
    );
  t.strictSame(report.handshake_failures, [{ name: "tls_plain_http", count: 1 }]);
  const expiry = sum("kapgate_certificate_expiry_timestamp_seconds") * 1000;
  t.equal(Date.parse(report.certificate?.expires_at ?? ""), expiry);
  t.equal(Number(report.reload.successful), sum("kapgate_config_last_reload_successful"));
  t.equal(report.version, "1.2.3");
  const [clients] = report.listeners;
  t.match(clients, { name: "clients", https: true, address: `127.0.0.1:${gateway.port}`, max_connections: 4096 });
  t.equal(report.last_refusals.length, 4);
  t.match(report.last_refusals[0], { reason: "route_unknown", path: "/nowhere", principal: "admin", status: 404 });

  const page = (await get(gateway, "/-/status", { accept: browser })).body;
  for (const [id, value] of [
    ["writes", totals.writes],
    ["points", totals.points],
    ["bytes", totals.bytes],
    ["refusals", totals.refusals],
    ["reason-route_unknown", 3],
  ] as const)
    t.match(page, `<data id="${id}" value="${value}">`, `${id} on the page`);
});

t.test("a browser gets a page, everybody else JSON", async (t) => {
  const gateway = await startTestGateway(adminUser);
  t.teardown(() => gateway.close());
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, "html" | "json"])[] = [
    ["/-/status", {}, "json"],
    ["/-/status", { accept: "*/*" }, "json"],
    ["/-/status", { accept: "application/json" }, "json"],
    ["/-/status", { accept: "text/html;q=0, */*" }, "json"],
    ["/-/status", { accept: browser }, "html"],
    ["/-/status", { accept: "TEXT/HTML;q=0.9" }, "html"],
    ["/-/status?format=json", { accept: browser }, "json"],
    ["/-/status?format=html", {}, "html"],
  ];
  for (const [path, headers, kind] of cases) {
    const answer = await get(gateway, path, headers);
    t.match(answer.headers["content-type"], kind === "html" ? "text/html; charset=utf-8" : "application/json", path);
    t.equal(answer.headers.vary, "Accept");
    t.equal(answer.headers["cache-control"], "no-store");
    t.equal(answer.headers["x-content-type-options"], "nosniff");
  }
});

t.test("the page loads nothing, runs nothing and sends nothing", async (t) => {
  const gateway = await startTestGateway(adminUser);
  t.teardown(() => gateway.close());
  const { headers, body } = await get(gateway, "/-/status", { accept: browser });
  const [, style = ""] = /<style>([\s\S]*?)<\/style>/.exec(body) ?? [];
  const hash = createHash("sha256").update(style).digest("base64");
  t.equal(
    headers["content-security-policy"],
    `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  t.equal(headers["referrer-policy"], "no-referrer");
  t.equal(headers["cross-origin-resource-policy"], "same-origin");
  t.equal(body.match(/<style/g)?.length, 1);
  for (const forbidden of [
    /<script/i,
    /\son\w+=/i,
    /\sstyle=/i,
    /javascript:/i,
    /\ssrc=/i,
    /@import|url\(/i,
    /<form|<iframe|<object|<base/i,
  ])
    t.notMatch(body, forbidden);
  for (const [, target = ""] of body.matchAll(/href="([^"]*)"/g))
    t.match(target, /^(?:\/-\/status\?format=json|\/metrics|data:image\/svg)/);
});

t.test("what attackers choose stays text, and secrets stay out", async (t) => {
  const standin = await startStandin({});
  const gateway = await startTestGateway(
    `${adminUser}[[user]]\nname = "<img src=x onerror=alert(1)>"\nrole = "viewer"\npassword-hash = "$2b$04$ORTTCCVxc3Xvr.AOESzlreDjEww8XFvHkGdvq0XYlpWdJiiVt7NMa"\n[[kapacitor]]\nurl = "${standin.url}"\nsubscription-path = "${secretPath}"\npassword = "upstream secret"\nusername = "gate"\n`,
    { http: "https-enabled = false" },
  );
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
  });
  const attacker = basic("<img src=x onerror=alert(1)>:correct horse");
  const send = (method: string, target: string, authorization = attacker, more = ""): Promise<void> =>
    sendRaw(
      gateway.port,
      `${method} ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nConnection: close\r\n${more}\r\n`,
    );
  await send("DELETE", "/kapacitor/v1/tasks/<script>alert(1)</script>");
  await send("DELETE", '/kapacitor/v1/tasks/"><svg/onload=alert(1)>');
  await send("DELETE", "/kapacitor/v1/tasks/%3Cscript%3Ealert(2)%3C%2Fscript%3E");
  await send("DELETE", "/kapacitor/v1/tasks/%E2%80%AEgnp.exe%00%0d%0a");
  await send("DELETE", `/kapacitor/v1/tasks/${"a".repeat(20_000)}`);
  await send(
    "POST",
    `${secretPath}/write?db=cpu&u=eve&p=the-password-of-eve`,
    basic("eve:another password"),
    "Content-Length: 0\r\n",
  );
  await send("GET", "/kapacitor/v1/ping", "Bearer some-token");
  await send("POST", "/write?db=<script>alert(3)</script>\"'", basic(admin), "Content-Length: 7\r\n\r\ncpu v=1");
  await gateway.request("GET", "/", {}).catch(() => {});
  const page = (await get(gateway, "/-/status", { accept: browser })).body;
  const { body: json } = await get(gateway, "/-/status");
  const report: StatusReport = JSON.parse(json);
  t.ok(report.last_refusals.length >= 7, "they are there");
  t.ok(report.last_refusals.some(({ principal }) => principal?.includes("onerror")));
  t.match(page, "&lt;img src=x onerror=alert(1)&gt;", "as text");
  t.match(page, "&lt;script&gt;alert(1)&lt;/script&gt;");
  for (const tag of page.matchAll(/<\/?([a-z0-9]+)/gi))
    t.ok(known.has(tag[1] ?? ""), `<${tag[1]}> is a tag of the page`);
  t.notMatch(page.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u, "nothing that cannot be seen");
  for (const { path } of report.last_refusals) t.ok(path.length <= 201, "paths are cut");
  const login = basic("eve:another password").slice("Basic ".length);
  for (const secret of [
    secretPath,
    "the-password-of-eve",
    "another password",
    "upstream secret",
    "some-token",
    "correct horse",
    login,
    "$2b$",
  ]) {
    t.notMatch(page, secret, secret);
    t.notMatch(json, secret, secret);
  }
});

const known = new Set(
  "html head meta title link style body header div span time h1 ul li main section article h2 h3 h4 p data svg path rect figure figcaption b small code bdi table thead tbody tr th td dl dt dd footer a".split(
    " ",
  ),
);

t.test("the last hundred refusals are kept", async (t) => {
  const gateway = await startTestGateway(adminUser);
  t.teardown(() => gateway.close());
  for (let at = 0; at < 130; at += 1) await gateway.request("GET", `/nowhere/${at}`, { login: admin });
  await gateway.record(({ path }) => path === "/nowhere/129");
  const { last_refusals: refusals, totals } = await statusOf(gateway);
  t.equal(totals.refusals, 130);
  t.strictSame(
    refusals.map(({ path }) => path),
    Array.from({ length: 100 }, (_, index) => `/nowhere/${129 - index}`),
  );
});

t.test("a name that another site could have given to loopback gets no status", async (t) => {
  const gateway = await startTestGateway(adminUser);
  t.teardown(() => gateway.close());
  const port = gateway.gateway.adminAddress?.port;
  for (const host of [`localhost:${port}`, "kapgate.localhost", "127.0.0.1", "[::1]:9444", "192.0.2.1"])
    t.equal((await get(gateway, "/-/status", { host })).status, 200, host);
  for (const host of ["evil.test", `evil.test:${port}`, "localhost.evil.test", "127.0.0.1.evil.test", "a b"]) {
    const { status, body } = await get(gateway, "/-/status", { host });
    t.equal(status, 403, host);
    t.notMatch(body, "evil", "the name is not repeated");
  }
  t.equal((await get(gateway, "/metrics", { host: "evil.test" })).status, 200, "tools may use any name");
});

t.test("the status can be switched off, by a reload too", async (t) => {
  const gateway = await startTestGateway(adminUser);
  t.teardown(() => gateway.close());
  t.equal((await get(gateway, "/-/status")).status, 200);
  await gateway.reload(adminUser, { admin: "status-enabled = false" });
  const { status, body } = await get(gateway, "/-/status");
  t.equal(status, 404);
  t.match(body, "status-enabled");
  t.equal((await get(gateway, "/metrics")).status, 200);
});
