/**
 * What a user may do, from most to least; the roles' meaning per route class is in roles.ts. `nobody` is who could log in (a user of InfluxDB
 * without any grant) and may do nothing.
 */
export type Role = "admin" | "editor" | "viewer" | "writer" | "nobody";

/** Who a request acts for, once its credentials, client certificate or subscription token were accepted. Frozen; safe to log. */
export interface Principal {
  readonly name: string;
  readonly role: Role;
  /** A second role: a user of InfluxDB may hold grants to read and grants to write. */
  readonly also?: Role;
  /** Names of the instances it may use; empty means all. */
  readonly instances: readonly string[];
  /** Databases it may write to (editor, writer); empty means all. */
  readonly databases: readonly string[];
}

/** Everybody, where `auth-enabled = false`: an admin. CIDR rules and the handler policy still hold. */
export const anonymous: Principal = Object.freeze({
  name: "anonymous",
  role: "admin",
  instances: Object.freeze([]),
  databases: Object.freeze([]),
});

/** Whoever writes from an address of `subscription-allow-cidrs`: no name is asked for, and nothing but writing is allowed. */
export const anonymousWriter: Principal = Object.freeze({ ...anonymous, role: "writer" });
