/** What a user may do, from most to least; the roles' meaning per route class is the policy's. */
export type Role = "admin" | "editor" | "viewer" | "writer";

/** Who a request acts for, once its credentials, client certificate or subscription token were accepted. Frozen; safe to log. */
export interface Principal {
  readonly name: string;
  readonly role: Role;
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
