/** What `kapgate doctor` can find: a stable id, how bad it is, what part it concerns, and why it matters. docs/doctor.md lists every entry. */

/** `note`: to know, nothing to repair; it does not count for the exit code. */
export type Severity = "error" | "warning" | "note";

/** The parts of the chain, in the order in which they are told. */
export const areas = [
  "configuration",
  "certificate",
  "gateway",
  "kapacitor",
  "influxdb",
  "subscriptions",
  "policy",
] as const;

export type Area = (typeof areas)[number];

const catalogue = {
  configuration_invalid: ["error", "configuration", "kapgate does not start, or does not reload, with it"],
  configuration_doubtful: ["warning", "configuration", "kapgate starts with it and warns"],

  certificate_unusable: ["error", "certificate", "kapgate does not start with it, and a reload keeps the old one"],
  certificate_doubtful: ["warning", "certificate", "some clients refuse it, or will soon"],
  certificate_name_missing: [
    "error",
    "certificate",
    "InfluxDB refuses a certificate without the name in its subscription, and drops the points",
  ],
  certificate_host_missing: ["warning", "certificate", "clients that use this name refuse the certificate"],
  certificate_not_served: ["error", "certificate", "clients see the old certificate until kapgate reads the new one"],
  certificate_private: ["note", "certificate", "no client trusts this CA by itself: each has to be given it"],
  certificate_rejected: [
    "warning",
    "certificate",
    "clients break the handshake off: they do not know the CA, or use a name that is not in the certificate",
  ],

  gateway_unreachable: ["error", "gateway", "nothing reaches Kapacitor, and InfluxDB drops the points"],
  gateway_other: ["error", "gateway", "something else listens there, so kapgate is not what clients reach"],
  gateway_plain_http: [
    "warning",
    "gateway",
    "plain HTTP comes to the TLS port and is refused: InfluxDB drops the points",
  ],
  gateway_reload_failed: ["error", "gateway", "kapgate serves by an older configuration than the file says"],
  gateway_counters_unread: [
    "note",
    "gateway",
    "refused writes and failed handshakes are counted there; doctor could not look",
  ],
  gateway_writes_refused: [
    "warning",
    "gateway",
    "InfluxDB does not repeat a write: what was refused is lost for Kapacitor",
  ],

  kapacitor_unreachable: ["error", "kapacitor", "every request gets 502, and writes are lost after write-hold"],
  kapacitor_unauthorized: [
    "error",
    "kapacitor",
    "Kapacitor asks for a login: every request gets 502 upstream_unauthorized",
  ],
  kapacitor_other: ["error", "kapacitor", "what answers there is no Kapacitor"],
  kapacitor_any_login: [
    "warning",
    "kapacitor",
    "auth-enabled without an [auth] backend takes every name and password: who reaches Kapacitor is its admin",
  ],
  kapacitor_exposed: [
    "error",
    "kapacitor",
    "who connects there goes around kapgate: no password, no CIDR rules, no handler policy",
  ],
  kapacitor_remote: [
    "note",
    "kapacitor",
    "doctor cannot see from here who else reaches it; only a firewall or network can keep others away",
  ],
  kapacitor_old: [
    "error",
    "kapacitor",
    "Kapacitor before 1.5.8 has no subscription-path and tells InfluxDB to write to /write",
  ],
  kapacitor_config_unread: [
    "note",
    "kapacitor",
    "what Kapacitor tells InfluxDB could not be compared with this listener",
  ],
  kapacitor_clock: ["warning", "kapacitor", "windows, deadman alerts and the validity of certificates go by the clock"],
  kapacitor_subscriptions_off: ["error", "kapacitor", "Kapacitor makes no subscriptions and gets no points"],
  kapacitor_subscription_protocol: [
    "error",
    "kapacitor",
    "InfluxDB is told to speak another protocol than the listener, and drops the points",
  ],
  kapacitor_hostname: [
    "error",
    "kapacitor",
    "InfluxDB is told a name that does not lead to kapgate, or is not in its certificate",
  ],
  kapacitor_http_port: ["error", "kapacitor", "InfluxDB is told a port that does not lead to kapgate"],
  kapacitor_subscription_path: [
    "error",
    "kapacitor",
    "InfluxDB is told a path that kapgate does not take without credentials",
  ],

  influxdb_unconfigured: ["note", "influxdb", "subscriptions, their failures and InfluxDB's clock were not looked at"],
  influxdb_unreachable: ["error", "influxdb", "doctor could not look at the subscriptions"],
  influxdb_unauthorized: [
    "error",
    "influxdb",
    "InfluxDB refuses the login of [influxdb], so doctor cannot look at the subscriptions",
  ],
  influxdb_not_admin: ["error", "influxdb", "only an administrator of InfluxDB may read subscriptions and statistics"],
  influxdb_other: ["error", "influxdb", "only InfluxDB 1.x has subscriptions"],
  influxdb_old: ["error", "influxdb", "InfluxDB before 1.5 drops the path of a subscription and writes to /write"],
  influxdb_subscriber_off: ["error", "influxdb", "InfluxDB sends nothing to any subscription"],
  influxdb_timeout: [
    "warning",
    "influxdb",
    "InfluxDB gives up on a write before kapgate does, and drops points that could still be accepted",
  ],
  influxdb_clock: ["warning", "influxdb", "points without a time get InfluxDB's, and Kapacitor's windows go by it"],
  influxdb_unverified: [
    "warning",
    "influxdb",
    "InfluxDB writes although the certificate does not have that name: insecure-skip-verify is on, and anybody between can read and change the points",
  ],

  subscription_missing: ["error", "subscriptions", "Kapacitor gets no points of it"],
  subscription_around: ["error", "subscriptions", "InfluxDB writes to Kapacitor around kapgate"],
  subscription_scheme: ["error", "subscriptions", "the listener does not speak it: every write fails"],
  subscription_host: [
    "error",
    "subscriptions",
    "InfluxDB refuses a certificate that does not have the name in the subscription",
  ],
  subscription_elsewhere: ["error", "subscriptions", "it does not lead to kapgate: the points go elsewhere or nowhere"],
  subscription_path: [
    "error",
    "subscriptions",
    "Kapacitor leaves a subscription alone when only the path changes: the old one stays until it is dropped",
  ],
  subscription_write_doubled: ["error", "subscriptions", "InfluxDB adds /write itself"],
  subscription_stale: [
    "warning",
    "subscriptions",
    "its Kapacitor is gone: InfluxDB tries every write there, and each failure is logged",
  ],
  subscription_twice: ["error", "subscriptions", "every point arrives more than once"],
  subscription_refused: ["error", "subscriptions", "kapgate refuses its writes, and InfluxDB drops the points"],
  subscription_failures: [
    "warning",
    "subscriptions",
    "InfluxDB does not repeat a write: these never came to Kapacitor",
  ],

  policy_report_mode: ["warning", "policy", "what the policy forbids is logged and let through"],
  policy_exec_open: ["warning", "policy", "who may define tasks may run commands on Kapacitor's machine, as its user"],
  policy_stored: ["warning", "policy", "it was stored before the policy, or around it, and is there to be used"],
  policy_unread: [
    "warning",
    "policy",
    "what Kapacitor has stored could not be looked through, so nobody knows what runs",
  ],
} as const satisfies Record<string, readonly [Severity, Area, string]>;

