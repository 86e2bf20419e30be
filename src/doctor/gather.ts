import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { auditInstance } from "../audit/audit.ts";
import { certificatePaths } from "../certificates/renew.ts";
import type { Config } from "../config/schema.ts";
import { parseAddress } from "../core/cidr.ts";
import type { Problem } from "../problem.ts";
import { auditSubject } from "../server/audit-subject.ts";
import { type CertificateSummary, parseCertificates, summarise } from "../server/certificate.ts";
import { readPemFile } from "../server/pem-file.ts";
import type { Prepared } from "../server/prepare.ts";
import { createResolver } from "../server/resolve.ts";
import { createUpstream } from "../upstream/instance.ts";
import { ask, type Dial, dial } from "./ask.ts";
import { readCounters } from "./counters.ts";
import { originOf } from "./destination.ts";
import {
  detailsOf,
  type Facts,
  type GatewayFacts,
  type InfluxdbFacts,
  type KapacitorFacts,
  type LoginAnswer,
  loginKey,
} from "./facts.ts";
import { gatherInfluxdb } from "./gather-influxdb.ts";
import { basic, gatherKapacitor } from "./gather-kapacitor.ts";
import type { Surroundings } from "./services.ts";

export interface GatherInput {
  readonly config: Config;
  readonly file: string | undefined;
  readonly problems: readonly Problem[];
  /** What the configuration compiles to; undefined when it has errors: then nothing is audited. */
  readonly prepared: Pick<Prepared, "policy" | "upstreams"> | undefined;
  readonly surroundings: Surroundings;
  /** Only this instance; undefined: all. */
  readonly only?: string | undefined;
  readonly now?: Date;
  /** This machine's addresses besides the loopback ones; default: those of its interfaces. */
  readonly addresses?: readonly string[];
}

/** Hosts and ports that subscriptions lead to, and logins in them, that are tried. */
const mostDials = 64;
const mostLogins = 16;
/** How long the look through what one Kapacitor has stored may take, in milliseconds. */
const auditLimitMs = 30_000;

/**
 * Asks everybody: the gateway's own listener and counters, each Kapacitor, InfluxDB, and then where the subscriptions lead. Nothing is
 * changed: the only writes are empty ones, with the logins that subscriptions carry. Bounded in time and number; never rejects for what does not answer.
 */
export async function gather(input: GatherInput): Promise<Facts> {
  const { config, file, problems, surroundings, now = new Date() } = input;
  const addresses = input.addresses ?? machineAddresses();
  const instances = config.kapacitor.filter(({ name }) => input.only === undefined || name === input.only);
  const [certificate, authorityFile, gateway, kapacitors, influxdb] = await Promise.all([
    certificateOf(config, now),
    authorityOf(config),
    gatherGateway(config),
    Promise.all(instances.map((instance) => gatherOne(input, instance, addresses))),
    gatherInfluxdb(config.influxdb),
  ]);
  const dials = await dialAll(config, kapacitors, influxdb);
  return {
    now,
    config,
    file,
    surroundings,
    problems,
    certificate,
    authorityFile,
    gateway,
    kapacitors,
    influxdb: influxdb === undefined ? undefined : await withLogins(influxdb, gateway, certificate, config),
    dials,
    ownAddresses: new Set(["127.0.0.1", "::1", ...addresses]),
  };
}

/** The addresses of this machine's interfaces, without loopback and link-local ones. */
function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => parseAddress(address))
    .filter((address) => address !== undefined)
    .filter((address) => !address.startsWith("fe80:"));
}

async function certificateOf(config: Config, now: Date): Promise<CertificateSummary | undefined> {
  if (!config.http["https-enabled"]) return undefined;
  const file = await readPemFile(config.http["https-certificate"]);
  const leaf = file.ok ? parseCertificates(file.blocks).links[0]?.certificate : undefined;
  return leaf === undefined ? undefined : summarise(leaf, now);
}

async function authorityOf(config: Config): Promise<string | undefined> {
  const { authority } = certificatePaths(dirname(config.http["https-certificate"]));
  const file = await readPemFile(authority);
  return file.ok ? authority : undefined;
}

async function gatherGateway({ http, admin }: Config): Promise<GatewayFacts> {
  const address = reachable(http["bind-address"]);
  const adminAddress = reachable(admin["bind-address"]);
  const metricsUrl = adminAddress === undefined ? undefined : `http://${originOf(adminAddress)}/metrics`;
  const [answer, dialled] = await Promise.all([
    metricsUrl === undefined ? undefined : ask(metricsUrl),
    address === undefined ? undefined : dial(address.host, address.port),
  ]);
  const counters =
    answer === undefined
      ? undefined
      : answer.kind === "failure"
        ? { cause: answer.cause }
        : answer.status === 200
          ? readCounters(answer.text)
          : { cause: `status ${answer.status}` };
  return { address, dial: dialled, metricsUrl, counters };
}

/** Where a listener's address is reached from this machine; undefined for none and for a socket of systemd's. */
function reachable(address: Config["admin"]["bind-address"]): { host: string; port: number } | undefined {
  if (address === undefined || "fd" in address) return undefined;
  const { host, port } = address;
  return { host: host === "" || host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host, port };
}

