import { timingSafeEqual } from "node:crypto";

/** The ways a password may be stored. `plain` is a password in the configuration as it is. */
export type Scheme = "bcrypt" | "scrypt" | "argon2id" | "apr1" | "sha1" | "plain";

/** A stored hash that was understood. */
export interface StoredHash {
  readonly scheme: Scheme;
  /** True when whoever reads the hash soon has the password: worth a warning. */
  readonly weak: boolean;
  /** Hashes of one class take the same time to verify. */
  readonly costClass: string;
  /** Bytes of the longest password it can tell apart. */
  readonly longestPassword: number;
  /** Takes a password of any length; false when it is another one. Rejects when the runtime fails (memory). */
  readonly verify: (password: string) => Promise<boolean>;
  /** Makes a hash of this class that nobody knows a password of. Cheap: nothing is hashed. */
  readonly decoy: () => string;
}

/** The reading of a text by one scheme; the text of a failure never holds the hash. */
export type HashReading =
  | { readonly ok: true; readonly hash: StoredHash }
  | { readonly ok: false; readonly text: string };

/** Reads a text as one scheme does: undefined when it is not meant for that scheme at all. */
export type HashReader = (text: string) => HashReading | undefined;

/** A failed reading. */
export function refused(text: string): HashReading {
  return { ok: false, text };
}

/** Compares in a time that does not depend on where the bytes differ. Lengths are public: they belong to the scheme. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
