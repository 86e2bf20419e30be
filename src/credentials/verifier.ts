import { randomBytes } from "node:crypto";
import type { Principal } from "../core/principal.ts";
import type { Credentials } from "./basic.ts";
import type { Elsewhere } from "./elsewhere.ts";
import { createHashQueue, type HashOutcome, type HashQueueOptions } from "./hash-queue.ts";
import { verifyHash } from "./hashes.ts";
import { credentialBytes, nameProblem, passwordProblem, subscriberName } from "./password-rules.ts";
import { addressGroup, createThrottle, type Pair, pairOf, type ThrottleOptions } from "./throttle.ts";
import type { Decoy, Secret, UserTable } from "./users.ts";
import { createVerifiedCache, type VerifiedCacheOptions } from "./verified-cache.ts";

/** The outcome of a login. Only `ok` lets anybody in. */
export type Verdict =
  | { readonly kind: "ok"; readonly principal: Principal }
  | { readonly kind: "invalid" }
  /** Wrong as well, after too many wrong ones. */
  | { readonly kind: "throttled"; readonly retryAfterSeconds: number }
  /** Not verified: too much waits for that, or the users changed faster than that. */
  | { readonly kind: "overloaded"; readonly retryAfterSeconds: number }
  /** Not verified: whoever keeps the users that are not in the table could not be asked. The cause is for the log. */
  | { readonly kind: "unavailable"; readonly retryAfterSeconds: number; readonly cause: string };

export interface VerifierOptions {
  readonly users: UserTable;
  /** Who is asked about logins whose name is not in the table; nobody unless told. */
  readonly elsewhere?: Elsewhere | undefined;
  /** Hashes at a time; see {@link hashConcurrency}. 2 unless told. */
  readonly concurrency?: number;
  readonly cache?: Pick<VerifiedCacheOptions, "capacity" | "ttlMilliseconds">;
  readonly throttle?: Pick<ThrottleOptions, "limit" | "capacity">;
  readonly queue?: Pick<HashQueueOptions, "waiting" | "waitingPerSource" | "patience">;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  readonly schedule?: HashQueueOptions["schedule"];
  readonly verifyHash?: (hash: string, password: string) => Promise<boolean>;
}

/** Numbers for the metrics. */
export interface VerifierStatus {
  readonly hashing: number;
  readonly waiting: number;
  readonly cached: number;
  readonly throttleEntries: number;
}

/** Who somebody is, by user name and password. */
export interface Verifier {
  /**
   * Verifies, in the time of a hash or more, unless it was done before; who is not in the table is asked about elsewhere.
   * Rejects when the runtime fails (memory).
   */
  readonly verify: (credentials: Credentials, clientAddress: string) => Promise<Verdict>;
  /** The principal of credentials verified lately, within microseconds; undefined says nothing about them. */
  readonly cached: (credentials: Credentials) => Principal | undefined;
  /** The principal of a user in the table by the names of a client certificate; none where two users are meant. */
  readonly certified: (names: readonly string[]) => Principal | undefined;
  /** From now on these users, here and elsewhere: what is being verified is judged by them as well. */
  readonly replaceUsers: (users: UserTable, elsewhere?: Elsewhere) => void;
  readonly status: () => VerifierStatus;
}

const retryAfterSeconds = 1;

/** How often a verification is done again because the user's hash changed meanwhile. */
const attempts = 3;

/** Hashed in place of a password that cannot be right, so that it costs what another wrong one costs. */
const standIn = "stand-in";

/** Verified where the table has no hash but somebody is asked, who must not be asked faster than passwords are verified. */
const loneDecoy: Decoy = { costClass: "bcrypt 10", hash: `$2b$10$${"kapgate".repeat(3)}.${"decoy/".repeat(5)}.` };

/** How long a wrong login is remembered where it is somebody else's to judge, in milliseconds: it may be right soon after. */
const wrongMilliseconds = 5000;

/** A login that is wrong is answered at a multiple of so many milliseconds after its hash, whoever was asked and however long that took. */
const beatMilliseconds = 500;

