import type { Principal } from "../core/principal.ts";
import { type InfluxAnswer, type InfluxClient, quoteIdentifier, rowsOf } from "./client.ts";

/** What a user of InfluxDB may do here. */
export type Grants =
  | { readonly kind: "ok"; readonly principal: Principal }
  /** There is no such user. */
  | { readonly kind: "invalid" }
  | { readonly kind: "unavailable"; readonly cause: string };

/**
 * Reads what a user may do (SHOW USERS, SHOW GRANTS), as the configured administrator. Administrators become `admin`; write grants make a
 * writer of those databases, read grants a viewer, both make a writer who may also view; without a grant they may do nothing.
 * A row that does not look like one grants nothing.
 */
export async function findPrincipal(client: InfluxClient, user: string): Promise<Grants> {
  const users = read(await client.query("SHOW USERS"));
  if (users.kind !== "ok") return users;
  const entry = users.rows.find((row) => row.user === user);
  if (entry === undefined) return { kind: "invalid" };
  if (entry.admin === true) return granted({ name: user, role: "admin", databases: [] });
  const grants = read(await client.query(`SHOW GRANTS FOR ${quoteIdentifier(user)}`));
  if (grants.kind !== "ok") return grants;
  const writes = databasesWith(grants.rows, "WRITE");
  const reads = databasesWith(grants.rows, "READ").length > 0;
  // An empty list of databases would mean all of them.
  if (writes.length === 0) return granted({ name: user, role: reads ? "viewer" : "nobody", databases: [] });
  return granted({ name: user, role: "writer", databases: writes, ...(reads ? { also: "viewer" } : {}) });
}

function granted(principal: Omit<Principal, "instances">): Grants {
  const { databases } = principal;
  return {
    kind: "ok",
    principal: Object.freeze({ ...principal, instances: Object.freeze([]), databases: Object.freeze([...databases]) }),
  };
}

function databasesWith(rows: readonly Row[], privilege: "READ" | "WRITE"): readonly string[] {
  return rows
    .filter((row) => row.privilege === privilege || row.privilege === "ALL PRIVILEGES")
    .flatMap(({ database }) => (typeof database === "string" && database !== "" ? [database] : []));
}

type Row = Readonly<Record<string, unknown>>;

function read(answer: InfluxAnswer): { kind: "ok"; rows: readonly Row[] } | Exclude<Grants, { kind: "ok" }> {
  switch (answer.kind) {
    case "ok":
      return { kind: "ok", rows: answer.series.flatMap(rowsOf) };
    case "unauthorized":
      return { kind: "unavailable", cause: "it refused the credentials of [influxdb]" };
    case "refused":
      // meta.ErrUserNotFound: dropped between the two statements.
      if (answer.text === "user not found") return { kind: "invalid" };
      return { kind: "unavailable", cause: answer.text };
    case "unavailable":
      return answer;
  }
}
