import { createHmac, randomBytes } from "node:crypto";
import type { Principal } from "../core/principal.ts";
import { type InfluxClient, type InfluxLogin, quoteIdentifier, rowsOf } from "./client.ts";

/** InfluxDB's users as kapgate's. */
export interface Directory {
  /** The principal of a login that InfluxDB accepted lately, at once; undefined says nothing about it. */
  cached(login: InfluxLogin): Principal | undefined;
  /** Asks InfluxDB; undefined for a login that it refuses. Rejects with DirectoryUnavailable when it cannot be asked. */
  find(login: InfluxLogin): Promise<Principal | undefined>;
  stop(): void;
}

/** InfluxDB could not be asked, or does not ask for passwords itself. Whoever waits for its verdict gets 503, never a pass. */
export class DirectoryUnavailable extends Error {}

interface Entry {
  principal: Principal;
  readonly user: string;
  readonly until: number;
}

const mostEntries = 1024;
/** How often the grants of cached users are read again. */
const refreshMs = 30_000;

/**
 * Logs in by InfluxDB 1.x: the login is sent to it as it came, then the configured administrator reads what the user may do
 * (SHOW USERS, SHOW GRANTS). Administrators become `admin`; write grants make a writer of those databases, read grants a viewer, both
 * make a viewer who may also write there; no grant, nothing. Accepted logins are kept for `expirationMs`, at most 1024, under an HMAC of
 * the credentials; a dropped user or a changed grant is noticed at the next refresh, a changed password at the expiration.
 */
export function createDirectory(
  client: InfluxClient,
  expirationMs: number,
  now: () => number = () => performance.now(),
): Directory {
  const secret = randomBytes(32);
  const entries = new Map<string, Entry>();
  const keyOf = ({ user, password }: InfluxLogin): string =>
    createHmac("sha256", secret).update(`${user.length}:${user}${password}`).digest("base64");

  const cached = (login: InfluxLogin): Principal | undefined => {
    const key = keyOf(login);
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > now()) return entry.principal;
    entries.delete(key);
    return undefined;
  };

  const find = async (login: InfluxLogin): Promise<Principal | undefined> => {
    const known = cached(login);
    if (known !== undefined) return known;
    // With auth-enabled = false InfluxDB accepts everybody: then it can tell nobody from anybody.
    const [stranger, answer] = await Promise.all([
      client.query("SHOW DATABASES", { user: login.user, password: randomBytes(16).toString("hex") }),
      client.query("SHOW DATABASES", login),
    ]);
    if (stranger.kind === "ok")
      throw new DirectoryUnavailable("InfluxDB accepts any password; set auth-enabled = true in influxdb.conf");
    if (stranger.kind === "unavailable") throw new DirectoryUnavailable(stranger.cause);
    if (answer.kind === "unavailable") throw new DirectoryUnavailable(answer.cause);
    if (answer.kind === "unauthorized") return undefined;
    const principal = await principalOf(client, login.user);
    if (principal === undefined) return undefined;
    if (expirationMs > 0) {
      if (entries.size >= mostEntries) {
        const [oldest] = entries.keys();
        if (oldest !== undefined) entries.delete(oldest);
      }
      entries.set(keyOf(login), { principal, user: login.user, until: now() + expirationMs });
    }
    return principal;
  };

  /** Takes back what InfluxDB took back. While it cannot be asked, what was accepted stays until it expires. */
  const refresh = async (): Promise<void> => {
    for (const user of new Set([...entries.values()].map((entry) => entry.user))) {
      const principal = await principalOf(client, user).catch(() => "unavailable" as const);
      if (principal === "unavailable") return;
      for (const [key, entry] of entries) {
        if (entry.user !== user) continue;
        if (principal === undefined) entries.delete(key);
        else entry.principal = principal;
      }
    }
  };
  const timer = setInterval(() => void refresh(), Math.min(refreshMs, Math.max(1000, expirationMs)));
  timer.unref();

  return {
    cached,
    find,
    stop: () => {
      clearInterval(timer);
      entries.clear();
    },
  };
}

/** What InfluxDB says a user may do; undefined when there is no such user. Rejects with DirectoryUnavailable. */
async function principalOf(client: InfluxClient, user: string): Promise<Principal | undefined> {
  const users = await rows(client, "SHOW USERS");
  const entry = users.find((row) => row.user === user);
  if (entry === undefined) return undefined;
  const everything = { name: user, instances: [], databases: [] };
  if (entry.admin === true) return Object.freeze({ ...everything, role: "admin" });
  const grants = await rows(client, `SHOW GRANTS FOR ${quoteIdentifier(user)}`);
  const granted = (privilege: string) =>
    grants
      .filter((row) => row.privilege === privilege || row.privilege === "ALL PRIVILEGES")
      .map((row) => String(row.database));
  const writes = granted("WRITE");
  const reads = granted("READ");
  if (writes.length === 0) return Object.freeze({ ...everything, role: reads.length === 0 ? "nobody" : "viewer" });
  return Object.freeze({
    ...everything,
    role: "writer",
    databases: writes,
    ...(reads.length === 0 ? {} : { also: "viewer" as const }),
  });
}

async function rows(client: InfluxClient, statement: string): Promise<Readonly<Record<string, unknown>>[]> {
  const answer = await client.query(statement);
  switch (answer.kind) {
    case "ok":
      return answer.series.flatMap(rowsOf);
    case "unauthorized":
      throw new DirectoryUnavailable("InfluxDB refused the credentials of [influxdb]");
    case "refused":
      throw new DirectoryUnavailable(`the user of [influxdb] is no administrator: ${answer.text}`);
    case "unavailable":
      throw new DirectoryUnavailable(answer.cause);
  }
}
