/** Which line of the configuration a refusal comes from. */
import type { Config } from "../config/schema.ts";
import { findHandlerKind } from "../core/alert-handlers.ts";
import { compileCidrs } from "../core/cidr.ts";
import type { Deny } from "../core/decision.ts";
import type { Principal } from "../core/principal.ts";
import { classInfo, type RouteClass } from "../core/routes.ts";
import { isDeniedBy } from "../core/targets.ts";
import type { PolicyConfiguration } from "./policy-configuration.ts";

/** A key of the configuration that decided. */
export interface DecidingRule {
  /** As problems name it: `alerts.disable-handlers`, `kapacitor[1].udfs`. */
  readonly key: string;
  /** The value that is in force, as it would be written. */
  readonly value: string;
  /** The item of a list that decided, as it is written there. */
  readonly entry?: string;
  /** The file, variable or flag that set it; undefined for a default. */
  readonly source?: string;
  readonly line?: number;
}

/** What is known of the request. */
export interface RefusedRequest {
  readonly refusal: Pick<Deny, "reason" | "detail">;
  readonly instance: string | undefined;
  readonly class: RouteClass | undefined;
  readonly principal: Principal;
  readonly clientAddress: string | undefined;
}

type Found = { readonly key: string; readonly value: unknown; readonly entry?: string | undefined };

/** The key that a refusal comes from; undefined when it is built in. */
export function decidingRule(configuration: PolicyConfiguration, request: RefusedRequest): DecidingRule | undefined {
  const found = find(configuration.config, request);
  if (found === undefined) return undefined;
  const { key, value, entry } = found;
  return {
    key,
    value: JSON.stringify(value),
    ...(entry === undefined ? {} : { entry }),
    ...configuration.placeOf(key),
  };
}

function find(config: Config, request: RefusedRequest): Found | undefined {
  const { refusal, instance, clientAddress, principal } = request;
  const index = config.kapacitor.findIndex(({ name }) => name === instance);
  switch (refusal.reason) {
    case "client_denied": {
      const denied = config.access["deny-cidrs"];
      const entry = denied.find((range) => covers(range, clientAddress));
      return entry === undefined
        ? { key: "access.allow-cidrs", value: config.access["allow-cidrs"] }
        : { key: "access.deny-cidrs", value: denied, entry };
    }
    case "client_address_unknown":
      return { key: "access.trusted-proxies", value: config.access["trusted-proxies"] };
    case "body_too_large":
      return { key: "http.max-body-size", value: config.http["max-body-size"] };
    case "route_guarded":
      return guardOf(config, request.class);
    case "role_denied":
      return roleRule(config, principal, request) ?? guardOf(config, request.class);
    default:
      return alertRule(config, index, refusal.detail);
  }
}

function covers(range: string, address: string | undefined): boolean {
  try {
    return address !== undefined && compileCidrs([range])(address);
  } catch {
    // An address that is none covers nothing.
    return false;
  }
}

function guardOf(config: Config, name: RouteClass | undefined): Found | undefined {
  const guard = name === undefined ? undefined : classInfo(name).guard;
  return guard === undefined ? undefined : { key: `api.${guard}`, value: config.api[guard] };
}

/** What the user's own entry says, unless a guard speaks first. */
function roleRule(config: Config, principal: Principal, { instance, class: name }: RefusedRequest): Found | undefined {
  const index = config.user.findIndex((user) => user.name === principal.name);
  const user = config.user[index];
  if (user === undefined) return undefined;
  const key = `user[${index}]`;
  if (user.instances.length > 0 && !user.instances.includes(instance ?? "")) {
    return { key: `${key}.instances`, value: user.instances };
  }
  const guard = guardOf(config, name);
  if (guard?.value === "admin" && principal.role !== "admin") return guard;
  const mayWrite = name === "write" && ["editor", "writer"].includes(principal.role);
  return mayWrite ? { key: `${key}.databases`, value: user.databases } : { key: `${key}.role`, value: user.role };
}

function alertRule(config: Config, index: number, detail: Deny["detail"]): Found | undefined {
  if (detail === undefined || detail.rule === "any") return undefined;
  // Kapacitor and the gateway are protected by themselves; more addresses of theirs only extend that.
  if (detail.rule === "own-addresses") return undefined;
  const own = config.kapacitor[index]?.[detail.rule];
  const key = own === undefined ? `alerts.${detail.rule}` : `kapacitor[${index}].${detail.rule}`;
  const value = own ?? config.alerts[detail.rule];
  if (!Array.isArray(value)) return { key, value };
  const names = value.map(String);
  const { handler, address } = detail;
  if (detail.rule === "disable-handlers")
    return { key, value, entry: names.find((name) => findHandlerKind(name)?.kind === handler) };
  return { key, value, entry: address === undefined ? undefined : names.find((name) => isDeniedBy(name, address)) };
}
