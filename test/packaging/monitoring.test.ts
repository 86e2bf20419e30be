import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parse } from "yaml";
import { type Reason, reasons } from "../../src/errors.ts";
import { type MetricName, metrics } from "../../src/observability/metric-names.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Labels that Prometheus adds to every series; `exported_instance` is ours, renamed because it has one of that name. */
const added = new Set(["job", "instance", "exported_instance"]);

/** What is wrong with the metrics and labels that a PromQL expression names. */
function wrongIn(expression: string): readonly string[] {
  const wrong: string[] = [];
  const bare = expression.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const allowed = new Set(added);
  for (const [, written = "", selector = ""] of bare.matchAll(/\b((?:kapgate|process)_\w+)(?:\{([^}]*)\})?/g)) {
    const name =
      Object.keys(metrics).find((metric) => metric === written) ?? written.replace(/_(?:bucket|sum|count)$/, "");
    if (!isMetric(name)) {
      wrong.push(`there is no metric ${written}`);
      continue;
    }
    const { type, labels } = metrics[name];
    if ((name === written) === (type === "histogram")) wrong.push(`${written} is not how a ${type} is read`);
    const own: readonly string[] = [...labels, ...(written.endsWith("_bucket") ? ["le"] : [])];
    for (const label of own) allowed.add(label);
    for (const [, label = ""] of selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) {
      if (!own.includes(label) && !added.has(label)) wrong.push(`${name} has no label ${label}`);
    }
  }
  for (const [, group = ""] of bare.matchAll(/\b(?:by|without) \(([^)]*)\)/g)) {
    for (const label of group.split(/,\s*/)) if (!allowed.has(label)) wrong.push(`nothing in it has a label ${label}`);
  }
  for (const [, text = ""] of expression.matchAll(/reason=~?"([^"]+)"/g)) {
    for (const reason of text.split("|")) if (!isReason(reason)) wrong.push(`there is no reason ${reason}`);
  }
  return wrong;
}

function isMetric(name: string): name is MetricName {
  return Object.hasOwn(metrics, name);
}

function isReason(text: string): text is Reason {
  return reasons.some((reason) => reason === text);
}

t.test("the check of expressions finds what is wrong", async (t) => {
  t.strictSame(wrongIn('rate(kapgate_nothing_total{x="y"}[5m])'), ["there is no metric kapgate_nothing_total"]);
  t.strictSame(wrongIn('kapgate_connections{lane="write"}'), ["kapgate_connections has no label lane"]);
  t.strictSame(wrongIn("kapgate_request_seconds"), ["kapgate_request_seconds is not how a histogram is read"]);
  t.strictSame(wrongIn("sum by (colour) (kapgate_connections)"), ["nothing in it has a label colour"]);
  t.strictSame(wrongIn('kapgate_requests_total{reason="tired"}'), ["there is no reason tired"]);
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

t.test("every alert is about metrics that there are, and says what to do", async (t) => {
  const { groups }: { groups: readonly { readonly rules: readonly Rule[] }[] } = parse(
    read("deploy/prometheus/alerts.yml"),
  );
  const rules = groups.flatMap((group) => group.rules);
  t.ok(rules.length >= 15);
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length, "each name once");
  for (const { alert, expr, labels, annotations } of rules) {
    t.strictSame(wrongIn(expr), [], `${alert}: ${expr}`);
    t.match(labels.severity, /^(?:warning|critical)$/, alert);
    t.match(annotations.summary, /\{\{ \$(?:labels|value)/, `${alert}: where`);
    t.match(annotations.description, /.{20}\.$/, `${alert}: what to do`);
  }
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

t.test("every panel of the dashboard is about metrics that there are, and none lies on another", async (t) => {
  const dashboard: { panels: readonly Panel[]; templating: { list: readonly { readonly name: string }[] } } =
    JSON.parse(read("deploy/grafana/kapgate.json"));
  const { panels, templating } = dashboard;
  const variables = new Set(templating.list.map(({ name }) => name));
  const shown = new Set<string>();
  const cells = new Set<string>();
  for (const { type, title, gridPos, targets = [] } of panels) {
    t.ok(type === "row" || targets.length > 0, `${title}: asks something`);
    for (const { expr } of targets) {
      t.strictSame(wrongIn(expr), [], `${title}: ${expr}`);
      for (const [, name = ""] of expr.matchAll(/\$([a-z]\w*)/g)) t.ok(variables.has(name), `${title}: $${name}`);
      for (const [name] of expr.matchAll(/\b(?:kapgate|process)_\w+/g))
        shown.add(name.replace(/_(?:bucket|sum|count)$/, ""));
    }
    t.ok(gridPos.x + gridPos.w <= 24, `${title}: fits`);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        t.notOk(cells.has(`${x} ${y}`), `${title}: alone in its place`);
        cells.add(`${x} ${y}`);
      }
    }
  }
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const told = new Set([
    "kapgate_build_info",
    "process_start_time_seconds",
    "kapgate_log_dropped_records_total",
    "kapgate_config_last_reload_success_timestamp_seconds",
  ]);
  t.strictSame(
    Object.keys(metrics).filter((name) => !shown.has(name) && !told.has(name)),
    [],
    "every metric has a place",
  );
});

const promtool = which("promtool");

t.test(
  "Prometheus takes the alerts, and they fire when they should",
  { skip: promtool ? false : "no promtool" },
  async (t) => {
    const run = (...args: readonly string[]) =>
      execFileSync("promtool", [...args], { cwd: join(root, "test/packaging"), encoding: "utf8", stdio: "pipe" });
    t.match(run("check", "rules", "../../deploy/prometheus/alerts.yml"), /SUCCESS: \d+ rules found/);
    t.match(run("test", "rules", "alerts.test.yml"), "SUCCESS");
  },
);

function which(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
