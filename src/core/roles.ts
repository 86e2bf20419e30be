import { type Deny, deny } from "./decision.ts";
import type { Principal, Role } from "./principal.ts";
import { classInfo, type Guard, type RouteClass } from "./routes.ts";

/** `[api]`: whether a guarded class follows the roles, is for admins only, or is closed for everybody. */
export type Guards = Readonly<Record<Guard, "allow" | "admin" | "deny">>;

/** Classes that change Kapacitor itself rather than what it watches; no guard opens them to anybody but an admin. */
const adminOnly: ReadonlySet<RouteClass> = new Set([
  "storage-change",
  "subscriptions",
  "sideload",
  "user-read",
  "user-change",
  "user-delete",
]);

/** What a role may do with a class that no guard speaks about. Everything that is not said here is refused. */
function mayUse(role: Role, name: RouteClass): boolean {
  if (role === "admin") return true;
  if (adminOnly.has(name)) return false;
  if (name === "write") return role === "writer" || role === "editor";
  switch (role) {
    case "editor":
      return true;
    case "viewer":
      return classInfo(name).access === "read";
    case "writer":
    case "nobody":
      return false;
  }
}

/**
 * Judges whether a principal may make a request of this class on this instance; undefined when it may.
 * A guard set to `deny` closes its class for everybody, admins too. Default deny: a role has what the table gives it and nothing else.
 * @param database the `db` of a write; undefined for every other class
 */
export function authorize(
  guards: Guards,
  principal: Principal,
  name: RouteClass,
  instance: string,
  database: string | undefined,
): Deny | undefined {
  const { guard } = classInfo(name);
  const rule = guard === undefined ? "allow" : guards[guard];
  if (rule === "deny") return deny("route_guarded", `the operator closed this route ([api] ${guard} = "deny")`);
  const { role, also, instances, databases } = principal;
  if (instances.length > 0 && !instances.includes(instance)) {
    return deny("role_denied", `the user ${principal.name} may not use the instance ${instance}`);
  }
  if (rule === "admin" && role !== "admin") {
    return deny("role_denied", `this route is for the role admin ([api] ${guard} = "admin")`);
  }
  if (!mayUse(role, name) && !(also !== undefined && mayUse(also, name)))
    return deny("role_denied", `the role ${role} may not do this (${name})`);
  if (name === "write" && role !== "admin" && databases.length > 0 && !databases.includes(database ?? "")) {
    return deny(
      "role_denied",
      `the user ${principal.name} may not write to the database ${JSON.stringify(database ?? "")}`,
    );
  }
  return undefined;
}
