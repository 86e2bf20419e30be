import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { metricNames, metrics as table } from "../../src/observability/metric-names.ts";
import { createMetrics, type MetricFacts, type WriteTarget } from "../../src/observability/metrics.ts";
import { sampleOf } from "../support/exposition.ts";

const facts: MetricFacts = {
  versions: { version: "1.2.3", node: "26.0.0" },
  connections: () => 3,
  certificateExpiry: () => 1_800_000_000,
  instances: () => [
    { name: "one", up: true, held: 2, waitingBytes: 4096, auditFindings: 1 },
    { name: "two", up: false, held: 1, waitingBytes: 0, auditFindings: undefined },
  ],
  reload: () => ({ successful: false, lastSuccessAt: 1_700_000_000 }),
  eventLoopDelay: () => 0.25,
  dropped: () => ({ log: 0, audit: 4 }),
  descriptors: () => ({ open: 20, most: 1024 }),
};
const create = () => createMetrics(facts, ["tls_other"], ["connections"]);
const target = (db: string, rp = "autogen", instance = "one"): WriteTarget => ({ instance, db, rp, last: undefined });

t.test("the names and labels are those of the contract", async (t) => {
  const contract: Readonly<Record<string, readonly string[]>> = {
    kapgate_requests_total: ["instance", "lane", "class", "method", "code", "reason"],
    kapgate_request_seconds: ["lane"],
    kapgate_upstream_seconds: ["instance", "lane"],
    kapgate_upstream_up: ["instance"],
    kapgate_write_points_total: [],
    kapgate_write_bytes_total: [],
    kapgate_write_last_success_timestamp_seconds: ["instance", "db", "rp"],
    kapgate_write_held: [],
    kapgate_group_commit_writes: [],
    kapgate_connections: [],
    kapgate_tls_failures_total: ["cause"],
    kapgate_certificate_expiry_timestamp_seconds: [],
    kapgate_config_last_reload_successful: [],
    kapgate_audit_findings: ["instance"],
    kapgate_event_loop_delay_seconds: [],
  };
  const built: Readonly<Record<string, { readonly labels: readonly string[] }>> = table;
  for (const [name, labels] of Object.entries(contract)) t.strictSame(built[name]?.labels, labels, name);
});

t.test("docs/metrics.md has every metric with its type and labels, and no other", async (t) => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8");
  const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$/gm)];
  t.strictSame(
    rows.map(([, name, type, labels = ""]) => [name, type, [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label)]),
    metricNames.map((name) => [name, table[name].type, table[name].labels]),
  );
  for (const [, name, , , meaning = ""] of rows) t.ok(meaning.trim().length > 30, `${name} is explained`);
});

