import {
  type DeliveryCount,
  detailsOf,
  type Facts,
  type InfluxdbDetails,
  type KapacitorFacts,
  type Subscription,
} from "./facts.ts";
import { type FindingId, finding, fine, type Result } from "./finding.ts";
import { certificateCommands, count, dropStatement, influxCommands, listed, relinkCommand } from "./hints.ts";
import { judgeAdmission } from "./judge-admission.ts";
import { authorityLines, covers, rejections } from "./judge-certificate.ts";
import { activeClusters, subscriptionName } from "./judge-settings.ts";
import { logOf } from "./services.ts";
import { judgeDestinations, type Verdict, type VerdictKind } from "./subscription-verdict.ts";

/** InfluxDB's subscriptions against this listener and against Kapacitor's settings: where they lead, which are missing or too many, how the writes went. */
export function judgeSubscriptions(facts: Facts): readonly Result[] {
  const details = detailsOf(facts.influxdb);
  if (details === undefined) return [];
  const verdicts = judgeDestinations(facts, details.subscriptions);
  const results = [
    ...judgeVerdicts(facts, verdicts),
    ...judgeAdmission(facts, verdicts, details),
    ...facts.kapacitors.flatMap((kapacitor) => judgeMissing(facts, kapacitor, details)),
    ...judgeTwice(facts, verdicts),
    ...judgeCounts(facts, verdicts, details),
  ];
  const right = verdicts.filter(({ kind }) => kind === "right");
  if (right.length === 0) return results;
  const places = [...new Set(right.map(({ destination }) => `${destination.text}/write`))];
  return [fine("subscriptions", `${count(right.length, "subscription")} to ${listed(places, 3)}`), ...results];
}

/** Which verdicts are findings, under which id, and whether Kapacitor makes the subscription anew when it is dropped. */
const findings: readonly (readonly [VerdictKind, FindingId])[] = [
  ["around", "subscription_around"],
  ["scheme", "subscription_scheme"],
  ["elsewhere", "subscription_elsewhere"],
  ["host", "subscription_host"],
  ["path", "subscription_path"],
  ["write_doubled", "subscription_write_doubled"],
  ["stale", "subscription_stale"],
];

/** One finding for all subscriptions with the same fault: a Kapacitor that changed its id a hundred times left a hundred of them. */
function judgeVerdicts(facts: Facts, verdicts: readonly Verdict[]): readonly Result[] {
  return findings.flatMap(([kind, id]): readonly Result[] => {
    const found = verdicts.filter((verdict) => verdict.kind === kind);
    const [first] = found;
    if (first === undefined) return [];
    const subscriptions = [...new Set(found.map(({ subscription }) => subscription))];
    const drops = influxCommands(facts, subscriptions.map(dropStatement));
    const shown = found.map(
      ({ subscription, destination, seen }) => `${nameOf(subscription)} to ${destination.text} (${seen})`,
    );
    const hosts = [...new Set(found.map(({ destination }) => destination.host))];
    const unresolved = kind === "elsewhere" && found.every(({ seen }) => seen === "the name does not resolve here");
    return [
      finding(id, {
        instance: first.kapacitor?.instance.name,
        ...(unresolved ? { severity: "warning" as const } : {}),
        what: `${count(subscriptions.length, "subscription")}: ${listed(shown, 4)}`,
        fix:
          kind === "host"
            ? certificateCommands(facts, hosts)
            : kind === "stale"
              ? drops
              : [...drops, ...again(facts, subscriptions, first.kapacitor)],
      }),
    ];
  });
}

/** Kapacitor makes its own subscriptions again; those that somebody made by hand have to be made by hand. */
function again(
  facts: Facts,
  subscriptions: readonly Subscription[],
  kapacitor: KapacitorFacts | undefined,
): readonly string[] {
  const own =
    kapacitor === undefined ? [] : activeClusters(kapacitor).map((cluster) => subscriptionName(kapacitor, cluster));
  if (subscriptions.some(({ name }) => own.includes(name)))
    return [`${relinkCommand(facts)}        # or wait a minute: Kapacitor makes them again`];
  return ["# it was not made by this Kapacitor: make it again with the right URL, if it is still wanted"];
}

/** Retention policies that Kapacitor should be subscribed to and is not (services/influxdb/service.go, shouldSubExist). */
function judgeMissing(facts: Facts, kapacitor: KapacitorFacts, details: InfluxdbDetails): readonly Result[] {
  const clusters = activeClusters(kapacitor);
  const [cluster] = clusters;
  // With several clusters it is not known which of them is this InfluxDB.
  if (cluster === undefined || clusters.length > 1 || cluster.subscriptionsOff) return [];
  const name = subscriptionName(kapacitor, cluster);
  if (name === undefined) return [];
  const missing = details.retentionPolicies.filter(
    ({ db, rp }) =>
      (cluster.only.size === 0 || cluster.only.get(db)?.includes(rp) === true) &&
      cluster.except.get(db)?.includes(rp) !== true &&
      !details.subscriptions.some((entry) => entry.db === db && entry.rp === rp && entry.name === name),
  );
  if (missing.length === 0) return [];
  return [
    finding("subscription_missing", {
      instance: kapacitor.instance.name,
      what: `no subscription ${name} on ${listed(missing.map(({ db, rp }) => `${db}.${rp}`))}`,
      fix: [
        relinkCommand(facts),
        logOf(facts, "kapacitor", "subscription"),
        `# kapacitor.conf, [[influxdb]] ${cluster.name}: urls has to name this InfluxDB, with an administrator's login; it has ${listed(cluster.urls)}`,
      ],
    }),
  ];
}

