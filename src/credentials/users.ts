import type { Principal, Role } from "../core/principal.ts";
import type { Problem } from "../problem.ts";
import { readCertificateName } from "./certificate-names.ts";
import { decoyFor, describeHash } from "./hashes.ts";
import { nameProblem } from "./password-rules.ts";

/** A user as configured, wherever that was. */
export interface UserEntry {
  readonly name: string;
  /** Hash or plain text password; undefined for a user who has a client certificate and no password. */
  readonly hash: string | undefined;
  /**
   * What the place takes: `hash` no plain text (the default), `password` plain text with a warning, `htpasswd` no plain
   * text, and weak hashes were reported by {@link parseHtpasswd}.
   */
  readonly given?: "hash" | "password" | "htpasswd";
  /** The client certificate that is this user, see {@link readCertificateName}; "" or undefined for none. */
  readonly certificate?: string;
  readonly role: Role;
  readonly instances: readonly string[];
  readonly databases: readonly string[];
  /** Where it stands, for problems: file or variable, line, key (`user[0]`, `http`). */
  readonly source?: string;
  readonly line?: number;
  readonly key?: string;
}

/** What a password is verified against. */
export interface Secret {
  readonly hash: string;
  /** See {@link Decoy}. */
  readonly costClass: string;
  /** Bytes; a longer password is wrong, whatever the hash says. */
  readonly longestPassword: number;
}

/** A user who may log in: with a password, or without a secret by other means alone (a client certificate). */
export interface User {
  readonly principal: Principal;
  readonly secret: Secret | undefined;
}

/** A hash without a password that takes as long to verify as every hash of its class. */
export interface Decoy {
  readonly costClass: string;
  readonly hash: string;
}

/** Everybody who may log in. Never changed: a reload makes a new one. */
export interface UserTable {
  readonly users: ReadonlyMap<string, User>;
  /** Users by the name of their client certificate. */
  readonly certificates: ReadonlyMap<string, Principal>;
  /** One for each class of hashes in use: a failed login takes one verification of each, whoever it names. */
  readonly decoys: readonly Decoy[];
}

const hashAdvice =
  "$2a, $2b or $2y, scrypt or argon2id is taken; kapgate hash-password makes one, and in docker-compose.yml every $ of it is written $$";

/**
 * Judges the users and makes the table of them. An entry with an error is left out (an error stops the start, or keeps
 * the table of before a reload), so whatever is in doubt cannot log in. Names are compared byte by byte.
 */
export function compileUsers(entries: readonly UserEntry[]): {
  readonly users: UserTable;
  readonly problems: readonly Problem[];
} {
  const users = new Map<string, User>();
  const certificates = new Map<string, Principal>();
  const seen = new Map<string, UserEntry>();
  const decoys = new Map<string, Decoy>();
  const problems: Problem[] = [];
  for (const entry of entries) {
    const first = seen.get(entry.name);
    const wrong = nameProblem(entry.name) ?? (first && `${entry.name} stands twice${firstPlace(first)}`);
    if (wrong !== undefined) {
      problems.push(problemOf(entry, "error", `the user name ${wrong}`));
      continue;
    }
    seen.set(entry.name, entry);
    const judged = judgeHash(entry);
    if (!judged.ok) {
      problems.push(problemOf(entry, "error", judged.text));
      continue;
    }
    if (judged.warning !== undefined) problems.push(problemOf(entry, "warning", judged.warning));
    const { secret } = judged;
    const principal = principalOf(entry);
    if (entry.certificate) {
      const named = readCertificateName(entry.certificate);
      const owner = named.ok ? certificates.get(named.name) : undefined;
      if (!named.ok || owner !== undefined) {
        const text = named.ok ? `is the certificate of ${owner?.name} as well` : named.text;
        problems.push(problemOf(entry, "error", `the certificate of ${entry.name} ${text}`, "certificate"));
        continue;
      }
      certificates.set(named.name, principal);
    }
    users.set(entry.name, { principal, secret });
    if (secret === undefined) continue;
    const hash = decoyFor(secret.hash);
    if (hash !== undefined) decoys.set(secret.costClass, { costClass: secret.costClass, hash });
  }
  return { users: { users, certificates, decoys: [...decoys.values()] }, problems };
}

type Judged =
  | { readonly ok: true; readonly secret: Secret | undefined; readonly warning?: string }
  | { readonly ok: false; readonly text: string };

function judgeHash({ name, hash, given = "hash" }: UserEntry): Judged {
  if (hash === undefined && given === "password") return { ok: false, text: `${name} has no password` };
  if (hash === undefined) return { ok: true, secret: undefined };
  const subject = given === "password" ? "password" : "hash";
  const description = describeHash(hash);
  if (!description.ok) return { ok: false, text: `the ${subject} of ${name} ${description.text}` };
  const { scheme, weak, costClass, longestPassword } = description;
  const secret = { hash, costClass, longestPassword };
  if (scheme === "plain" && given !== "password")
    return { ok: false, text: `the hash of ${name} is none: ${hashAdvice}` };
  if (!weak || given === "htpasswd") return { ok: true, secret };
  const what = scheme === "plain" ? "is plain text" : `is a weak hash (${scheme})`;
  return { ok: true, secret, warning: `the ${subject} of ${name} ${what}; kapgate hash-password makes a better one` };
}

function principalOf({ name, role, instances, databases }: UserEntry): Principal {
  return Object.freeze({
    name,
    role,
    instances: Object.freeze([...instances]),
    databases: Object.freeze([...databases]),
  });
}

function firstPlace({ source, line, key }: UserEntry): string {
  const place = [source, line, key].filter((part) => part !== undefined).join(":");
  return place === "" ? "" : `: first at ${place}`;
}

function problemOf(
  { source, line, key }: UserEntry,
  severity: Problem["severity"],
  text: string,
  part?: string,
): Problem {
  return {
    severity,
    text,
    ...(source === undefined ? {} : { source }),
    ...(line === undefined ? {} : { line }),
    ...(key === undefined ? {} : { key: part === undefined ? key : `${key}.${part}` }),
  };
}