/** The stable id of a finding. Scripts may match on it. */
export type FindingId = keyof typeof catalogue;

/** Every id, in the order of the areas. */
export const findingIds = Object.keys(catalogue) as readonly FindingId[];

export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  readonly area: Area;
  /** The name of the `[[kapacitor]]` that it concerns. */
  readonly instance?: string;
  /** What was seen. Holds no secret. */
  readonly what: string;
  /** What follows from it. */
  readonly why: string;
  /** Lines that put it right: commands, lines of a configuration file, InfluxQL, each complete. */
  readonly fix: readonly string[];
}

/** Something that was looked at and is in order. */
export interface Fine {
  readonly area: Area;
  readonly instance?: string;
  readonly fine: string;
}

export type Result = Finding | Fine;

/** What a finding says beyond the catalogue. */
export interface Details {
  readonly instance?: string | undefined;
  readonly what: string;
  readonly fix: readonly string[];
  /** In place of the catalogue's, where this case is worse or less bad. */
  readonly severity?: Severity;
}

export function finding(id: FindingId, { instance, what, fix, severity }: Details): Finding {
  const [usual, area, why] = catalogue[id];
  return { id, severity: severity ?? usual, area, ...(instance === undefined ? {} : { instance }), what, why, fix };
}

export function fine(area: Area, text: string, instance?: string): Fine {
  return { area, ...(instance === undefined ? {} : { instance }), fine: text };
}

export function isFinding(result: Result): result is Finding {
  return "id" in result;
}

/** The catalogue's entry, for help and documentation. */
export function describe(id: FindingId): { readonly severity: Severity; readonly area: Area; readonly why: string } {
  const [severity, area, why] = catalogue[id];
  return { severity, area, why };
}
