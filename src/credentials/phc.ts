import crypto from "node:crypto";
import { promisify } from "node:util";
import { credentialBytes } from "./password-rules.ts";
import { type HashReading, refused, sameBytes } from "./stored-hash.ts";

/** Memory of one verification, at most: two of them run at a time. */
const memoryBytes = 128 * 2 ** 20;

/** Work of one verification, at most, in units of the scheme: about one second, as bcrypt at cost 14. */
const scryptWork = 2 ** 21;
const argon2Work = 2 ** 19;

const deriveScrypt = promisify<string, Buffer, number, crypto.ScryptOptions, Buffer>(crypto.scrypt);

/** `$scrypt$ln=14,r=8,p=1$SALT$HASH`, ln = log2 N, base64 without padding: what passlib writes. */
const scryptShape = /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, m in KiB: the reference encoding (RFC 9106 has the parameters). */
const argon2Shape =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d{0,4}),p=([1-9]\d?)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Reads a scrypt hash in PHC form. Refuses what would take more than 128 MiB or about a second to verify. */
export function readScrypt(text: string): HashReading | undefined {
  if (!text.startsWith("$scrypt$")) return undefined;
  const match = scryptShape.exec(text);
  if (match === null) return refused("is not a complete scrypt hash ($scrypt$ln=…,r=…,p=…$salt$hash)");
  const [ln = 0, r = 0, p = 0] = match.slice(1, 4).map(Number);
  const secret = saltAndHash(match[4], match[5]);
  if (secret === undefined) return refused(badSalt("scrypt"));
  if (ln >= 16 * r) return refused("is a scrypt hash whose ln is not below 16 times its r (RFC 7914 section 2)");
  const N = 2 ** ln;
  if (128 * N * r > memoryBytes)
    return refused("is a scrypt hash that takes more than 128 MiB to verify; lower ln or r");
  if (N * r * p > scryptWork) return refused("is a scrypt hash that takes too long to verify; lower ln, r or p");
  const parameters = `ln=${ln},r=${r},p=${p}`;
  const options = { N, r, p, maxmem: 2 * memoryBytes };
  return {
    ok: true,
    hash: {
      scheme: "scrypt",
      weak: false,
      costClass: `scrypt ${parameters} ${secret.hash.length}`,
      longestPassword: credentialBytes,
      verify: async (password) =>
        sameBytes(await deriveScrypt(password, secret.salt, secret.hash.length, options), secret.hash),
      decoy: () => `$scrypt$${parameters}${noise(secret)}`,
    },
  };
}

/**
 * Reads an argon2id hash in PHC form; refuses what would take more than 128 MiB or about a second to verify.
 * @param available whether the runtime has argon2: Node since 24.7, unless built with an old OpenSSL
 */
export function readArgon2(text: string, available: () => boolean = argon2Available): HashReading | undefined {
  if (!text.startsWith("$argon2")) return undefined;
  const match = argon2Shape.exec(text);
  if (match === null) {
    return refused(
      "is not a complete argon2id hash ($argon2id$v=19$m=…,t=…,p=…$salt$hash; argon2i and argon2d are not taken)",
    );
  }
  const [memory = 0, passes = 0, parallelism = 0] = match.slice(1, 4).map(Number);
  const secret = saltAndHash(match[4], match[5]);
  if (secret === undefined) return refused(badSalt("argon2id"));
  if (memory < 8 * parallelism) return refused("is an argon2id hash whose m is below 8 times its p");
  if (1024 * memory > memoryBytes)
    return refused("is an argon2id hash that takes more than 128 MiB to verify; lower m");
  if (memory * passes > argon2Work) return refused("is an argon2id hash that takes too long to verify; lower m or t");
  if (!available()) {
    return refused(
      "is an argon2id hash, which this Node cannot verify (24.7 or newer can); use bcrypt: kapgate hash-password",
    );
  }
  const parameters = `m=${memory},t=${passes},p=${parallelism}`;
  const options = { nonce: secret.salt, parallelism, tagLength: secret.hash.length, memory, passes };
  return {
    ok: true,
    hash: {
      scheme: "argon2id",
      weak: false,
      costClass: `argon2id ${parameters} ${secret.hash.length}`,
      longestPassword: credentialBytes,
      verify: async (password) => sameBytes(await deriveArgon2({ ...options, message: password }), secret.hash),
      decoy: () => `$argon2id$v=19$${parameters}${noise(secret)}`,
    },
  };
}

/** Asked of the runtime by the smallest possible hash: the function may exist and its OpenSSL still lack argon2. */
function argon2Available(): boolean {
  try {
    crypto.argon2Sync("argon2id", {
      message: "",
      nonce: Buffer.alloc(8),
      parallelism: 1,
      tagLength: 4,
      memory: 8,
      passes: 1,
    });
    return true;
  } catch {
    return false;
  }
}

function deriveArgon2(parameters: crypto.Argon2Parameters): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    crypto.argon2("argon2id", parameters, (error, derived) => (error === null ? resolve(derived) : reject(error)));
  });
}

interface SaltAndHash {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

function saltAndHash(saltText = "", hashText = ""): SaltAndHash | undefined {
  const salt = Buffer.from(saltText, "base64");
  const hash = Buffer.from(hashText, "base64");
  const exact = unpadded(salt) === saltText && unpadded(hash) === hashText;
  const sized = salt.length >= 8 && salt.length <= 64 && hash.length >= 16 && hash.length <= 64;
  return exact && sized ? { salt, hash } : undefined;
}

function badSalt(scheme: string): string {
  return `is a damaged ${scheme} hash: the salt must be 8 to 64 bytes and the hash 16 to 64, in base64 without padding`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

function noise(like: SaltAndHash): string {
  return `$${unpadded(crypto.randomBytes(like.salt.length))}$${unpadded(crypto.randomBytes(like.hash.length))}`;
}