/** Two subscriptions of one retention policy that lead to the same instance. */
function judgeTwice(facts: Facts, verdicts: readonly Verdict[]): readonly Result[] {
  const groups = Map.groupBy(
    verdicts.filter(({ kind }) => kind === "right" || kind === "follows"),
    ({ subscription, kapacitor }) => JSON.stringify([subscription.db, subscription.rp, kapacitor?.instance.name]),
  );
  const own = new Set(
    facts.kapacitors.flatMap((kapacitor) =>
      activeClusters(kapacitor).map((cluster) => subscriptionName(kapacitor, cluster)),
    ),
  );
  const doubled = [...groups.values()]
    .map((group) => [...new Set(group.map(({ subscription }) => subscription))])
    .filter((group) => group.length > 1);
  if (doubled.length === 0) return [];
  const extra = doubled.flatMap((group) => {
    const others = group.filter(({ name }) => !own.has(name));
    return others.length === group.length ? others.slice(1) : others;
  });
  const what = doubled.map(
    (group) =>
      `${group[0]?.db}.${group[0]?.rp} by ${listed(
        group.map(({ name }) => name),
        3,
      )}`,
  );
  return [
    finding("subscription_twice", {
      instance: facts.kapacitors.length === 1 ? facts.kapacitors[0]?.instance.name : undefined,
      what: listed(what, 4),
      fix: influxCommands(facts, extra.map(dropStatement)),
    }),
  ];
}

/** How InfluxDB's writes to our subscriptions went, since influxd started. */
function judgeCounts(facts: Facts, verdicts: readonly Verdict[], details: InfluxdbDetails): readonly Result[] {
  const right = verdicts.filter(({ kind }) => kind === "right" || kind === "host" || kind === "follows");
  const counts = details.counts.filter((entry) =>
    right.some(
      ({ subscription, destination }) =>
        subscription.name === entry.name &&
        subscription.db === entry.db &&
        subscription.rp === entry.rp &&
        destination.raw === entry.destination.raw,
    ),
  );
  return [...judgeFailures(facts, counts, details.started), ...judgeVerification(facts, counts)];
}

function judgeFailures(facts: Facts, counts: readonly DeliveryCount[], started: string | undefined): readonly Result[] {
  const failed = counts.filter((entry) => entry.failed > 0);
  const written = counts.reduce((sum, entry) => sum + entry.written, 0);
  const since = started === undefined ? "influxd started" : started.replace(/\.\d+Z$/, "Z");
  if (failed.length === 0)
    return counts.length === 0
      ? []
      : [fine("subscriptions", `${count(written, "point")} accepted and no write failed since ${since}`)];
  const shown = failed.map(
    (entry) =>
      `${entry.db}.${entry.rp}: ${count(entry.failed, "write")} failed, ${count(entry.written, "point")} accepted`,
  );
  const mistrusted = rejections(facts) > 0;
  return [
    finding("subscription_failures", {
      severity: failed.some((entry) => entry.written === 0) ? "error" : "warning",
      what: `since ${since}: ${listed(shown, 4)}`,
      fix: [
        `${logOf(facts, "influxdb", "subscriber")} | tail        # the reason; a line that begins with kapgate is explained in docs/errors.md`,
        ...(mistrusted ? authorityLines(facts) : []),
      ],
    }),
  ];
}

/** Points that arrive under a name that the certificate does not have: InfluxDB does not look at it. */
function judgeVerification(facts: Facts, counts: readonly DeliveryCount[]): readonly Result[] {
  const names = facts.certificate?.names;
  if (names === undefined) return [];
  const hosts = [
    ...new Set(
      counts
        .filter(
          ({ destination, written }) =>
            written > 0 && destination.scheme === "https" && !covers(names, destination.host),
        )
        .map(({ destination }) => destination.host),
    ),
  ];
  if (hosts.length === 0) return [];
  return [
    finding("influxdb_unverified", {
      what: `writes to ${listed(hosts)} succeed, and the certificate has only ${listed(names)}`,
      fix: [
        ...certificateCommands(facts, hosts),
        ...authorityLines(facts).slice(0, 2),
        "# and in that section: insecure-skip-verify = false",
        ...authorityLines(facts).slice(2),
      ],
    }),
  ];
}

/** `telegraf.autogen kapacitor-1234` */
function nameOf({ db, rp, name }: Subscription): string {
  return `${db}.${rp} ${name}`;
}