/** Hashes at a time for a value of UV_THREADPOOL_SIZE: two of its threads are left for files and names. */
export function hashConcurrency(threadPoolSize: string | undefined): number {
  const threads = /^\d{1,4}$/.test(threadPoolSize ?? "") ? Math.min(1024, Number(threadPoolSize)) : 4;
  return Math.max(1, threads - 2);
}

/**
 * Verifies passwords: a cache of what was right, a bounded queue of hashes, a throttle for what was wrong.
 *
 * A failed login takes one verification of every class of hash in use, whoever it names and whatever is wrong with it, so time
 * does not tell who exists. A right password is accepted however often wrong ones came before; only where there is no room to
 * verify it the answer is `overloaded`. Every doubt fails towards not letting in: a password counts for the hash that the user
 * has when the verification ends, not for the one he had when it began.
 *
 * Only a name that is not in the table is asked about elsewhere, after the hashes. A wrong login of a name in the table waits for a question
 * about nobody, and both are answered at the next beat.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { now = () => performance.now(), schedule = scheduleTimeout } = options;
  const { verifyHash: check = verifyHash, concurrency = 2 } = options;
  const cache = createVerifiedCache({ ...options.cache, now });
  const throttle = createThrottle({ ...options.throttle, now });
  const queue = createHashQueue({ ...options.queue, concurrency, now, schedule });
  const inFlight = new Map<string, Promise<HashOutcome>>();
  /** The names of verifications that are asked for over and over with the same object: a writer's. */
  const names = new WeakMap<Credentials, { readonly hash: string; readonly key: string }>();
  let table = options.users;
  let elsewhere = options.elsewhere;

  /** The verification that the credentials ask for, of the table of this moment. */
  function look({ user, password }: Credentials): Verification {
    const known = table.users.get(user);
    const decoys = elsewhere !== undefined && table.decoys.length === 0 ? [loneDecoy] : table.decoys;
    const key = cache.keyOf(user, known?.secret?.hash ?? decoys[0]?.hash ?? "", password);
    return { user, password, key, secret: known?.secret, decoys };
  }

  /** The same as `look(credentials).key`, remembered for as long as the hash that it is about is the user's. */
  function nameOf(credentials: Credentials, hash: string): string {
    const present = names.get(credentials);
    if (present?.hash === hash) return present.key;
    const key = cache.keyOf(credentials.user, hash, credentials.password);
    names.set(credentials, { hash, key });
    return key;
  }

  /** The principal of a user of the table, if this password was verified for the hash that he has now. */
  function recallHere(credentials: Credentials): Principal | undefined {
    const known = table.users.get(credentials.user);
    if (known?.secret === undefined) return undefined;
    return cache.has(nameOf(credentials, known.secret.hash)) ? known.principal : undefined;
  }

  /** Only for who is in the table with the hash that was verified, and as what he is there now. */
  function recall({ user, secret, key }: Verification): Principal | undefined {
    return secret !== undefined && cache.has(key) ? table.users.get(user)?.principal : undefined;
  }

  function recallElsewhere(credentials: Credentials): Principal | "stale" | undefined {
    return table.users.has(credentials.user) ? undefined : elsewhere?.recall(credentials);
  }

  async function hashAll({ user, password, secret, decoys }: Verification): Promise<boolean> {
    const usable = isUsable(user, password);
    const own = usable && secret !== undefined && Buffer.byteLength(password) <= secret.longestPassword;
    if (own && (await check(secret.hash, password))) return true;
    for (const decoy of decoys) {
      if (!own || decoy.costClass !== secret.costClass) await check(decoy.hash, usable ? password : standIn);
    }
    return false;
  }

  /** Equal verifications share one hash; those of a throttled pair wait apart, so that nobody else waits with them. */
  function submit(verification: Verification, source: string, pair: Pair): Promise<HashOutcome> {
    const { user, key } = verification;
    const shared = throttle.isThrottled(pair) ? `${pair} ${key}` : key;
    const present = inFlight.get(shared);
    if (present !== undefined) return present;
    const run = async () => {
      if (cache.has(key)) return true;
      throttle.started(pair);
      return hashAll(verification);
    };
    const outcome = queue
      .submit({ source, user, readyAt: () => throttle.readyAt(pair), run })
      .finally(() => inFlight.delete(shared));
    inFlight.set(shared, outcome);
    return outcome;
  }

  /** The name under which the throttle remembers that this verification failed. */
  function wrongKey(key: string): string {
    return elsewhere === undefined ? key : `${key} ${Math.floor(now() / wrongMilliseconds)}`;
  }

  /** Waits for the next beat after `begun`. */
  function beat(begun: number): Promise<void> {
    const wait = beatMilliseconds - ((now() - begun) % beatMilliseconds);
    return new Promise((resolve) => schedule(resolve, wait));
  }

  /** Has a login judged that is not right by the table. undefined: the users changed meanwhile. */
  async function askElsewhere(
    asked: Elsewhere,
    credentials: Credentials,
    pair: Pair,
    key: string,
  ): Promise<Verdict | undefined> {
    const { user, password } = credentials;
    const begun = now();
    const isHere = table.users.has(user);
    const mine = !isHere && isUsable(user, password) && nameProblem(user) === undefined;
    const verdict = await asked.find(mine ? credentials : nobody);
    if (elsewhere !== asked || table.users.has(user) !== isHere) return undefined;
    if (mine && verdict.kind === "ok") {
      throttle.succeeded(pair);
      return verdict;
    }
    if (mine && verdict.kind === "unavailable") return { ...verdict, retryAfterSeconds };
    const failure = throttle.failed(pair, wrongKey(key));
    await beat(begun);
    return failure;
  }

  async function verify(credentials: Credentials, clientAddress: string): Promise<Verdict> {
    const { user } = credentials;
    if (user === subscriberName) return { kind: "invalid" };
    const source = addressGroup(clientAddress);
    const pair = pairOf(source, user);
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const verification = look(credentials);
      const known = recall(verification) ?? recallElsewhere(credentials);
      if (known !== undefined && known !== "stale") return { kind: "ok", principal: known };
      const { key, secret } = verification;
      if (known === undefined) {
        if (throttle.knowsWrong(pair, wrongKey(key))) return throttle.failed(pair, wrongKey(key));
        const outcome = await submit(verification, source, pair);
        if (outcome.kind === "refused") break;
        const current = table.users.get(user);
        if (current?.secret?.hash !== secret?.hash) continue;
        if (outcome.right && current !== undefined) {
          cache.add(key);
          throttle.succeeded(pair);
          return { kind: "ok", principal: current.principal };
        }
      }
      if (elsewhere === undefined) return throttle.failed(pair, wrongKey(key));
      const verdict = await askElsewhere(elsewhere, credentials, pair, key);
      if (verdict !== undefined) return verdict;
    }
    return { kind: "overloaded", retryAfterSeconds };
  }

  return {
    verify,
    cached(credentials) {
      if (elsewhere === undefined || table.users.has(credentials.user)) return recallHere(credentials);
      const known = elsewhere.recall(credentials);
      return known === "stale" ? undefined : known;
    },
    certified(names) {
      const [principal, ...others] = new Set(names.flatMap((name) => table.certificates.get(name) ?? []));
      return others.length === 0 ? principal : undefined;
    },
    replaceUsers(users, elsewhereNow) {
      table = users;
      elsewhere = elsewhereNow;
    },
    status: () => ({
      hashing: queue.running(),
      waiting: queue.waiting(),
      cached: cache.size(),
      throttleEntries: throttle.size(),
    }),
  };
}

interface Verification extends Credentials {
  readonly key: string;
  readonly secret: Secret | undefined;
  readonly decoys: readonly Decoy[];
}

/** Asked about in place of a login that is not to be told to anybody. */
const nobody: Credentials = { user: randomBytes(16).toString("hex"), password: standIn };

function isUsable(user: string, password: string): boolean {
  return passwordProblem(password, credentialBytes - Buffer.byteLength(user)) === undefined;
}

function scheduleTimeout(run: () => void, milliseconds: number): () => void {
  const timer = setTimeout(run, milliseconds).unref();
  return () => clearTimeout(timer);
}
