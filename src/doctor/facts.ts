/** What doctor knows when it judges: everything that was asked, with what went wrong where there is no answer. */
import type { AuditReport } from "../audit/report.ts";
import type { Config } from "../config/schema.ts";
import type { Problem } from "../problem.ts";
import type { CertificateSummary } from "../server/certificate.ts";
import type { Dial } from "./ask.ts";
import type { Counters } from "./counters.ts";
import type { Destination } from "./destination.ts";
import type { Surroundings } from "./services.ts";

export type Instance = Config["kapacitor"][number];

export interface Facts {
  readonly now: Date;
  readonly config: Config;
  /** The configuration file, for the commands that name it. */
  readonly file: string | undefined;
  readonly surroundings: Surroundings;
  /** Problems of the configuration and of what it names. */
  readonly problems: readonly Problem[];
  /** The leaf in the certificate file; undefined without HTTPS, and when it cannot be read. */
  readonly certificate: CertificateSummary | undefined;
  /** The file with the CA that clients need, where it lies beside the certificate. */
  readonly authorityFile: string | undefined;
  readonly gateway: GatewayFacts;
  readonly kapacitors: readonly KapacitorFacts[];
  readonly influxdb: InfluxdbFacts | undefined;
  /** What listens where subscriptions, and the settings of Kapacitor, lead; by {@link Destination} origin. Not every one has been tried. */
  readonly dials: ReadonlyMap<string, Dial>;
  /** This machine's addresses, loopback included, canonical. */
  readonly ownAddresses: ReadonlySet<string>;
}

export interface GatewayFacts {
  /** Where this machine reaches the listener; undefined for a socket that systemd passes. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  /** undefined as the address is. */
  readonly dial: Dial | undefined;
  /** Where `/metrics` is; undefined when the admin listener is off. */
  readonly metricsUrl: string | undefined;
  readonly counters: Counters | { readonly cause: string } | undefined;
}

export type KapacitorState =
  | {
      readonly kind: "up";
      readonly version: string /** Its clock less ours, in milliseconds. */;
      readonly skewMs: number | undefined;
    }
  | { readonly kind: "unauthorized"; readonly version: string }
  | { readonly kind: "other"; readonly what: string }
  | { readonly kind: "down"; readonly cause: string };

/** One `[[influxdb]]` of kapacitor.conf, overrides included, as `GET /kapacitor/v1/config/influxdb` shows it. */
export interface Cluster {
  readonly name: string;
  readonly enabled: boolean;
  readonly urls: readonly string[];
  readonly subscriptionsOff: boolean;
  readonly protocol: string;
  /** "" for the host name of kapacitor.conf. */
  readonly hostname: string;
  /** 0 for the port of `[http] bind-address`. */
  readonly port: number;
  /** As Kapacitor has it; "" before 1.5.8. */
  readonly path: string;
  readonly mode: "cluster" | "server";
  /** Databases with their retention policies; empty: all. */
  readonly only: ReadonlyMap<string, readonly string[]>;
  readonly except: ReadonlyMap<string, readonly string[]>;
}

export interface KapacitorFacts {
  readonly instance: Instance;
  readonly state: KapacitorState;
  /** It asks for a login, and a random one will do. */
  readonly takesAnyLogin: boolean;
  /** URLs at this machine's other addresses where it answers as well. */
  readonly exposedAt: readonly string[];
  readonly ids: { readonly cluster: string; readonly server: string; readonly host: string } | undefined;
  readonly clusters: readonly Cluster[] | { readonly cause: string };
  /** What it has stored that the policy would refuse; undefined when that was not looked at. */
  readonly audit: AuditReport | undefined;
}

export interface Subscription {
  readonly db: string;
  readonly rp: string;
  readonly name: string;
  readonly mode: string;
  readonly destinations: readonly Destination[];
}

/** A counter pair of `SHOW STATS FOR 'subscriber'`, since influxd started. */
export interface DeliveryCount {
  readonly db: string;
  readonly rp: string;
  readonly name: string;
  readonly destination: Destination;
  readonly written: number;
  readonly failed: number;
}

export interface InfluxdbFacts {
  readonly url: string;
  readonly state:
    | { readonly kind: "up"; readonly version: string; readonly skewMs: number | undefined }
    | { readonly kind: "other"; readonly version: string }
    | { readonly kind: "down"; readonly cause: string };
  /** What it tells its administrator; or why it does not. */
  readonly details:
    | InfluxdbDetails
    | { readonly kind: "unauthorized" | "refused" | "unavailable"; readonly cause: string };
  /** The addresses of its host, canonical. */
  readonly addresses: readonly string[];
}

export interface InfluxdbDetails {
  readonly kind: "ok";
  readonly subscriptions: readonly Subscription[];
  readonly retentionPolicies: readonly { readonly db: string; readonly rp: string }[];
  readonly counts: readonly DeliveryCount[];
  readonly subscriber: { readonly enabled: boolean; readonly httpTimeoutMs: number | undefined };
  readonly started: string | undefined;
  /** Answers to empty writes with the logins that subscriptions carry, by {@link Destination} text and database. */
  readonly logins: ReadonlyMap<string, LoginAnswer>;
}

export interface LoginAnswer {
  readonly status: number;
  /** The reason of kapgate's refusal. */
  readonly reason: string | undefined;
}

/** What InfluxDB told its administrator, when it did. */
export function detailsOf(influxdb: InfluxdbFacts | undefined): InfluxdbDetails | undefined {
  return influxdb?.details.kind === "ok" ? influxdb.details : undefined;
}

/** The key of {@link InfluxdbDetails.logins}. */
export function loginKey(destination: Destination, db: string): string {
  return JSON.stringify([destination.raw, db]);
}
