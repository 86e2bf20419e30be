import { parse } from "smol-toml";
import type { AuditReport } from "../../src/audit/report.ts";
import { type Config, schema } from "../../src/config/schema.ts";
import type { Dial } from "../../src/doctor/ask.ts";
import { readCounters } from "../../src/doctor/counters.ts";
import { readDestination } from "../../src/doctor/destination.ts";
import type {
  Cluster,
  DeliveryCount,
  Facts,
  InfluxdbDetails,
  InfluxdbFacts,
  KapacitorFacts,
  Subscription,
} from "../../src/doctor/facts.ts";
import type { FindingId, Severity } from "../../src/doctor/finding.ts";

export interface Case {
  readonly name: string;
  readonly facts: Facts;
  /** Every finding that there is to be, with what its text and its fix have to hold. */
  readonly expect: readonly (readonly [FindingId, what: RegExp, fix: RegExp, severity?: Severity])[];
}

export const path = "/path/behind/reverse-proxy";
export const own = "kapacitor-11111111-1111-4111-8111-111111111111";
export const good = `https://kapgate.test:9443${path}`;

/** A dial that reaches the gateway, by its certificate. */
export const here = {
  kind: "tls",
  fingerprint: "AA:BB",
  subject: "CN=kapgate.test",
  names: ["kapgate.test"],
  trusted: true,
} as const satisfies Dial;
/** The same, under a CA that the system does not know. */
export const untrusted: Dial = { ...here, trusted: false };
export const elsewhere: Dial = { ...here, fingerprint: "CC:DD", subject: "CN=other" };
export const refused: Dial = { kind: "failure", code: "ECONNREFUSED", cause: "connection refused" };
export const unresolved: Dial = { kind: "failure", code: "ENOTFOUND", cause: "the name does not resolve" };

export const cluster: Cluster = {
  name: "default",
  enabled: true,
  urls: ["http://influxdb.test:8086"],
  subscriptionsOff: false,
  protocol: "https",
  hostname: "kapgate.test",
  port: 9443,
  path,
  mode: "cluster",
  only: new Map(),
  except: new Map([["_kapacitor", ["autogen"]]]),
};

const usual = `
[[kapacitor]]
  subscription-path = "${path}"
  subscription-allow-cidrs = ["192.0.2.10/32"]
[influxdb]
  url = "http://influxdb.test:8086"
[alerts]
  disable-handlers = ["exec"]
`;

/** A configuration from text alone; nothing that it names is there. */
export function configOf(toml = usual): Config {
  return schema.parse(parse(toml));
}

export function subscription(name: string, destination: string, at = "telegraf.autogen"): Subscription {
  const [db = "", rp = ""] = at.split(".");
  return { db, rp, name, mode: "ANY", destinations: [readDestination(destination)] };
}

export function delivery(
  { db, rp, name, destinations }: Subscription,
  written: number,
  failed: number,
): readonly DeliveryCount[] {
  return destinations.map((destination) => ({ db, rp, name, destination, written, failed }));
}

export const right = subscription(own, good);

export const details: InfluxdbDetails = {
  kind: "ok",
  subscriptions: [right],
  retentionPolicies: [
    { db: "telegraf", rp: "autogen" },
    { db: "_kapacitor", rp: "autogen" },
  ],
  counts: delivery(right, 12, 0),
  subscriber: { enabled: true, httpTimeoutMs: 30_000 },
  started: "2026-01-01T00:00:00.5Z",
  logins: new Map(),
};

export const influxdb: InfluxdbFacts = {
  url: "http://influxdb.test:8086",
  state: { kind: "up", version: "1.8.10", skewMs: 0 },
  details,
  addresses: ["192.0.2.10"],
};

/** What InfluxDB says, where a case differs. */
export function influx(change: Partial<InfluxdbDetails>): InfluxdbFacts {
  return { ...influxdb, details: { ...details, ...change } };
}

export function kapacitorOf(config: Config, change: Partial<KapacitorFacts> = {}): KapacitorFacts {
  const [instance] = config.kapacitor;
  if (instance === undefined) throw new Error("no instance");
  return {
    instance,
    state: { kind: "up", version: "1.8.3", skewMs: 0 },
    takesAnyLogin: false,
    exposedAt: [],
    ids: {
      cluster: own.slice("kapacitor-".length),
      server: "22222222-2222-4222-8222-222222222222",
      host: "kapacitor.test",
    },
    clusters: [cluster],
    audit: undefined,
    ...change,
  };
}

/** What an audit told, with nothing found. */
export const audit: AuditReport = {
  instance: "default",
  url: "http://127.0.0.1:9092",
  time: "2026-01-02T00:00:00Z",
  durationMs: 1,
  hasPolicy: true,
  audited: { task: 1, template: 0, handler: 0, config: 0, "flux-task": 0 },
  findings: [],
  findingCount: 0,
  accepted: [],
  unused: [],
  notes: [],
  failure: undefined,
};

/** Facts with which nothing is wrong, and what a case changes. `toml` replaces the configuration, `kapacitor` parts of what is known of Kapacitor. */
export function factsOf(
  change: Partial<Facts> & { readonly toml?: string; readonly kapacitor?: Partial<KapacitorFacts> } = {},
): Facts {
  const { toml, kapacitor, ...rest } = change;
  const config = configOf(toml);
  return {
    now: new Date("2026-01-02T00:00:00Z"),
    config,
    file: "/etc/kapgate/kapgate.toml",
    surroundings: "systemd",
    problems: [],
    certificate: {
      subject: "CN=kapgate.test",
      issuer: "CN=kapgate CA",
      names: ["kapgate.test", "localhost"],
      validFrom: new Date("2026-01-01"),
      validTo: new Date("2027-01-01"),
      daysLeft: 364,
      serialNumber: "01",
      fingerprint: "AA:BB",
    },
    authorityFile: "/etc/kapgate/certs/kapgate-ca.pem",
    gateway: {
      address: { host: "127.0.0.1", port: 9443 },
      dial: here,
      metricsUrl: "http://127.0.0.1:9444/metrics",
      counters: readCounters("kapgate_config_last_reload_successful 1\n"),
    },
    kapacitors: [kapacitorOf(config, kapacitor)],
    influxdb,
    dials: new Map([["kapgate.test:9443", here]]),
    ownAddresses: new Set(["127.0.0.1", "::1", "192.0.2.5"]),
    ...rest,
  };
}

export const plainDestination = `http://kapgate.test:9443${path}`;
export const usualKeys = `subscription-path = "${path}"\nsubscription-allow-cidrs = ["192.0.2.10/32"]`;

/** A configuration with these keys in its `[[kapacitor]]`. */
export const withInstance = (keys: string, rest = ""): string =>
  `[[kapacitor]]\n${keys}\n[influxdb]\nurl = "http://influxdb.test:8086"\n[alerts]\ndisable-handlers = ["exec"]\n${rest}`;

/** The usual dial, and others. */
export const dials = (more: Readonly<Record<string, Dial>>): ReadonlyMap<string, Dial> =>
  new Map(Object.entries({ "kapgate.test:9443": here, ...more }));

/** A gateway whose counters read so. */
export const counters = (text: string): Pick<Facts, "gateway"> => ({
  gateway: { ...factsOf().gateway, counters: readCounters(text) },
});
