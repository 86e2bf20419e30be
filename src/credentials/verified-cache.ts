import { createHmac, createSecretKey, randomBytes } from "node:crypto";

export interface VerifiedCacheOptions {
  /** Verdicts kept, 16,384 unless told, so that every user of a large table has one; the one unused for longest goes first. */
  readonly capacity?: number;
  /** Milliseconds after its last use that a verdict is forgotten, ten minutes unless told. */
  readonly ttlMilliseconds?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** Remembers that a password was verified, so that a hash is computed once and not with every request. */
export interface VerifiedCache {
  /** Names a verification: the same text only for the same user, stored hash and password. */
  readonly keyOf: (user: string, hash: string, password: string) => string;
  /** Whether that verification succeeded, as far as is remembered. Fails towards "no", which costs a verification. */
  readonly has: (key: string) => boolean;
  readonly add: (key: string) => void;
  readonly size: () => number;
}

/**
 * A bounded cache of positive verdicts. Its keys are HMAC-SHA256 under a random key of this process over user, stored hash
 * and password, each with its length before it, so that no other split of the same characters has the same key (the fault of
 * CVE-2022-46146) and memory holds no password. As the stored hash is part of the key, a verdict is right for ever and
 * survives a reload; a user who was changed or removed is looked up with another hash, or not at all. The time limit only
 * bounds how long an unused verdict stays in memory, so use extends it.
 */
export function createVerifiedCache(options: VerifiedCacheOptions): VerifiedCache {
  const { capacity = 16_384, ttlMilliseconds = 600_000, now } = options;
  const secret = createSecretKey(randomBytes(32));
  const usedAt = new Map<string, number>();

  function dropOldest(): void {
    let oldest: string | undefined;
    let time = Number.POSITIVE_INFINITY;
    for (const [key, used] of usedAt) {
      if (used < time) [oldest, time] = [key, used];
    }
    if (oldest !== undefined) usedAt.delete(oldest);
  }

  return {
    keyOf(user, hash, password) {
      const text = `${user.length}:${user}${hash.length}:${hash}${password.length}:${password}`;
      return createHmac("sha256", secret).update(text).digest("base64");
    },
    has(key) {
      const used = usedAt.get(key);
      if (used === undefined) return false;
      const time = now();
      if (time - used >= ttlMilliseconds) {
        usedAt.delete(key);
        return false;
      }
      usedAt.set(key, time);
      return true;
    },
    add(key) {
      if (!usedAt.has(key) && usedAt.size >= capacity) dropOldest();
      usedAt.set(key, now());
    },
    size: () => usedAt.size,
  };
}
