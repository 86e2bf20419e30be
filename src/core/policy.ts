import {
  type AlertOptions,
  type AlertRules,
  compileAlertRules,
  type GatewayAddress,
  type InstanceAlertOptions,
} from "./alert-rules.ts";
import { compileCidrs } from "./cidr.ts";
import { type Caller, type ConnectionFacts, resolveCaller } from "./client-address.ts";
import { type Deny, deny, type Forward, type Inspect } from "./decision.ts";
import { beginInspection, resumeInspection } from "./inspect.ts";
import type { Facts } from "./inspect-parts.ts";
import { compileLocator, type Located, type LocateOptions, type Locator } from "./instances.ts";
import type { Principal } from "./principal.ts";
import { authorize, type Guards } from "./roles.ts";
import type { Target } from "./target.ts";
import type { TargetFacts } from "./targets.ts";

/** The part of the configuration that decisions depend on; names and values as in the configuration file. */
export interface PolicyOptions {
  readonly http: {
    readonly "auth-enabled": boolean;
    readonly "query-credentials": "none" | "writes" | "all";
    readonly "bind-address": GatewayAddress;
  };
  readonly access: {
    readonly "deny-cidrs": readonly string[];
    readonly "allow-cidrs": readonly string[];
    readonly "trusted-proxies": readonly string[];
  };
  readonly kapacitor: readonly (LocateOptions & InstanceAlertOptions)[];
  readonly alerts: AlertOptions;
  readonly api: Guards;
}

/** Compiled once from the configuration, frozen, swapped whole on reload. */
export interface Policy {
  readonly authEnabled: boolean;
  readonly queryCredentials: "none" | "writes" | "all";
  /** Holds for canonical addresses of trusted proxies. */
  readonly isTrustedProxy: (address: string) => boolean;
  readonly isDenied: (address: string) => boolean;
  /** undefined: no allow list, everybody that is not denied. */
  readonly isAllowed: ((address: string) => boolean) | undefined;
  readonly locator: Locator;
  readonly guards: Guards;
  /** The alert policies, by instance; an instance without one is not here. */
  readonly alerts: ReadonlyMap<string, AlertRules>;
}

/**
 * Compiles the options. They are valid by then (config has checked every CIDR); an invalid one throws RangeError, so nothing starts half-guarded.
 * @param machine canonical addresses of the machine's interfaces, which alerts must not lead back to
 */
export function compilePolicy(options: PolicyOptions, machine: readonly string[] = []): Policy {
  const { access } = options;
  const alerts = new Map<string, AlertRules>();
  for (const instance of options.kapacitor) {
    const rules = compileAlertRules(options.alerts, instance, options.http["bind-address"], machine, options.kapacitor);
    if (rules !== undefined) alerts.set(instance.name, rules);
  }
  return Object.freeze({
    authEnabled: options.http["auth-enabled"],
    queryCredentials: options.http["query-credentials"],
    isTrustedProxy: compileCidrs(access["trusted-proxies"]),
    isDenied: compileCidrs(access["deny-cidrs"]),
    isAllowed: access["allow-cidrs"].length === 0 ? undefined : compileCidrs(access["allow-cidrs"]),
    locator: compileLocator(options.kapacitor),
    guards: options.api,
    alerts,
  });
}

export interface Admission {
  readonly kind: "admitted";
  readonly caller: Caller;
}

/** The first gate: who is calling, by address alone. An address that cannot be read is refused; the deny list wins over the allow list. */
export function admit(policy: Policy, connection: ConnectionFacts): Admission | Deny {
  const caller = resolveCaller(connection, policy.isTrustedProxy);
  if (caller === undefined) return deny("client_address_unknown");
  if (policy.isDenied(caller.clientAddress)) return deny("client_denied");
  if (policy.isAllowed !== undefined && !policy.isAllowed(caller.clientAddress)) return deny("client_denied");
  return { kind: "admitted", caller };
}

/** What is known of a request before its body. */
export interface RequestFacts {
  readonly method: string;
  readonly target: Target;
  readonly located: Located;
  /** The query as it goes on (credentials removed). */
  readonly query: string | undefined;
  /** The database of a write. */
  readonly database: string | undefined;
  /** Value of Sec-Fetch-Site; undefined from anything but a browser. */
  readonly fetchSite: string | undefined;
}

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * The decision about an authenticated request, body not yet seen. Whatever is not known (route, method, class) is refused.
 * Order: cross-site, route, role and guard, and last the alert policy of the instance, which may have to know more first.
 */
export function decide(policy: Policy, request: RequestFacts, principal: Principal): Forward | Inspect | Deny {
  const { located, method } = request;
  if (!safeMethods.has(method) && (request.fetchSite === "cross-site" || request.fetchSite === "same-site"))
    return deny("cross_site");
  const { route } = located;
  if (route.kind === "unknown") return deny("route_unknown");
  if (route.kind === "method_not_allowed") {
    return deny("method_not_allowed", `this route takes ${route.allow.join(", ")}`, { allow: route.allow });
  }
  const refusal = authorize(policy.guards, principal, route.class, located.instance, request.database);
  if (refusal !== undefined) return refusal;
  const query = request.query === undefined ? "" : `?${request.query}`;
  const plan: Forward = {
    kind: "forward",
    instance: located.instance,
    method,
    path: (located.rewrittenPath ?? request.target.path) + query,
  };
  const alerts = policy.alerts.get(located.instance);
  return alerts === undefined ? plan : beginInspection(alerts, method, route, plan);
}

/** Goes on with a decision that had to know more; `facts` answers all that it asked for. May ask again, a bounded number of times. */
export function resume(
  policy: Policy,
  inspection: Inspect,
  facts: Facts,
  gateway: TargetFacts["gateway"],
): Forward | Inspect | Deny {
  const alerts = policy.alerts.get(inspection.plan.instance);
  return alerts === undefined ? inspection.plan : resumeInspection(alerts, inspection, facts, gateway);
}
