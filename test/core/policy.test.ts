import t from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { admit, compilePolicy, decide, type PolicyOptions } from "../../src/core/policy.ts";
import type { Principal, Role } from "../../src/core/principal.ts";
import { anonymous } from "../../src/core/principal.ts";
import { parseTarget, type Target } from "../../src/core/target.ts";

/** Options as the configuration produces them, with the given text on top of the defaults. */
function options(environment: Record<string, string>): PolicyOptions {
  const loaded = loadConfig({
    environment: { KAPGATE_HTTP_HTTPS_ENABLED: "false", KAPGATE_HTTP_AUTH_ENABLED: "false", ...environment },
    workingDirectory: "/",
    searchPath: [],
  });
  if (loaded.config === undefined) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

function target(raw: string): Target {
  const result = parseTarget(raw);
  if (!result.ok) throw new Error(result.text);
  return result.target;
}

const asRole = (role: Role): Principal => ({ ...anonymous, name: role, role });

t.test("who is admitted, by socket peer and X-Forwarded-For", async (t) => {
  const policy = compilePolicy(
    options({
      KAPGATE_ACCESS_DENY_CIDRS: "192.0.2.0/24,2001:db8::/32",
      KAPGATE_ACCESS_TRUSTED_PROXIES: "10.0.0.1,10.0.0.2,::1",
    }),
  );
  const rows: [remote: string | undefined, forwardedFor: string[], expected: string][] = [
    ["203.0.113.7", [], "203.0.113.7"],
    ["::ffff:203.0.113.7", [], "203.0.113.7"],
    ["192.0.2.7", [], "client_denied"],
    ["::ffff:192.0.2.7", [], "client_denied"],
    ["2001:db8::1", [], "client_denied"],
    ["2001:DB8:0:0::1", [], "client_denied"],
    ["fe80::1%eth0", [], "fe80::1"],
    [undefined, [], "client_address_unknown"],
    ["garbage", [], "client_address_unknown"],
    // Nobody else's header is believed.
    ["203.0.113.7", ["192.0.2.7"], "203.0.113.7"],
    ["192.0.2.7", ["203.0.113.7"], "client_denied"],
    // A trusted proxy's is, from the right.
    ["10.0.0.1", ["192.0.2.7"], "client_denied"],
    ["::ffff:10.0.0.1", ["192.0.2.7"], "client_denied"],
    ["10.0.0.1", ["203.0.113.7"], "203.0.113.7"],
    ["10.0.0.1", ["203.0.113.7, 192.0.2.7"], "client_denied"],
    ["10.0.0.1", ["192.0.2.7, 203.0.113.7"], "203.0.113.7"],
    ["10.0.0.1", ["192.0.2.7", "10.0.0.2"], "client_denied"],
    ["10.0.0.1", ["10.0.0.2, 10.0.0.1"], "10.0.0.2"],
    ["10.0.0.1", ["::ffff:192.0.2.7"], "client_denied"],
    ["10.0.0.1", ["192.0.2.7:4711"], "client_denied"],
    ["10.0.0.1", ["[2001:db8::1]:4711"], "client_denied"],
    ["10.0.0.1", [], "10.0.0.1"],
    // What cannot be read is refused, because no list can be held against it.
    ["10.0.0.1", ["unknown"], "client_address_unknown"],
    ["10.0.0.1", [""], "client_address_unknown"],
    ["10.0.0.1", ["203.0.113.7,"], "client_address_unknown"],
    ["10.0.0.1", ["0300.0.2.7"], "client_address_unknown"],
    ["10.0.0.1", ["evil, 203.0.113.7"], "203.0.113.7"],
  ];
  for (const [remoteAddress, forwardedFor, expected] of rows) {
    const result = admit(policy, { remoteAddress, forwardedFor });
    t.equal(
      result.kind === "deny" ? result.reason : result.caller.clientAddress,
      expected,
      `${remoteAddress} ${forwardedFor}`,
    );
  }
});

t.test("an allow list refuses everybody else, and the deny list wins over it", async (t) => {
  const policy = compilePolicy(
    options({ KAPGATE_ACCESS_ALLOW_CIDRS: "10.0.0.0/8", KAPGATE_ACCESS_DENY_CIDRS: "10.9.0.0/16" }),
  );
  const verdict = (remoteAddress: string) => admit(policy, { remoteAddress, forwardedFor: [] }).kind;
  t.equal(verdict("10.1.2.3"), "admitted");
  t.equal(verdict("10.9.2.3"), "deny");
  t.equal(verdict("11.1.2.3"), "deny");
});

const two = {
  KAPGATE_KAPACITOR_0_NAME: "one",
  KAPGATE_KAPACITOR_0_HOSTS: "one.test",
  KAPGATE_KAPACITOR_0_SUBSCRIPTION_PATH: "/push/one",
  KAPGATE_KAPACITOR_0_SUBSCRIPTION_ALLOW_CIDRS: "10.0.0.0/8",
  KAPGATE_KAPACITOR_1_NAME: "two",
  KAPGATE_KAPACITOR_1_HOSTS: "two.test,zwei.test",
  KAPGATE_KAPACITOR_1_SUBSCRIPTION_PATH: "/push/two",
  KAPGATE_KAPACITOR_1_URL: "http://127.0.0.1:9093",
};

t.test("which instance and which lane", async (t) => {
  const { locator } = compilePolicy(options(two));
  const rows: [method: string, host: string, path: string, expected: string][] = [
    ["GET", "one.test", "/kapacitor/v1/ping", "one api ping"],
    ["GET", "zwei.test", "/kapacitor/v1/ping", "two api ping"],
    ["GET", "other.test", "/kapacitor/v1/ping", "instance_unknown"],
    ["GET", "", "/kapacitor/v1/ping", "instance_unknown"],
    ["POST", "other.test", "/push/one/write?db=d", "one write write /write"],
    ["POST", "one.test", "/push/two/write", "two write write /write"],
    ["POST", "one.test", "/push%2dx/two/write", "one api unknown"],
    ["POST", "one.test", "/pu%73h/two/write", "two write write /write"],
    ["GET", "one.test", "/push/two/write", "two api method_not_allowed /write"],
    ["POST", "one.test", "/push/two/write/", "one api unknown"],
    ["POST", "one.test", "/push/two", "one api unknown"],
    ["POST", "one.test", "/write", "one write write"],
    ["POST", "two.test", "/kapacitor/v1/write", "two write write"],
    ["POST", "two.test", "/kapacitor/v1preview/write", "two write write"],
    ["OPTIONS", "two.test", "/write", "two api cors"],
  ];
  for (const [method, host, path, expected] of rows) {
    const result = locator.locate(method, host, target(path));
    const got =
      result.kind === "deny"
        ? result.reason
        : [
            result.instance,
            result.lane,
            result.route.kind === "route" ? result.route.class : result.route.kind,
            result.rewrittenPath,
          ]
            .filter((part) => part !== undefined)
            .join(" ");
    t.equal(got, expected, `${method} ${host} ${path}`);
  }
});

t.test("whose address stands in for credentials, and where", async (t) => {
  const { locator } = compilePolicy(options(two));
  const allows = (path: string, address: string, method = "POST") => {
    const result = locator.locate(method, "one.test", target(path));
    return result.kind === "located" && result.allowsWriter(address);
  };
  t.equal(allows("/push/one/write", "10.1.1.1"), true);
  t.equal(allows("/push/one/write", "11.1.1.1"), false);
  t.equal(allows("/write", "10.1.1.1"), false, "only under the subscription path");
  t.equal(allows("/push/two/write", "10.1.1.1"), false, "only on its own instance");
  t.equal(allows("/push/one/write", "10.1.1.1", "GET"), false);
  t.equal(allows("/kapacitor/v1/tasks", "10.1.1.1"), false);

  const rootOnly = compilePolicy(options({ KAPGATE_KAPACITOR_0_SUBSCRIPTION_ALLOW_CIDRS: "10.0.0.0/8" })).locator;
  const root = rootOnly.locate("POST", "", target("/write"));
  t.equal(root.kind === "located" && root.allowsWriter("10.1.1.1"), true, "with no subscription path, on /write");
  const api = rootOnly.locate("POST", "", target("/kapacitor/v1/write"));
  t.equal(api.kind === "located" && api.allowsWriter("10.1.1.1"), false);
});

t.test("a subscription path never shows in a logged path", async (t) => {
  const { locator } = compilePolicy(options(two));
  t.equal(locator.loggedPath(target("/push/one/write")), "[subscription-path]/write");
  t.equal(locator.loggedPath(target("/p%75sh/one/x")), "[subscription-path]/x");
  t.equal(locator.loggedPath(target("/kapacitor/v1/tasks/a%20b?p=x")), "/kapacitor/v1/tasks/a%20b");
  t.equal(locator.redact("/push/one/../x"), "[subscription-path]/../x");
});

t.test("decisions", async (t) => {
  const rows: [
    method: string,
    path: string,
    role: Role,
    site: string | undefined,
    environment: Record<string, string>,
    expected: string,
  ][] = [
    ["GET", "/kapacitor/v1/tasks?limit=1", "admin", undefined, {}, "forward /kapacitor/v1/tasks?limit=1"],
    ["GET", "/kapacitor/v1/t%61sks", "admin", undefined, {}, "forward /kapacitor/v1/t%61sks"],
    ["POST", "/kapacitor/v1/tasks", "admin", "cross-site", {}, "cross_site"],
    ["DELETE", "/kapacitor/v1/tasks/a", "admin", "same-site", {}, "cross_site"],
    ["POST", "/kapacitor/v1/tasks", "admin", "same-origin", {}, "forward /kapacitor/v1/tasks"],
    ["POST", "/kapacitor/v1/tasks", "admin", "none", {}, "forward /kapacitor/v1/tasks"],
    ["GET", "/kapacitor/v1/tasks", "admin", "cross-site", {}, "forward /kapacitor/v1/tasks"],
    ["GET", "/nowhere", "admin", undefined, {}, "route_unknown"],
    ["PUT", "/kapacitor/v1/tasks/a", "admin", undefined, {}, "method_not_allowed"],
    ["PROPFIND", "/kapacitor/v1/tasks/a", "admin", undefined, {}, "method_not_allowed"],
  ];
  for (const guard of ["backup", "config", "loglevel", "pprof", "service-tests", "flux-tasks"] as const) {
    const paths = {
      backup: "/kapacitor/v1/storage/backup",
      config: "/kapacitor/v1/config",
      loglevel: "/kapacitor/v1/loglevel",
      pprof: "/kapacitor/v1/debug/pprof/heap",
      "service-tests": "/kapacitor/v1/service-tests",
      "flux-tasks": "/kapacitor/v1/api/v2/tasks",
    };
    const method = guard === "loglevel" ? "POST" : "GET";
    const variable = `KAPGATE_API_${guard.toUpperCase().replace("-", "_")}`;
    rows.push([method, paths[guard], "admin", undefined, {}, `forward ${paths[guard]}`]);
    rows.push([method, paths[guard], "viewer", undefined, {}, "role_denied"]);
    rows.push([method, paths[guard], "admin", undefined, { [variable]: "deny" }, "route_guarded"]);
  }
  for (const [method, path, role, fetchSite, environment, expected] of rows) {
    const policy = compilePolicy(options(environment));
    const parsed = target(path);
    const located = policy.locator.locate(method, "", parsed);
    if (located.kind !== "located") throw new Error(located.reason);
    const decision = decide(
      policy,
      { method, target: parsed, located, query: parsed.query, database: undefined, fetchSite },
      asRole(role),
    );
    const got =
      decision.kind === "deny" ? decision.reason : decision.kind === "forward" ? `forward ${decision.path}` : "other";
    t.equal(got, expected, `${method} ${path} ${role} ${fetchSite} ${JSON.stringify(environment)}`);
  }
});
