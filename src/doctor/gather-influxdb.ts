import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import { readDuration } from "../config/values.ts";
import { parseAddress } from "../core/cidr.ts";
import { createInfluxClient, type InfluxAnswer, quoteIdentifier, rowsOf, type Series } from "../influxdb/client.ts";
import { ask } from "./ask.ts";
import { readDestination } from "./destination.ts";
import type { DeliveryCount, InfluxdbDetails, InfluxdbFacts, Subscription } from "./facts.ts";
import { skewOf } from "./gather-kapacitor.ts";

/** Databases whose retention policies are asked for. */
const mostDatabases = 1000;

/**
 * Asks InfluxDB, as the user of `[influxdb]`: version, clock, subscriptions, retention policies, and how its writes to subscriptions went.
 * Reads only. Undefined when no url is configured.
 */
export async function gatherInfluxdb(config: Config["influxdb"]): Promise<InfluxdbFacts | undefined> {
  const { url, username } = config;
  if (url === "") return undefined;
  // An authority that cannot be read is a problem of the configuration; here it is one more reason not to trust the certificate.
  const ca = config["ssl-ca"] === "" ? undefined : await readFile(config["ssl-ca"], "utf8").catch(() => "");
  const insecureSkipVerify = config["insecure-skip-verify"];
  const [ping, addresses] = await Promise.all([
    ask(`${url}/ping`, { ca, insecureSkipVerify }),
    addressesOf(new URL(url).hostname),
  ]);
  if (ping.kind === "failure") return { url, state: { kind: "down", cause: ping.cause }, details: unasked, addresses };
  const version = (ping.headers["x-influxdb-version"] ?? "").replace(/^v/, "");
  if (!/^1\./.test(version)) return { url, state: { kind: "other", version }, details: unasked, addresses };
  const client = createInfluxClient({
    url,
    username,
    password: config.password?.reveal() ?? "",
    ca,
    insecureSkipVerify,
  });
  try {
    const details = await detailsOf((statement) => client.query(statement));
    return { url, state: { kind: "up", version, skewMs: skewOf(ping) }, details, addresses };
  } finally {
    await client.close();
  }
}

const unasked = { kind: "unavailable", cause: "it was not asked" } as const;

/** A reason to stop asking, found on the way. */
class Refused extends Error {
  readonly answer: InfluxdbFacts["details"];
  constructor(answer: Exclude<InfluxAnswer, { kind: "ok" }>) {
    super(answer.kind);
    const cause =
      answer.kind === "refused" ? answer.text : answer.kind === "unavailable" ? answer.cause : "the login is refused";
    this.answer = { kind: answer.kind, cause };
  }
}

async function detailsOf(query: (statement: string) => Promise<InfluxAnswer>): Promise<InfluxdbFacts["details"]> {
  const series = async (statement: string): Promise<readonly Series[]> => {
    const answer = await query(statement);
    if (answer.kind !== "ok") throw new Refused(answer);
    return answer.series;
  };
  try {
    const listed = await series("SHOW SUBSCRIPTIONS");
    const stats = await series("SHOW STATS FOR 'subscriber'");
    const diagnostics = await series("SHOW DIAGNOSTICS");
    const databases = (await series("SHOW DATABASES")).flatMap(rowsOf).map((row) => String(row.name));
    const retentionPolicies: { db: string; rp: string }[] = [];
    for (const db of databases.slice(0, mostDatabases)) {
      const policies = (await series(`SHOW RETENTION POLICIES ON ${quoteIdentifier(db)}`)).flatMap(rowsOf);
      retentionPolicies.push(...policies.map((row) => ({ db, rp: String(row.name) })));
    }
    const subscriber = rowOf(diagnostics, "config-subscriber");
    const timeout = readDuration(String(subscriber?.["http-timeout"] ?? ""));
    const started = rowOf(diagnostics, "system")?.started;
    return {
      kind: "ok",
      subscriptions: listed.flatMap(subscriptionsOf),
      retentionPolicies,
      counts: stats.flatMap(countsOf),
      subscriber: {
        enabled: subscriber?.enabled !== false,
        httpTimeoutMs: timeout.ok ? timeout.value : undefined,
      },
      started: typeof started === "string" ? started : undefined,
      logins: new Map(),
    } satisfies InfluxdbDetails;
  } catch (error) {
    if (error instanceof Refused) return error.answer;
    throw error;
  }
}

function rowOf(series: readonly Series[], name: string): Readonly<Record<string, unknown>> | undefined {
  return series.filter((entry) => entry.name === name).flatMap(rowsOf)[0];
}

function subscriptionsOf(series: Series): readonly Subscription[] {
  return rowsOf(series).map((row) => ({
    db: series.name,
    rp: String(row.retention_policy),
    name: String(row.name),
    mode: String(row.mode),
    destinations: (Array.isArray(row.destinations) ? row.destinations : []).map((entry) =>
      readDestination(String(entry)),
    ),
  }));
}

/** The series of `SHOW STATS FOR 'subscriber'` that have a destination; the one without counts all of them. */
function countsOf(series: Series): readonly DeliveryCount[] {
  const { database, destination, name, retention_policy: rp } = series.tags;
  const [row] = rowsOf(series);
  if (destination === undefined || row === undefined) return [];
  return [
    {
      db: database ?? "",
      rp: rp ?? "",
      name: name ?? "",
      destination: readDestination(destination),
      written: Number(row.pointsWritten ?? 0),
      failed: Number(row.writeFailures ?? 0),
    },
  ];
}

async function addressesOf(hostname: string): Promise<readonly string[]> {
  const host = hostname.replace(/^\[|\]$/g, "");
  const literal = parseAddress(host);
  if (literal !== undefined) return [literal];
  const found = await lookup(host, { all: true }).catch(() => []);
  return [...new Set(found.map(({ address }) => parseAddress(address)).filter((address) => address !== undefined))];
}