t.test("what is counted and what is asked for is exposed", async (t) => {
  const metrics = create();
  const writes = metrics.tally("one", "write", "write", "POST");
  writes.finish(204, "", 0.003, 0.002);
  writes.finish(204, "", 0.003, 0.002);
  writes.finish(401, "credentials_required", 0.0001, undefined);
  metrics.tally("one", "api", "logs", "GET").finish(200, "", undefined, 0.2);
  metrics.tally("", "", "unknown", "BREW").finish(404, "route_unknown", 40, undefined);
  metrics.written(target("telegraf"), 5, 300);
  metrics.groupSent(1);
  metrics.groupSent(40);
  metrics.handshakeFailed("tls_plain_http");
  metrics.connectionClosed("address");
  const text = await metrics.text();
  const at = (name: string, labels: Readonly<Record<string, string>> = {}) => sampleOf(text, name, labels);
  const request = { instance: "one", lane: "write", class: "write", method: "POST" };
  t.equal(at("kapgate_requests_total", { ...request, code: "204", reason: "" }), 2);
  t.equal(at("kapgate_requests_total", { ...request, code: "401", reason: "credentials_required" }), 1);
  t.equal(at("kapgate_requests_total", { method: "other", reason: "route_unknown" }), 1);
  t.equal(at("kapgate_request_seconds_count", { lane: "write" }), 3);
  t.equal(at("kapgate_request_seconds_bucket", { lane: "write", le: "0.0025" }), 1);
  t.equal(at("kapgate_request_seconds_bucket", { lane: "write", le: "0.005" }), 3);
  t.equal(at("kapgate_request_seconds_bucket", { lane: "", le: "30" }), 0);
  t.equal(at("kapgate_request_seconds_bucket", { lane: "", le: "+Inf" }), 1);
  t.equal(at("kapgate_request_seconds_count", { lane: "api" }), 0, "no streams");
  t.equal(at("kapgate_upstream_seconds_count", { instance: "one", lane: "write" }), 2);
  t.equal(at("kapgate_upstream_seconds_sum", { instance: "one", lane: "api" }), 0.2);
  t.equal(at("kapgate_upstream_up", { instance: "one" }), 1);
  t.equal(at("kapgate_upstream_up", { instance: "two" }), 0);
  t.equal(at("kapgate_write_points_total"), 5);
  t.equal(at("kapgate_write_bytes_total"), 300);
  const age = Date.now() / 1000 - (at("kapgate_write_last_success_timestamp_seconds", { db: "telegraf" }) ?? 0);
  t.ok(age >= 0 && age < 60, "seconds since 1970");
  t.equal(at("kapgate_write_held"), 3, "of all instances");
  t.equal(at("kapgate_write_waiting_bytes", { instance: "one" }), 4096);
  t.equal(at("kapgate_group_commit_writes_sum"), 41);
  t.equal(at("kapgate_group_commit_writes_bucket", { le: "32" }), 1);
  t.equal(at("kapgate_connections"), 3);
  t.equal(at("kapgate_connections_closed_total", { limit: "connections" }), 0, "from the start");
  t.equal(at("kapgate_connections_closed_total", { limit: "address" }), 1);
  t.equal(at("kapgate_tls_failures_total", { cause: "tls_other" }), 0, "from the start");
  t.equal(at("kapgate_tls_failures_total", { cause: "tls_plain_http" }), 1);
  t.equal(at("kapgate_certificate_expiry_timestamp_seconds"), 1_800_000_000);
  t.equal(at("kapgate_config_last_reload_successful"), 0);
  t.equal(at("kapgate_config_last_reload_success_timestamp_seconds"), 1_700_000_000);
  t.equal(at("kapgate_audit_findings", { instance: "one" }), 1);
  t.equal(at("kapgate_audit_findings", { instance: "two" }), undefined, "nobody knows");
  t.equal(at("kapgate_event_loop_delay_seconds"), 0.25);
  t.equal(at("kapgate_log_dropped_records_total", { log: "audit" }), 4);
  t.equal(at("kapgate_build_info", { version: "1.2.3", node: "26.0.0" }), 1);
  t.equal(at("process_open_fds"), 20);
  t.ok((at("process_resident_memory_bytes") ?? 0) > (at("process_heap_bytes") ?? Number.POSITIVE_INFINITY));
  for (const name of metricNames) t.match(text, `# TYPE ${name} ${table[name].type}\n`, name);
});

t.test("labels that clients choose are bounded and escaped", async (t) => {
  const metrics = create();
  for (let at = 0; at < 500; at += 1) metrics.written(target(`db${at}`), 1, 1);
  const odd = 'quote " backslash \\ line\nfeed';
  const early = create();
  early.written(target(odd), 1, 1);
  early.written(target("x".repeat(5000)), 1, 1);
  early.written(target("cpu", "y".repeat(5000)), 1, 1);
  t.match(await early.text(), 'db="quote \\" backslash \\\\ line\\nfeed"');
  t.notMatch(await early.text(), /[xy]{200}/, "long names have no series of their own");
  const name = "kapgate_write_last_success_timestamp_seconds";
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith(name));
  t.equal(lines.length, 201);
  t.equal(lines.filter((line) => line.includes('db="other",rp="other"')).length, 1);
  const gone = create();
  gone.written(target("cpu", "autogen", "taken away"), 1, 1);
  t.equal(sampleOf(await gone.text(), name, {}), undefined, "an instance that is not there any more");
  for (let at = 0; at < 5000; at += 1)
    metrics.tally("one", "api", "ping", "GET").finish(200, `reason ${at}`, undefined, undefined);
  const series = (await metrics.text()).split("\n").filter((line) => line.startsWith("kapgate_requests_total"));
  t.equal(series.length, 2001);
  t.equal(sampleOf(await metrics.text(), "kapgate_requests_total", { reason: "other", class: "other" }), 3000);
});

t.test("a writer's place is found once, and counting allocates no labels", async (t) => {
  const metrics = create();
  const tally = metrics.tally("one", "write", "write", "POST");
  t.equal(metrics.tally("one", "write", "write", "POST"), tally);
  const one = target("cpu");
  metrics.written(one, 1, 1);
  const { last } = one;
  metrics.written(one, 1, 1);
  t.equal(one.last, last);
  const another = target("cpu");
  metrics.written(another, 1, 1);
  t.equal(another.last, last, "of the same database");
});

const promtool = spawnSync("promtool", ["--version"]).error === undefined;
const skip = promtool ? false : "promtool is not on PATH; Debian has it in the package prometheus";

t.test("promtool finds nothing wrong with the exposition", { skip }, async (t) => {
  const metrics = create();
  metrics.tally("one", "write", "write", "POST").finish(204, "", 0.003, 0.002);
  metrics.written(target("telegraf"), 5, 300);
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: await metrics.text(),
    encoding: "utf8",
  });
  t.strictSame([status, stdout, stderr], [0, "", ""]);
});
