import type { Principal } from "../core/principal.ts";
import type { Credentials } from "./basic.ts";
import { createHashQueue, type HashOutcome, type HashQueueOptions } from "./hash-queue.ts";
import { verifyHash } from "./hashes.ts";
import { credentialBytes, passwordProblem, subscriberName } from "./password-rules.ts";
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
  | { readonly kind: "overloaded"; readonly retryAfterSeconds: number };

export interface VerifierOptions {
  readonly users: UserTable;
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
  /** Verifies, in the time of a hash or more, unless it was done before. Rejects when the runtime fails (memory). */
  readonly verify: (credentials: Credentials, clientAddress: string) => Promise<Verdict>;
  /** The principal of credentials verified lately, within microseconds; undefined says nothing about them. */
  readonly cached: (credentials: Credentials) => Principal | undefined;
  /** From now on these users: what is being verified is judged by them as well. */
  readonly replaceUsers: (users: UserTable) => void;
  readonly status: () => VerifierStatus;
}

const retryAfterSeconds = 1;

/** How often a verification is done again because the user's hash changed meanwhile. */
const attempts = 3;

/** Hashed in place of a password that cannot be right, so that it costs what another wrong one costs. */
const standIn = "stand-in";

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
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { now = () => performance.now(), schedule = scheduleTimeout } = options;
  const { verifyHash: check = verifyHash, concurrency = 2 } = options;
  const cache = createVerifiedCache({ ...options.cache, now });
  const throttle = createThrottle({ ...options.throttle, now });
  const queue = createHashQueue({ ...options.queue, concurrency, now, schedule });
  const inFlight = new Map<string, Promise<HashOutcome>>();
  let table = options.users;

  /** The verification that the credentials ask for, of the table of this moment. */
  function look({ user, password }: Credentials): Verification {
    const known = table.users.get(user);
    const [decoy] = table.decoys;
    const key = cache.keyOf(user, known?.secret?.hash ?? decoy?.hash ?? "", password);
    return { user, password, key, secret: known?.secret, decoys: table.decoys };
  }

  /** Only for who is in the table with the hash that was verified, and as what he is there now. */
  function recall({ user, secret, key }: Verification): Principal | undefined {
    return secret !== undefined && cache.has(key) ? table.users.get(user)?.principal : undefined;
  }

  async function hashAll({ user, password, secret, decoys }: Verification): Promise<boolean> {
    const usable = passwordProblem(password, credentialBytes - Buffer.byteLength(user)) === undefined;
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

  async function verify(credentials: Credentials, clientAddress: string): Promise<Verdict> {
    const { user } = credentials;
    if (user === subscriberName) return { kind: "invalid" };
    const source = addressGroup(clientAddress);
    const pair = pairOf(source, user);
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const verification = look(credentials);
      const principal = recall(verification);
      if (principal !== undefined) return { kind: "ok", principal };
      const { key, secret } = verification;
      if (throttle.knowsWrong(pair, key)) return throttle.failed(pair, key);
      const outcome = await submit(verification, source, pair);
      if (outcome.kind === "refused") break;
      const current = table.users.get(user);
      if (current?.secret?.hash !== secret?.hash) continue;
      if (!outcome.right || current === undefined) return throttle.failed(pair, key);
      cache.add(key);
      throttle.succeeded(pair);
      return { kind: "ok", principal: current.principal };
    }
    return { kind: "overloaded", retryAfterSeconds };
  }

  return {
    verify,
    cached: (credentials) => recall(look(credentials)),
    replaceUsers(users) {
      table = users;
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

function scheduleTimeout(run: () => void, milliseconds: number): () => void {
  const timer = setTimeout(run, milliseconds).unref();
  return () => clearTimeout(timer);
}
