import ipaddr from "ipaddr.js";

export interface ThrottleOptions {
  /** Failures that are answered 401 before a pair is throttled, 10 unless told. */
  readonly limit?: number;
  /** Pairs remembered, 10,000 unless told. */
  readonly capacity?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** What a failed login is answered with. */
export type Failure = { readonly kind: "invalid" } | { readonly kind: "throttled"; readonly retryAfterSeconds: number };

/** A group of client addresses and a user name: see {@link pairOf}. */
export type Pair = string;

/** Counts failed logins per client address and user name. It never decides about a password, it only slows guessing down. */
export interface Throttle {
  readonly isThrottled: (pair: Pair) => boolean;
  /** Whether this very verification (a key of the verified cache) failed before; saves doing it again. */
  readonly knowsWrong: (pair: Pair, key: string) => boolean;
  /** The time, on the clock given, before which no further password of this pair should be verified. */
  readonly readyAt: (pair: Pair) => number;
  /** A verification for this pair begins. */
  readonly started: (pair: Pair) => void;
  /** A verification failed: counts it and says what to answer. */
  readonly failed: (pair: Pair, key: string) => Failure;
  /** A verification succeeded: what this pair did before is forgiven. */
  readonly succeeded: (pair: Pair) => void;
  readonly size: () => number;
}

const firstWindow = 30_000;
const longestWindow = 15 * 60_000;
/** A pair is forgotten when it has not failed for this long after its window. */
const memory = 15 * 60_000;
/** Each failure past the limit puts so much between two verifications of the pair, up to the most. */
const paceStep = 100;
const slowestPace = 2_000;
/** Wrong passwords remembered of one pair: what badly configured clients repeat. */
const wrongKept = 4;
/** Longer user names than can exist are cut for the table, so that its size in bytes is bounded as well. */
const nameKept = 256;

interface Entry {
  readonly failures: number;
  /** End of the window in which failures are answered 429. */
  readonly until: number;
  readonly forgetAt: number;
  readonly startedAt: number;
  readonly wrong: readonly string[];
}

/**
 * The failed-login throttle. The first `limit` failures of a pair are 401, the next ones 429 while its window lasts: 30
 * seconds, doubled by every further failure up to 15 minutes. In the window passwords are still verified, because a right one
 * is always accepted, but one at a time and ever more slowly (up to 2 s apart): about 43,000 guesses a day, for one user
 * from one address. A wrong password that is repeated is answered from memory.
 *
 * Half of the table is for pairs that are throttled and half for those that are not, so that neither crowds the other out.
 * Where a half is full, the pair that has not failed for longest is forgotten and starts at zero: it fails towards letting
 * people try. So a million addresses do not make it grow and nobody is locked out by filling it; to free one throttled pair
 * an attacker must get `capacity / 2` others throttled, and has won `limit` guesses.
 */
export function createThrottle(options: ThrottleOptions): Throttle {
  const { limit = 10, capacity = 10_000, now } = options;
  const half = Math.max(1, Math.floor(capacity / 2));
  // Both in order of the last failure.
  const counting = new Map<Pair, Entry>();
  const throttled = new Map<Pair, Entry>();

  function find(pair: Pair): Entry | undefined {
    const entry = throttled.get(pair) ?? counting.get(pair);
    return entry !== undefined && now() < entry.forgetAt ? entry : undefined;
  }

  function forget(pair: Pair): void {
    counting.delete(pair);
    throttled.delete(pair);
  }

  function put(pair: Pair, entry: Entry): void {
    forget(pair);
    const map = entry.failures < limit ? counting : throttled;
    const [idle] = map.keys();
    if (map.size >= half && idle !== undefined) map.delete(idle);
    map.set(pair, entry);
  }

  const secondsUntil = (time: number) => Math.max(1, Math.ceil((time - now()) / 1000));
  const inWindow = (entry: Entry | undefined): entry is Entry => entry !== undefined && now() < entry.until;

  return {
    isThrottled: (pair) => inWindow(find(pair)),
    knowsWrong: (pair, key) => find(pair)?.wrong.includes(key) ?? false,
    readyAt(pair) {
      const entry = find(pair);
      if (!inWindow(entry)) return Number.NEGATIVE_INFINITY;
      return entry.startedAt + Math.min(slowestPace, paceStep * (entry.failures - limit + 1));
    },
    started(pair) {
      const map = throttled.has(pair) ? throttled : counting;
      const entry = find(pair);
      if (entry !== undefined) map.set(pair, { ...entry, startedAt: now() });
    },
    failed(pair, key) {
      const time = now();
      const entry = find(pair) ?? { failures: 0, until: time, forgetAt: time, startedAt: time, wrong: [] };
      const failures = entry.failures + 1;
      const window = failures < limit ? 0 : Math.min(longestWindow, firstWindow * 2 ** (failures - limit));
      const until = time + window;
      const wrong = entry.wrong.includes(key) ? entry.wrong : [...entry.wrong, key].slice(-wrongKept);
      put(pair, { failures, until, forgetAt: until + memory, startedAt: entry.startedAt, wrong });
      return inWindow(entry) ? { kind: "throttled", retryAfterSeconds: secondsUntil(until) } : { kind: "invalid" };
    },
    succeeded: forget,
    size: () => counting.size + throttled.size,
  };
}

/**
 * Whoever has one IPv6 address has its whole /64; IPv4 is counted alone, however it is written. What is no address is
 * counted together.
 */
export function addressGroup(address: string): string {
  if (!ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  return parsed.kind() === "ipv4" ? parsed.toString() : Buffer.from(parsed.toByteArray().slice(0, 8)).toString("hex");
}

/** What failures are counted for. @param group of {@link addressGroup}, which holds no space */
export function pairOf(group: string, user: string): Pair {
  return `${group} ${user.slice(0, nameKept)}`;
}
