import t from "tap";
import type { Role } from "../../src/core/principal.ts";
import { listRoutes, matchRoute } from "../../src/core/routes.ts";
import { startStandin } from "../../src/standin/server.ts";
import { startTestGateway } from "../support/gateway.ts";
import { rolesPage } from "./roles-page.ts";
import { elsewhere, type Need, surface } from "./surface.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] as const;
const roles = ["admin", "editor", "viewer", "writer"] as const satisfies readonly Role[];

/** bcrypt of `correct horse`. */
const hash = "$2b$04$ORTTCCVxc3Xvr.AOESzlreDjEww8XFvHkGdvq0XYlpWdJiiVt7NMa";
const users = roles.map((role) => `[[user]]\nname = "${role}"\nrole = "${role}"\npassword-hash = "${hash}"\n`).join("");

/** The whole model: what a role may, by what a request needs. Whatever is not said is refused. */
function may(role: (typeof roles)[number], need: Need, guard: "allow" | "admin" | "deny"): boolean {
  if (need.kind === "guarded" && guard === "deny") return false;
  if (role === "admin") return true;
  if (need.kind === "admin" || (need.kind === "guarded" && guard === "admin")) return false;
  if (need.kind === "database") return role === "editor" || role === "writer";
  if (role === "viewer") return need.privilege === "read";
  return role === "editor";
}

for (const guard of ["admin", "allow", "deny"] as const) {
  t.test(`every route × every role × every method, guards at ${guard}`, async (t) => {
    const standin = await startStandin({
      intercept: (_, response) => {
        response.writeHead(204).end();
        return true;
      },
    });
    const guards = ["backup", "config", "loglevel", "pprof", "service-tests", "flux-tasks"]
      .map((name) => `${name} = "${guard}"\n`)
      .join("");
    const gateway = await startTestGateway(`${users}[[kapacitor]]\nurl = "${standin.url}"\n[api]\n${guards}`);
    t.teardown(async () => {
      await gateway.close();
      await standin.close();
    });
    const wrong: string[] = [];
    let compared = 0;
    let passed = 0;
    const compare = async (
      role: (typeof roles)[number] | undefined,
      method: string,
      path: string,
      expected: string,
    ) => {
      const login = role === undefined ? {} : { login: `${role}:correct horse` };
      const answer = await gateway.request(method, path, login);
      const reason = /"code":"(\w+)"|kapgate (\w+)/.exec(answer.body)?.slice(1).find(Boolean) ?? "";
      const got = `${answer.status} ${method === "HEAD" ? "" : reason}`.trim();
      const wanted = method === "HEAD" ? expected.slice(0, 3) : expected;
      compared += 1;
      if (expected === "204") passed += 1;
      if (got !== wanted) wrong.push(`${role ?? "nobody"} ${method} ${path}: ${got} and not ${wanted}`);
    };
    for (const { path, methods: known } of surface) {
      const rows = methods.flatMap((method) => {
        const need = known[method];
        if (guard !== "admin" && need?.kind !== "guarded") return [];
        const closed = need?.kind === "guarded" && guard === "deny" ? "403 route_guarded" : "403 role_denied";
        // Kapacitor serves every route a second time under this path.
        const paths = need === undefined || guard !== "admin" ? [path] : [path, path.replace("/v1/", "/v1preview/")];
        return [...new Set(paths)].flatMap((spelling) =>
          roles.map((role) => {
            if (need === undefined) return compare(role, method, spelling, "405 method_not_allowed");
            return compare(role, method, spelling, may(role, need, guard) ? "204" : closed);
          }),
        );
      });
      await Promise.all([...rows, compare(undefined, "GET", path, "401 credentials_required")]);
    }
    if (guard === "admin") {
      for (const path of elsewhere) {
        const rows = methods.map((method) => compare("admin", method, path, "404 route_unknown"));
        await Promise.all(rows);
      }
    }
    t.strictSame(wrong, []);
    t.ok(compared > (guard === "admin" ? 2000 : 100), `${compared} requests`);
    t.equal(standin.requests.length, passed, "nothing that was refused reached Kapacitor");
  });
}

t.test("the surface has every class of the core", async (t) => {
  const seen = new Set<string>();
  for (const { path, methods: known } of surface) {
    for (const method of Object.keys(known)) {
      const match = matchRoute(method, path.split("?", 1)[0] ?? "");
      if (match.kind === "route") seen.add(match.class);
    }
  }
  t.strictSame(
    [...new Set(listRoutes().map(({ class: name }) => name))].filter((name) => !seen.has(name)),
    [],
  );
});

t.test("docs/roles.md is the table of the core: node test/accounts/roles-page.ts writes it", async (t) => {
  const { committed, expected } = rolesPage();
  t.equal(committed, expected);
});
