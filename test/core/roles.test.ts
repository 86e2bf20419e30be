import t from "tap";
import type { Principal, Role } from "../../src/core/principal.ts";
import { authorize, type Guards } from "../../src/core/roles.ts";
import { classInfo, routeClasses } from "../../src/core/routes.ts";

const guards = (rule: Guards["backup"]): Guards => ({
  backup: rule,
  config: rule,
  loglevel: rule,
  pprof: rule,
  "service-tests": rule,
  "flux-tasks": rule,
});
const user = (role: Role, more: Partial<Principal> = {}): Principal => ({
  name: role,
  role,
  instances: [],
  databases: [],
  ...more,
});

/** What each role may do, written out by hand: the table of docs/roles.md. Everything else is refused. */
const reads = [
  "ping",
  "cors",
  "routes",
  "vars",
  "logs",
  "task-read",
  "template-read",
  "recording-read",
  "replay-read",
  "topic-read",
  "storage-read",
];
const allowed: Readonly<Record<Role, readonly string[]>> = {
  nobody: [],
  admin: routeClasses,
  editor: [
    ...reads,
    "write",
    "task-define",
    "task-delete",
    "template-define",
    "template-delete",
    "recording-start",
    "recording-delete",
    "replay-start",
    "replay-delete",
    "handler-define",
    "topic-delete",
  ],
  viewer: reads,
  writer: ["write"],
};

t.test("each role may do what its table says and nothing else", async (t) => {
  for (const role of ["admin", "editor", "viewer", "writer", "nobody"] as const) {
    const may = routeClasses.filter((name) => authorize(guards("admin"), user(role), name, "one", "db") === undefined);
    t.same([...may].sort(), [...allowed[role]].sort(), role);
  }
});

t.test("an open guard follows the roles, a closed one holds for admins too", async (t) => {
  for (const name of routeClasses) {
    const { guard, access } = classInfo(name);
    if (guard === undefined) continue;
    t.equal(authorize(guards("deny"), user("admin"), name, "one", undefined)?.reason, "route_guarded", name);
    t.equal(authorize(guards("admin"), user("editor"), name, "one", undefined)?.reason, "role_denied", name);
    t.equal(authorize(guards("allow"), user("editor"), name, "one", undefined), undefined, name);
    t.equal(authorize(guards("allow"), user("viewer"), name, "one", undefined) === undefined, access === "read", name);
    t.equal(authorize(guards("allow"), user("writer"), name, "one", undefined)?.reason, "role_denied", name);
  }
});

t.test("a user stays on its instances, whatever its role", async (t) => {
  for (const role of ["admin", "editor", "viewer"] as const) {
    const team = user(role, { instances: ["one", "two"] });
    t.equal(authorize(guards("admin"), team, "task-read", "two", undefined), undefined);
    t.equal(authorize(guards("admin"), team, "task-read", "three", undefined)?.reason, "role_denied");
  }
});

t.test("editor and writer write to their databases only; no database is none of them", async (t) => {
  for (const role of ["editor", "writer"] as const) {
    const team = user(role, { databases: ["a", "b"] });
    t.equal(authorize(guards("admin"), team, "write", "one", "b"), undefined);
    for (const database of ["c", "A", "a ", "", undefined]) {
      t.equal(authorize(guards("admin"), team, "write", "one", database)?.reason, "role_denied", String(database));
    }
  }
  t.equal(
    authorize(guards("admin"), user("admin", { databases: ["a"] }), "write", "one", "c"),
    undefined,
    "an admin writes anywhere",
  );
});

t.test("who holds grants to read and to write may do both, and nothing more", async (t) => {
  const both = user("writer", { also: "viewer", databases: ["a"] });
  const may = routeClasses.filter((name) => authorize(guards("admin"), both, name, "one", "a") === undefined);
  t.same([...may].sort(), [...reads, "write"].sort());
  t.equal(authorize(guards("admin"), both, "write", "one", "b")?.reason, "role_denied");
});
