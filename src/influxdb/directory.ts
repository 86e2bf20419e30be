import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Principal } from "../core/principal.ts";
import type { InfluxClient, InfluxLogin } from "./client.ts";
import { findPrincipal } from "./grants.ts";

/** What InfluxDB says about a login. */
export type DirectoryVerdict =
  | { readonly kind: "ok"; readonly principal: Principal }
  | { readonly kind: "invalid" }
  /** It cannot be asked, or does not ask for passwords itself: nobody is let in by that. */
  | { readonly kind: "unavailable"; readonly cause: string };

/** InfluxDB's users as kapgate's. */
export interface Directory {
  /**
   * What is remembered of a login, at once: the principal, or that it was accepted but has to be asked about again. undefined says nothing
   * about it.
   */
  recall(login: InfluxLogin): Principal | "stale" | undefined;
  /** Asks InfluxDB. Never rejects; while it cannot be asked, a login that is remembered stays valid until it expires. */
  find(login: InfluxLogin): Promise<DirectoryVerdict>;
}

export interface DirectoryOptions {
  /** Milliseconds that an answer about a user stays valid; 0 keeps none. */
  readonly expirationMs: number;
  /** Milliseconds after which a login that is in use is asked about again, so that what was taken back is noticed; 30 seconds unless told. */
  readonly recheckMs?: number;
  /** Users remembered; the one whose answer is the oldest goes first. 4096 unless told. */
  readonly capacity?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface Entry {
  readonly digest: Buffer;
  readonly principal: Principal;
  readonly until: number;
  /** When InfluxDB was asked last, or could not be. */
  readonly askedAt: number;
}

/** Questions at a time; past it InfluxDB counts as unavailable. */
const mostQuestions = 32;

/**
 * Logs in by InfluxDB 1.x: it is sent the login as it came, then asked for a login that cannot be right, because with `auth-enabled = false`
 * it accepts everybody, and last the configured administrator asks what the user may do. Every doubt fails towards not letting in.
 *
 * One answer is remembered per user, under an HMAC of the password, so a new password takes the place of the old one. A login in use is asked
 * about again after `recheckMs` while it goes on; one that was not used for twice as long has to wait for the answer. So a changed password, a
 * dropped user and a revoked grant are noticed long before the expiration, which is for when InfluxDB is down.
 */
export function createDirectory(client: InfluxClient, options: DirectoryOptions): Directory {
  const { expirationMs, recheckMs = 30_000, capacity = 4096, now = () => performance.now() } = options;
  const secret = randomBytes(32);
  const entries = new Map<string, Entry>();
  const asking = new Map<string, Promise<DirectoryVerdict>>();

  const digestOf = ({ user, password }: InfluxLogin): Buffer =>
    createHmac("sha256", secret).update(`${user.length}:${user}${password}`).digest();

  const valid = (user: string, digest: Buffer): Entry | undefined => {
    const entry = entries.get(user);
    if (entry === undefined || !timingSafeEqual(entry.digest, digest)) return undefined;
    if (entry.until > now()) return entry;
    entries.delete(user);
    return undefined;
  };

  const remember = (user: string, digest: Buffer, principal: Principal): void => {
    if (expirationMs === 0) return;
    entries.delete(user);
    const [oldest] = entries.keys();
    if (entries.size >= capacity && oldest !== undefined) entries.delete(oldest);
    entries.set(user, { digest, principal, until: now() + expirationMs, askedAt: now() });
  };

  const ask = async (login: InfluxLogin, digest: Buffer): Promise<DirectoryVerdict> => {
    const { user } = login;
    const verdict = await judge(client, login);
    const known = valid(user, digest);
    switch (verdict.kind) {
      case "ok":
        remember(user, digest, verdict.principal);
        return verdict;
      case "invalid":
        if (known !== undefined) entries.delete(user);
        return verdict;
      case "unavailable":
        if (known === undefined) return verdict;
        entries.set(user, { ...known, askedAt: now() });
        return { kind: "ok", principal: known.principal };
    }
  };

  /** Equal logins share a question. */
  const find = (login: InfluxLogin): Promise<DirectoryVerdict> => {
    // Basic authentication would end the name there, and InfluxDB would judge another user's password than the one who is looked up.
    if (login.user.includes(":")) return Promise.resolve({ kind: "invalid" });
    const digest = digestOf(login);
    const key = digest.toString("base64");
    const present = asking.get(key);
    if (present !== undefined) return present;
    const known = valid(login.user, digest);
    if (asking.size >= mostQuestions) {
      if (known !== undefined) return Promise.resolve({ kind: "ok", principal: known.principal });
      return Promise.resolve({ kind: "unavailable", cause: "too many logins wait for InfluxDB" });
    }
    const verdict = ask(login, digest).finally(() => asking.delete(key));
    asking.set(key, verdict);
    return verdict;
  };

  return {
    recall: (login) => {
      const entry = entries.size === 0 ? undefined : valid(login.user, digestOf(login));
      if (entry === undefined) return undefined;
      const age = now() - entry.askedAt;
      if (age >= 2 * recheckMs) return "stale";
      if (age >= recheckMs) void find(login);
      return entry.principal;
    },
    find,
  };
}

async function judge(client: InfluxClient, login: InfluxLogin): Promise<DirectoryVerdict> {
  const answer = await client.query("SHOW DATABASES", login);
  if (answer.kind === "unauthorized") return { kind: "invalid" };
  if (answer.kind === "unavailable") return answer;
  if (answer.kind === "refused") return { kind: "unavailable", cause: answer.text };
  // After the login, not before it: an InfluxDB that was restarted without authentication in between shows it here.
  const nobody = { user: randomBytes(16).toString("hex"), password: randomBytes(16).toString("hex") };
  const [stranger, found] = await Promise.all([
    client.query("SHOW DATABASES", nobody),
    findPrincipal(client, login.user),
  ]);
  if (stranger.kind === "unauthorized") return found;
  const cause =
    stranger.kind === "unavailable"
      ? stranger.cause
      : "it accepts any password: set auth-enabled = true in influxdb.conf";
  return { kind: "unavailable", cause };
}
