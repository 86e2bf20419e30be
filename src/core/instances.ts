import { compileCidrs } from "./cidr.ts";
import { type Deny, deny } from "./decision.ts";
import { matchRoute, type RouteMatch } from "./routes.ts";
import type { Target } from "./target.ts";

/** The part of a `[[kapacitor]]` that selects it. */
export interface LocateOptions {
  readonly name: string;
  readonly hosts: readonly string[];
  /** Normalised: "" or `/path/without/trailing/slash`. */
  readonly "subscription-path": string;
  readonly "subscription-allow-cidrs": readonly string[];
}

/** Write lane: line protocol. API lane: everything else. */
export type Lane = "write" | "api";

/** Where a request goes and what it is, before anybody is asked who they are. */
export interface Located {
  readonly kind: "located";
  readonly instance: string;
  readonly lane: Lane;
  readonly route: RouteMatch;
  /** The path that is sent instead of the client's own: `/write` for a subscription write. */
  readonly rewrittenPath: string | undefined;
  /** Holds for addresses that may write here without credentials; never for anything but a write. */
  readonly allowsWriter: (address: string) => boolean;
}

export interface Locator {
  readonly locate: (method: string, host: string, target: Target) => Located | Deny;
  /** The path as logs may show it: the subscription path is a secret of its own. */
  readonly loggedPath: (target: Target) => string;
  /** Takes every subscription path out of a text that was refused before it could be parsed. */
  readonly redact: (text: string) => string;
}

const nobody = (): boolean => false;

/** Compiles the selection rules of the contract: subscription path first, then Host, then the one instance without hosts; else 421. */
export function compileLocator(options: readonly LocateOptions[]): Locator {
  const byHost = new Map<string, LocateOptions>();
  const bySubscription: { readonly path: string; readonly options: LocateOptions }[] = [];
  const writers = new Map<string, (address: string) => boolean>();
  let fallback: LocateOptions | undefined;
  for (const instance of options) {
    for (const host of instance.hosts) byHost.set(host.toLowerCase().replace(/\.$/, ""), instance);
    if (instance.hosts.length === 0) fallback = instance;
    writers.set(instance.name, compileCidrs(instance["subscription-allow-cidrs"]));
    if (instance["subscription-path"] !== "")
      bySubscription.push({ path: instance["subscription-path"], options: instance });
  }
  const allowsWriter = (instance: LocateOptions): ((address: string) => boolean) =>
    writers.get(instance.name) ?? nobody;

  const locate = (method: string, host: string, target: Target): Located | Deny => {
    const path = target.decodedPath;
    const subscription = bySubscription.find((entry) => path === `${entry.path}/write`);
    if (subscription !== undefined) {
      const found = { kind: "located", instance: subscription.options.name, rewrittenPath: "/write" } as const;
      if (method === "POST")
        return {
          ...found,
          lane: "write",
          route: matchRoute(method, "/write"),
          allowsWriter: allowsWriter(subscription.options),
        };
      return { ...found, lane: "api", route: { kind: "method_not_allowed", allow: ["POST"] }, allowsWriter: nobody };
    }
    const instance = byHost.get(host) ?? fallback;
    if (instance === undefined) return deny("instance_unknown");
    const route = matchRoute(method, path);
    const isWrite = route.kind === "route" && route.class === "write";
    // Without a subscription path InfluxDB writes to the root, and only there may its address stand in for credentials.
    const open = isWrite && path === "/write" && instance["subscription-path"] === "";
    return {
      kind: "located",
      instance: instance.name,
      lane: isWrite ? "write" : "api",
      route,
      rewrittenPath: undefined,
      allowsWriter: open ? allowsWriter(instance) : nobody,
    };
  };

  const loggedPath = (target: Target): string => {
    const secret = bySubscription.find(
      (entry) => target.decodedPath === entry.path || target.decodedPath.startsWith(`${entry.path}/`),
    );
    return secret === undefined ? target.path : `[subscription-path]${target.decodedPath.slice(secret.path.length)}`;
  };

  const redact = (text: string): string =>
    bySubscription.reduce((rest, entry) => rest.replaceAll(entry.path, "[subscription-path]"), text);

  return { locate, loggedPath, redact };
}
