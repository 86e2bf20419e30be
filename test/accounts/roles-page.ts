/** docs/roles.md: its tables are made from the core. `node test/accounts/roles-page.ts` writes it anew. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Principal, Role } from "../../src/core/principal.ts";
import { authorize, type Guards } from "../../src/core/roles.ts";
import { type Access, classInfo, listRoutes, type RouteClass } from "../../src/core/routes.ts";

const file = join(import.meta.dirname, "..", "..", "docs", "roles.md");
const mark = "<!-- What follows is made from src/core by `node test/accounts/roles-page.ts`. -->\n";
const roles = ["admin", "editor", "viewer", "writer"] as const satisfies readonly Role[];

/** The page as it is committed and as it has to be; what a person wrote above the mark stays. */
export function rolesPage(): { readonly committed: string; readonly expected: string } {
  const committed = readFileSync(file, "utf8");
  const [introduction = ""] = committed.split(mark);
  return { committed, expected: `${introduction}${mark}\n${resources()}\n${databases()}` };
}

interface Row {
  readonly resource: string;
  readonly privilege: Access;
  readonly class: RouteClass;
  readonly methods: Set<string>;
}

/** One line for each API resource and privilege. */
function resources(): string {
  const rows = new Map<string, Row>();
  for (const { method, pattern, class: name } of listRoutes()) {
    // Writes are a matter of the database.
    if (name === "write") continue;
    const resource = apiResource(pattern);
    const key = `${resource} ${name}`;
    const row = rows.get(key) ?? { resource, privilege: classInfo(name).access, class: name, methods: new Set() };
    row.methods.add(method);
    rows.set(key, row);
  }
  const lines = [...rows.values()].map(({ resource, privilege, class: name, methods }) => {
    const cells = roles.map((role) => answer(role, name, undefined));
    return `| \`${resource}\` | ${privilege} | ${[...methods].join(", ")} | ${name} | ${cells.join(" | ")} |\n`;
  });
  const head = `| API resource | privilege | methods | class | ${roles.join(" | ")} |\n|${" --- |".repeat(4 + roles.length)}\n`;
  return `## API resources\n\n${head}${lines.join("")}`;
}

function databases(): string {
  const own = roles.map((role) => answer(role, "write", "own"));
  const other = roles.map((role) => answer(role, "write", "other"));
  const paths = listRoutes().filter(({ class: name }) => name === "write");
  const where = paths.map(({ method, pattern }) => `\`${method} ${pattern}\``).join(", ");
  const head = `| database | privilege | ${roles.join(" | ")} |\n|${" --- |".repeat(2 + roles.length)}\n`;
  return `## Databases\n\nWrites: ${where}, and below a \`subscription-path\`.\n\n${head}| named in the user's \`databases\`, or the list is empty | write | ${own.join(" | ")} |\n| any other | write | ${other.join(" | ")} |\n`;
}

/** Kapacitor's name for what a route is about (auth.APIResource; services/httpd/handler.go authorizeRequest). */
function apiResource(pattern: string): string {
  const path = pattern.replace(/^\/kapacitor\/v1\/?/, "").replace(/^\//, "");
  return `/api/${path.endsWith("/") ? `${path}…` : path}`;
}

/** `yes`, nothing, or the guard that has to be open. */
function answer(role: Role, name: RouteClass, database: string | undefined): string {
  const principal: Principal = { name: role, role, instances: [], databases: ["own"] };
  const allowed = (rule: Guards["backup"]): boolean => {
    const guards: Guards = {
      backup: rule,
      config: rule,
      loglevel: rule,
      pprof: rule,
      "service-tests": rule,
      "flux-tasks": rule,
    };
    return authorize(guards, principal, name, "default", database) === undefined;
  };
  if (allowed("admin")) return "yes";
  return allowed("allow") ? `\`${classInfo(name).guard} = "allow"\`` : "";
}

if (import.meta.main) writeFileSync(file, rolesPage().expected);
