import { createHash, createHmac, randomBytes, randomInt } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { hash as bcryptHash, verify as bcryptVerify } from "@node-rs/bcrypt";
import { apr1 } from "./apr1.ts";
import { bcryptPasswordBytes, credentialBytes, passwordProblem } from "./password-rules.ts";
import { readArgon2, readScrypt } from "./phc.ts";
import { type HashReader, type HashReading, refused, type StoredHash, sameBytes } from "./stored-hash.ts";

/** The cost of the hashes made here, and of `bcrypt-cost` in Kapacitor: about 60 ms. */
const bcryptCost = 10;

/** bcrypt's digits; the last one of the salt holds two bits and that of the hash four, the rest are zero. */
const bcryptShape = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/;

const apr1Shape = /^\$apr1\$([./0-9A-Za-z]{1,8})\$([./0-9A-Za-z]{21}[./01])$/;

/** crypt(3), phpass and LDAP markers. */
const foreign =
  /^(?:\$(?:1|3|5|6|7|y|gy|md5|sha1|P|H|pbkdf2(?:-sha(?:1|256|512))?)\$|\{(?:S?SHA(?:224|256|384|512)?|SHA1|S?MD5|CRYPT|BLF-CRYPT|PBKDF2|ARGON2ID?|PLAIN|CLEARTEXT)\})/i;

/** What is left of a hash when a shell or compose took `$2`, `$v`, `$ln` and the like for variables. */
const leftOver = /^(?:[aby]\d(?:[./][./A-Za-z0-9]{0,52})?|=\d+(?:=\d+,t=\d|,r=\d).*)$/s;

const dollarHint =
  "in docker-compose.yml and its env files every $ of a hash is written $$, elsewhere once, in single quotes";

const readers: readonly HashReader[] = [readBcrypt, readScrypt, readArgon2, readApr1, readSha1, readForeign, readPlain];

/** What {@link describeHash} found. */
export type HashDescription =
  | ({ readonly ok: true } & Pick<StoredHash, "scheme" | "weak" | "costClass" | "longestPassword">)
  | { readonly ok: false; readonly text: string };

/**
 * Says how a password is stored, or what is wrong with the text. Whatever looks like no hash is a plain text password;
 * who wants hashes alone refuses the scheme `plain`. What cannot be verified here is refused, never taken for plain text.
 * @returns a failure's `text` is the rest of a sentence whose subject is the hash; it never holds the hash
 */
export function describeHash(text: string): HashDescription {
  const reading = read(text);
  if (!reading.ok) return reading;
  const { scheme, weak, costClass, longestPassword } = reading.hash;
  return { ok: true, scheme, weak, costClass, longestPassword };
}

/**
 * Verifies a password, off the event loop for bcrypt, scrypt and argon2id. A hash that is not understood verifies
 * nothing: false. Lengths and characters of the password are the caller's to judge (bcrypt ignores what is behind byte 72).
 * Rejects only when the runtime fails, for lack of memory for example.
 */
export async function verifyHash(hash: string, password: string): Promise<boolean> {
  const reading = read(hash);
  return reading.ok && (await reading.hash.verify(password));
}

/**
 * Hashes a password with bcrypt at cost 10.
 * @throws RangeError for a password that {@link passwordProblem} refuses at 72 bytes; ask there first
 */
export async function hashPassword(password: string): Promise<string> {
  const problem = passwordProblem(password, bcryptPasswordBytes);
  if (problem !== undefined) throw new RangeError(`the password ${problem}`);
  return bcryptHash(password, bcryptCost);
}

/** Makes a hash that takes as long to verify as the given one and that nobody knows a password of; undefined for no hash. */
export function decoyFor(hash: string): string | undefined {
  const reading = read(hash);
  return reading.ok ? reading.hash.decoy() : undefined;
}

function read(text: string): HashReading {
  for (const reader of readers) {
    const reading = reader(text);
    if (reading !== undefined) return reading;
  }
  return refused("is not a password");
}

function readBcrypt(text: string): HashReading | undefined {
  if (!/^\$2[abxy]?(?:[$\d]|$)/.test(text)) return undefined;
  const digits = bcryptShape.exec(text)?.[1];
  if (digits === undefined)
    return refused(`is not a complete bcrypt hash ($2a, $2b or $2y, 60 characters): ${dollarHint}`);
  const cost = Number(digits);
  if (cost < 4 || cost > 14) return refused(`is a bcrypt hash of cost ${cost}; 4 to 14 are taken, 10 is usual`);
  return {
    ok: true,
    hash: {
      scheme: "bcrypt",
      weak: false,
      costClass: `bcrypt ${cost}`,
      longestPassword: bcryptPasswordBytes,
      verify: (password) => bcryptVerify(password, text),
      decoy: () => `$2b$${digits}$${letters(21)}.${letters(30)}.`,
    },
  };
}

function readApr1(text: string): HashReading | undefined {
  if (!text.startsWith("$apr1$")) return undefined;
  const match = apr1Shape.exec(text);
  if (match === null) return refused(`is not a complete $apr1$ hash: ${dollarHint}`);
  const [, salt = "", digest = ""] = match;
  return {
    ok: true,
    hash: {
      scheme: "apr1",
      weak: true,
      costClass: "apr1",
      longestPassword: credentialBytes,
      // It runs on this thread: in a turn of its own, so that a queue of logins leaves room for everything else.
      verify: async (password) => {
        await setImmediate();
        return sameBytes(Buffer.from(apr1(password, salt)), Buffer.from(digest));
      },
      decoy: () => `$apr1$${letters(salt.length)}$${letters(21)}.`,
    },
  };
}

function readSha1(text: string): HashReading | undefined {
  if (!text.startsWith("{SHA}")) return undefined;
  const digest = Buffer.from(text.slice(5), "base64");
  if (digest.length !== 20 || `{SHA}${digest.toString("base64")}` !== text)
    return refused("is not a complete {SHA} hash");
  return {
    ok: true,
    hash: {
      scheme: "sha1",
      weak: true,
      costClass: "sha1",
      longestPassword: credentialBytes,
      verify: async (password) => sameBytes(createHash("sha1").update(password).digest(), digest),
      decoy: () => `{SHA}${randomBytes(20).toString("base64")}`,
    },
  };
}

/**
 * Hashes of schemes that are not taken and hashes that lost their `$`: never a password in plain text.
 * Known markers only: of a password that merely begins with `$` nothing may be repeated.
 */
function readForeign(text: string): HashReading | undefined {
  if (text.startsWith("$$")) return refused(`begins with $$: ${dollarHint}`);
  if (leftOver.test(text)) return refused(`looks like a hash that lost its $ signs: ${dollarHint}`);
  const marker = foreign.exec(text)?.[0];
  if (marker === undefined) return undefined;
  return refused(`is a ${marker} hash, which is not taken; make a bcrypt hash: kapgate hash-password`);
}

function readPlain(text: string): HashReading {
  const problem = passwordProblem(text);
  if (problem !== undefined) return refused(problem);
  const key = randomBytes(32);
  const seal = (password: string) => createHmac("sha256", key).update(password).digest();
  return {
    ok: true,
    hash: {
      scheme: "plain",
      weak: true,
      costClass: "plain",
      longestPassword: credentialBytes,
      verify: async (password) => sameBytes(seal(password), seal(text)),
      decoy: () => letters(16),
    },
  };
}

const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function letters(count: number): string {
  return Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join("");
}
