import { type Answer, failure, pretty } from "./answer.ts";
import { compareText, type Encodable } from "./go-json-write.ts";
import { first, matchGlob, type Query } from "./go-url.ts";

/** For a field that exists and that this item does not have. */
export const omitted: unique symbol = Symbol("omitted");

/** What `GET` of a collection (tasks, templates, recordings, replays) has in common. */
export interface Listing<T> {
  /** The member of the answer: `tasks`. */
  readonly name: string;
  readonly items: ReadonlyMap<string, T>;
  /** In which order: by id (the default), or by something else. */
  readonly order?: (left: T, right: T) => number;
  /** Fields that are shown when the request names none. */
  readonly fields: readonly string[];
  /** The value of a field; undefined when there is no such field. */
  readonly show: (item: T, field: string) => Encodable | typeof omitted | undefined;
  /** Kapacitor ignores pattern and offset of tasks when the limit is negative; elsewhere that lists nothing. */
  readonly unlimited: boolean;
}

/** Answers with the items whose id matches `pattern`, from `offset` on, at most `limit`; each with `fields`. */
export function listed<T>(query: Query, listing: Listing<T>): Answer {
  const named = query.get("fields") ?? [];
  const fields = named.length === 0 ? listing.fields : [...named, "id", "link"];
  const offset = integer(query, "offset", 0);
  if (typeof offset === "string") return failure(400, offset);
  const limit = integer(query, "limit", 100);
  if (typeof limit === "string") return failure(400, limit);
  const shown: Encodable[] = [];
  for (const item of selected(listing, first(query, "pattern"), offset, limit)) {
    const members = new Map<string, Encodable>();
    for (const field of fields) {
      const value = listing.show(item, field);
      if (value === undefined) return failure(400, `unsupported field "${field}"`);
      if (value !== omitted) members.set(field, value);
    }
    shown.push(members);
  }
  return pretty({ [listing.name]: shown });
}

function selected<T>(listing: Listing<T>, pattern: string, offset: number, limit: number): readonly T[] {
  const sorted = [...listing.items].sort(([left, a], [right, b]) => listing.order?.(a, b) ?? compareText(left, right));
  if (limit < 0) return listing.unlimited ? sorted.map(([, item]) => item) : [];
  return sorted
    .filter(([id]) => pattern === "" || (matchGlob(pattern, id) ?? false))
    .map(([, item]) => item)
    .slice(offset, offset + limit);
}

/** The number, or why it is none. */
function integer(query: Query, name: string, missing: number): number | string {
  const given = first(query, name);
  if (given === "") return missing;
  if (/^[+-]?\d{1,15}$/.test(given)) return Number(given);
  const reason = `strconv.ParseInt: parsing ${JSON.stringify(given)}: invalid syntax`;
  return `invalid ${name} parameter ${JSON.stringify(given)} must be an integer: ${reason}`;
}
