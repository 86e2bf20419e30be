import t from "tap";
import { diagnose } from "../../src/doctor/doctor.ts";
import { type FindingId, findingIds, isFinding } from "../../src/doctor/finding.ts";
import { renderReport, summary } from "../../src/doctor/report.ts";
import { findSurroundings, type Surroundings } from "../../src/doctor/services.ts";
import { gatewayCases } from "./doctor-cases-gateway.ts";
import { influxdbCases } from "./doctor-cases-influxdb.ts";
import { subscriptionCases } from "./doctor-cases-subscriptions.ts";
import { cluster, delivery, dials, factsOf, influx, path, refused, right } from "./doctor-facts.ts";
import { doctorPage } from "./doctor-page.ts";

const cases = [...gatewayCases, ...influxdbCases, ...subscriptionCases];
const seen = new Set<FindingId>();

for (const { name, facts, expect } of cases) {
  t.test(name, async (t) => {
    const found = diagnose(facts).filter(isFinding);
    for (const { id } of found) seen.add(id);
    t.strictSame(
      found.map(({ id }) => id).sort(),
      expect.map(([id]) => id).sort(),
      JSON.stringify(found, undefined, 1),
    );
    for (const [id, what, fix, severity] of expect) {
      const match = found.filter((entry) => entry.id === id).find((entry) => what.test(entry.what));
      t.ok(match, `${id}: ${what}`);
      t.match(match?.fix.join("\n"), fix, `${id}: its fix`);
      if (severity !== undefined) t.equal(match?.severity, severity);
    }
    t.notMatch(JSON.stringify(found) + renderReport(diagnose(facts)), /hunter2|dG9rZW4/, "no secret is shown");
  });
}

t.test("every finding has a case", async (t) => {
  t.strictSame(
    findingIds.filter((id) => !seen.has(id)),
    [],
  );
});

t.test("the report says what is in order, wraps, and has the lines of one place of one file once", async (t) => {
  t.equal(summary(diagnose(factsOf())), "Everything is in order.");
  const facts = factsOf({
    kapacitor: { clusters: [{ ...cluster, protocol: "http", port: 0, path: "" }] },
    dials: dials({ "kapgate.test:9092": { kind: "plain" } }),
    influxdb: influx({ subscriptions: [], retentionPolicies: [], counts: [] }),
  });
  const report = renderReport(diagnose(facts));
  t.match(
    report,
    `      fix  # kapacitor.conf, the [[influxdb]] with name = "default":
           subscription-protocol = "https"
           http-port = 9443
           subscription-path = "${path}"
           systemctl restart kapacitor
`,
  );
  t.match(report, "\n3 errors. Begin with kapacitor_subscription_protocol.\n");
  t.equal(report.match(/restart kapacitor/g)?.length, 1);
  for (const line of report.split("\n")) t.ok(line.length <= 118 || /^ +(?:fix|influx|curl)/.test(line), line);
});

t.test("the commands are those of the place where doctor runs", async (t) => {
  const fixes = (surroundings: Surroundings) =>
    diagnose(
      factsOf({
        surroundings,
        gateway: { ...factsOf().gateway, dial: refused },
        influxdb: influx({ counts: delivery(right, 1, 1) }),
      }),
    )
      .filter(isFinding)
      .flatMap(({ fix }) => fix)
      .join("\n");
  t.match(
    fixes("systemd"),
    /systemctl start kapgate\njournalctl -u kapgate -n 50\n[\s\S]*journalctl -u influxdb \| grep subscriber/,
  );
  t.match(
    fixes("compose"),
    /docker compose up -d kapgate\ndocker compose logs --tail 50 kapgate\n[\s\S]*docker compose logs influxdb \| grep/,
  );
  t.match(
    fixes("kubernetes"),
    /kubectl rollout restart deployment\/kapacitor\nkubectl logs deployment\/kapacitor -c kapgate --tail 50/,
  );
  t.notMatch(fixes("compose") + fixes("kubernetes"), /systemctl|journalctl/);
  t.equal(findSurroundings({ KUBERNETES_SERVICE_HOST: "10.0.0.1" }), "kubernetes");
});

t.test("docs/doctor.md has every finding: node test/commands/doctor-page.ts writes them", async (t) => {
  const { committed, expected } = doctorPage();
  t.equal(committed, expected);
});