async function gatherOne(
  input: GatherInput,
  instance: Config["kapacitor"][number],
  addresses: readonly string[],
): Promise<KapacitorFacts> {
  const ca = instance["ssl-ca"] === "" ? undefined : await readFile(instance["ssl-ca"], "utf8").catch(() => "");
  const access = {
    url: instance.url,
    ca,
    insecureSkipVerify: instance["insecure-skip-verify"],
    username: instance.username,
    password: instance.password?.reveal() ?? "",
  };
  const kapacitor = await gatherKapacitor(instance, access, addresses);
  return { ...kapacitor, audit: kapacitor.state.kind === "up" ? await auditOf(input, instance.name) : undefined };
}

async function auditOf({ config, prepared }: GatherInput, name: string): Promise<KapacitorFacts["audit"]> {
  const options = prepared?.upstreams.find((entry) => entry.name === name);
  if (prepared === undefined || options === undefined) return undefined;
  const upstream = createUpstream(options);
  try {
    const subject = auditSubject(config, prepared.policy, upstream);
    return await auditInstance({ ...subject, resolve: createResolver(), limitMs: auditLimitMs });
  } finally {
    upstream.close();
  }
}

/** Looks at what listens where the subscriptions lead, and where Kapacitor's settings will lead. */
async function dialAll(
  config: Config,
  kapacitors: readonly KapacitorFacts[],
  influxdb: InfluxdbFacts | undefined,
): Promise<ReadonlyMap<string, Dial>> {
  const targets = new Map<string, { host: string; port: number }>();
  const add = (host: string, port: number): void => {
    if (host !== "" && port > 0 && port < 65_536 && targets.size < mostDials)
      targets.set(originOf({ host, port }), { host, port });
  };
  const bound = config.http["bind-address"];
  for (const { clusters, ids, instance } of kapacitors) {
    if (!Array.isArray(clusters)) continue;
    for (const cluster of clusters) {
      const own = Number(new URL(instance.url).port) || 9092;
      add((cluster.hostname || ids?.host || "").toLowerCase(), cluster.port || own);
      if ("port" in bound) add(cluster.hostname.toLowerCase(), bound.port);
    }
  }
  for (const { destinations } of detailsOf(influxdb)?.subscriptions ?? []) {
    for (const { scheme, host, port } of destinations) if (/^https?$/.test(scheme)) add(host, port);
  }
  const dials = await Promise.all(
    [...targets].map(async ([origin, { host, port }]) => [origin, await dial(host, port)] as const),
  );
  return new Map(dials);
}

/**
 * Tries the logins that subscriptions carry: an empty write to the listener, which Kapacitor stores nothing of. A login is shown only to a
 * listener that has the very certificate of the configuration.
 */
async function withLogins(
  influxdb: InfluxdbFacts,
  gateway: GatewayFacts,
  certificate: CertificateSummary | undefined,
  config: Config,
): Promise<InfluxdbFacts> {
  const { details } = influxdb;
  const { address, dial: dialled } = gateway;
  if (details.kind !== "ok" || address === undefined || dialled === undefined) return influxdb;
  const known = config.http["https-enabled"]
    ? dialled.kind === "tls" && dialled.fingerprint === certificate?.fingerprint
    : dialled.kind === "plain";
  if (!known) return influxdb;
  const origin = `${config.http["https-enabled"] ? "https" : "http"}://${originOf(address)}`;
  const logins = new Map<string, LoginAnswer>();
  for (const { db, rp, destinations } of details.subscriptions) {
    for (const destination of destinations) {
      const key = loginKey(destination, db);
      const instance = config.kapacitor.find((entry) => entry["subscription-path"] === destination.path);
      if (instance === undefined || destination.login === undefined || logins.has(key) || logins.size >= mostLogins)
        continue;
      const answer = await tryLogin(origin, instance, destination.login, db, rp);
      if (answer !== undefined) logins.set(key, answer);
    }
  }
  return { ...influxdb, details: { ...details, logins } };
}

async function tryLogin(
  origin: string,
  instance: Config["kapacitor"][number],
  login: { readonly user: string; readonly password: string },
  db: string,
  rp: string,
): Promise<LoginAnswer | undefined> {
  // Below the subscription path this machine's address may be let in whatever the login; a token is taken only there.
  const path = login.user === "~subscriber" ? `${instance["subscription-path"]}/write` : "/kapacitor/v1/write";
  const query = new URLSearchParams({ consistency: "", db, precision: "ns", rp });
  const answer = await ask(`${origin}${path}?${query.toString()}`, {
    method: "POST",
    host: instance.hosts[0],
    // The certificate was compared before; whether clients can verify it is another check's.
    insecureSkipVerify: true,
    authorization: basic(login.user, login.password),
  });
  if (answer.kind === "failure") return undefined;
  return { status: answer.status, reason: /^kapgate ([a-z_]+) /.exec(answer.text)?.[1] };
}
