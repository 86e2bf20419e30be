import type { Problem } from "../problem.ts";
import { describeHash } from "./hashes.ts";
import { nameProblem } from "./password-rules.ts";

/** One user of an htpasswd file whose name and hash can be used. */
export interface HtpasswdEntry {
  readonly name: string;
  readonly hash: string;
  /** 1-based. */
  readonly line: number;
}

const remedy = "make a bcrypt one: htpasswd -B FILE USER, or kapgate hash-password";

/**
 * Reads an htpasswd file as Apache and nginx do: `name:hash`, optionally `:comment`; lines that are empty or begin with
 * `#` are skipped. Every line that cannot be used is an error, so that nobody finds out at the login: crypt, SHA-256 and
 * SHA-512 of crypt(3), plain text, a name twice. `$apr1$` and `{SHA}` are used, with a warning.
 * @param source the file's name for the problems, which never hold a hash
 */
export function parseHtpasswd(
  text: string,
  source: string,
): { readonly entries: readonly HtpasswdEntry[]; readonly problems: readonly Problem[] } {
  const entries = new Map<string, HtpasswdEntry>();
  const problems: Problem[] = [];
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  for (const [index, content] of lines.entries()) {
    const line = index + 1;
    if (content.trim() === "" || content.trimStart().startsWith("#")) continue;
    const report = (severity: Problem["severity"], what: string) =>
      problems.push({ severity, source, line, text: what });
    const [name = "", hash] = content.split(":").map((field, place) => (place === 0 ? field : field.trim()));
    if (hash === undefined) {
      report("error", "no colon: a line is name:hash");
      continue;
    }
    const wrong = nameProblem(name) ?? twice(entries.get(name));
    if (wrong !== undefined) {
      report("error", `the user name ${wrong}`);
      continue;
    }
    const description = describeHash(hash);
    if (!description.ok) {
      report("error", `the hash of ${name} ${description.text}; ${remedy}`);
    } else if (description.scheme === "plain") {
      report("error", `the hash of ${name} is crypt or plain text, which is not taken; ${remedy}`);
    } else {
      if (description.weak) report("warning", `the hash of ${name} (${description.scheme}) is weak; ${remedy}`);
      entries.set(name, { name, hash, line });
    }
  }
  return { entries: [...entries.values()], problems };
}

function twice(first: HtpasswdEntry | undefined): string | undefined {
  return first === undefined ? undefined : `stands twice: first on line ${first.line}`;
}
