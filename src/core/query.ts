import { decodePercent } from "./target.ts";

/** Credentials from the query (`u`, `p`), and the query without them. */
export interface QueryCredentials {
  /** Both given and readable, as Kapacitor demands (services/httpd/handler.go parseCredentials). */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  /** The query with every parameter that decodes to `u` or `p` removed; all other bytes as they came. undefined when there was none. */
  readonly rest: string | undefined;
}

/** What a write says in its query. `rest` is what is forwarded. */
export interface WriteQuery extends QueryCredentials {
  readonly db: string;
  readonly rp: string;
  readonly precision: string;
  readonly consistency: string;
}

export type WriteQueryResult =
  | { readonly ok: true; readonly query: WriteQuery }
  | { readonly ok: false; readonly text: string };

interface Pair {
  readonly raw: string;
  readonly name: string | undefined;
  readonly value: string | undefined;
}

/** `+` is a space in a query (Go's url.QueryUnescape). */
function decode(text: string): string | undefined {
  return decodePercent(text.replaceAll("+", " "));
}

function pairs(query: string, separator: RegExp): Pair[] {
  return query.split(separator).map((raw) => {
    const equals = raw.indexOf("=");
    return {
      raw,
      name: decode(equals === -1 ? raw : raw.slice(0, equals)),
      value: decode(equals === -1 ? "" : raw.slice(equals + 1)),
    };
  });
}

const isCredential = (name: string | undefined): boolean => name === "u" || name === "p";

function pick(list: readonly Pair[]): QueryCredentials["credentials"] {
  const users = list.filter((pair) => pair.name === "u");
  const passwords = list.filter((pair) => pair.name === "p");
  const user = users[0]?.value;
  const password = passwords[0]?.value;
  // Given twice, two readers could take different ones: nobody is logged in by that.
  if (users.length !== 1 || passwords.length !== 1 || !user || !password) return undefined;
  return { user, password };
}

/**
 * Reads `u` and `p` from an API lane query. Old Kapacitor builds split at `;` as well (Go before 1.17), so such parts are searched and
 * removed too. Anything else in the query is Kapacitor's business and passes unchanged. Unreadable or repeated credentials count as none.
 */
export function readQueryCredentials(query: string | undefined): QueryCredentials {
  if (query === undefined || query === "") return { credentials: undefined, rest: query };
  const list = pairs(query, /[&;]/);
  if (!list.some((pair) => isCredential(pair.name))) return { credentials: undefined, rest: query };
  const separators = query.match(/[&;]/g) ?? [];
  let rest = "";
  list.forEach((pair, index) => {
    if (isCredential(pair.name)) return;
    rest += (rest === "" ? "" : (separators[index - 1] ?? "&")) + pair.raw;
  });
  return { credentials: pick(list), rest: rest === "" ? undefined : rest };
}

const single = new Set(["db", "rp", "precision", "consistency", "u", "p"]);

/**
 * Reads the query of a write. Refuses what Kapacitor versions read differently: a `;`, a bad escape, and any of the named parameters twice
 * under any spelling, because the database is what a user may or may not write to.
 */
export function readWriteQuery(query: string | undefined): WriteQueryResult {
  const text = query ?? "";
  if (text.includes(";")) return { ok: false, text: "bad query: it holds a semicolon" };
  const list = text === "" ? [] : pairs(text, /&/);
  const seen = new Map<string, string>();
  for (const pair of list) {
    if (pair.name === undefined || pair.value === undefined)
      return { ok: false, text: "bad query: it holds a bad percent escape or is not UTF-8" };
    if (!single.has(pair.name)) continue;
    if (seen.has(pair.name)) return { ok: false, text: `bad query: ${pair.name} is given twice` };
    seen.set(pair.name, pair.value);
  }
  const kept = list.filter((pair) => !isCredential(pair.name)).map((pair) => pair.raw);
  return {
    ok: true,
    query: {
      db: seen.get("db") ?? "",
      rp: seen.get("rp") ?? "",
      precision: seen.get("precision") ?? "",
      consistency: seen.get("consistency") ?? "",
      credentials: pick(list),
      rest: kept.length === list.length ? query : kept.length === 0 ? undefined : kept.join("&"),
    },
  };
}
