import { type Destination, originOf } from "./destination.ts";
import type { Facts, KapacitorFacts, Subscription } from "./facts.ts";
import { covers, whereabouts } from "./judge-certificate.ts";
import { portOf } from "./judge-kapacitor.ts";
import { activeClusters, subscriptionName, toldBy } from "./judge-settings.ts";

/**
 * What one destination of a subscription is. `right`: it leads to this gateway and to an instance. `follows`: it is what Kapacitor's settings
 * say, and those are wrong: putting them right replaces it. `foreign`: another Kapacitor's, none of our business.
 */
export type VerdictKind =
  | "right"
  | "follows"
  | "around"
  | "scheme"
  | "host"
  | "elsewhere"
  | "path"
  | "write_doubled"
  | "stale"
  | "foreign";

export interface Verdict {
  readonly kind: VerdictKind;
  readonly subscription: Subscription;
  readonly destination: Destination;
  /** Whose it is; undefined for `stale`, `foreign`, and where no id is known. */
  readonly kapacitor: KapacitorFacts | undefined;
  /** What was seen, for the text of a finding. */
  readonly seen: string;
}

/** Judges every destination of every subscription that InfluxDB lists. */
export function judgeDestinations(facts: Facts, subscriptions: readonly Subscription[]): readonly Verdict[] {
  return subscriptions.flatMap((subscription) =>
    subscription.destinations.map((destination) => judgeDestination(facts, subscription, destination)),
  );
}

function judgeDestination(facts: Facts, subscription: Subscription, destination: Destination): Verdict {
  const named = facts.kapacitors.find((kapacitor) => namesOf(kapacitor).includes(subscription.name));
  const kapacitor = named ?? byDestination(facts, destination);
  const verdict = (kind: VerdictKind, seen = ""): Verdict => ({ kind, subscription, destination, kapacitor, seen });
  const place = whereabouts(facts, facts.dials.get(originOf(destination)));
  if (kapacitor === undefined) {
    const gone = /^kapacitor-/.test(subscription.name) && (place === "nothing" || place === "unresolved");
    return gone
      ? verdict("stale", place === "nothing" ? "nothing answers there" : "the name does not resolve")
      : verdict("foreign");
  }
  const problem = problemOf(facts, kapacitor, destination, place);
  if (problem === undefined) return verdict("right");
  if (named === undefined && /^kapacitor-/.test(subscription.name) && place !== "here") {
    // The name is a Kapacitor's that is not among ours; with the same address it was ours under an older id.
    return place === "nothing" || place === "unresolved"
      ? verdict("stale", problem.seen)
      : verdict(problem.kind, problem.seen);
  }
  if (named !== undefined && follows(named, subscription.name, destination)) return verdict("follows");
  return verdict(problem.kind, problem.seen);
}

function problemOf(
  facts: Facts,
  { instance }: KapacitorFacts,
  destination: Destination,
  place: ReturnType<typeof whereabouts>,
): { readonly kind: VerdictKind; readonly seen: string } | undefined {
  const secure = facts.config.http["https-enabled"];
  const { scheme, host, port, path } = destination;
  if (scheme !== "http" && scheme !== "https")
    return { kind: "around", seen: scheme === "" ? "it is no URL" : `${scheme} never passes kapgate` };
  if (place !== "here" && leadsTo(facts, instance.url, host, port))
    return { kind: "around", seen: "it is Kapacitor's own address" };
  if (scheme !== (secure ? "https" : "http"))
    return { kind: "scheme", seen: `the listener speaks ${secure ? "https" : "http"}` };
  if (secure && place !== "here" && place !== "unknown") return { kind: "elsewhere", seen: elsewhere(place) };
  const wanted = instance["subscription-path"];
  if (/\/write$/.test(path)) return { kind: "write_doubled", seen: `InfluxDB calls ${path}/write` };
  if (path !== wanted)
    return {
      kind: "path",
      seen: `the path is ${path === "" ? "empty" : path}, and here it is ${wanted === "" ? "empty" : wanted}`,
    };
  if (secure && !covers(facts.certificate?.names ?? [], host))
    return { kind: "host", seen: `the certificate does not have ${host}` };
  return undefined;
}

function elsewhere(place: ReturnType<typeof whereabouts>): string {
  switch (place) {
    case "nothing":
      return "nothing answers there";
    case "unresolved":
      return "the name does not resolve here";
    case "plain":
      return "what answers there does not speak TLS";
    default:
      return "what answers there has another certificate";
  }
}

/** Whether host and port are those of a Kapacitor: the same host, or any of this machine when it is on the loopback. */
function leadsTo(facts: Facts, url: string, host: string, port: number): boolean {
  if (port !== portOf(url)) return false;
  const upstream = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const local = facts.ownAddresses.has(upstream) || upstream === "localhost";
  return (
    host === upstream || (local && (host === "localhost" || facts.ownAddresses.has(host))) || !isBound(facts, port)
  );
}

function isBound({ config }: Facts, port: number): boolean {
  const bound = config.http["bind-address"];
  return "port" in bound && bound.port === port;
}

/** Whether it is the destination that Kapacitor would make now. */
function follows(kapacitor: KapacitorFacts, name: string, { scheme, host, port, path }: Destination): boolean {
  return activeClusters(kapacitor).some((cluster) => {
    const told = toldBy(kapacitor, cluster);
    const same = told.scheme === scheme && told.host === host && told.port === port && told.path === path;
    return same && subscriptionName(kapacitor, cluster) === name;
  });
}

function namesOf(kapacitor: KapacitorFacts): readonly string[] {
  return kapacitor.ids === undefined ? [] : [`kapacitor-${kapacitor.ids.cluster}`, `kapacitor-${kapacitor.ids.server}`];
}

/** The instance that a destination was made for by hand, or by a Kapacitor whose id is not known: by path, by listener, by Kapacitor's own address. */
function byDestination(facts: Facts, destination: Destination): KapacitorFacts | undefined {
  const { host, port, path } = destination;
  const looked = new Set(facts.kapacitors.map(({ instance }) => instance));
  const others = facts.config.kapacitor.filter((instance) => !looked.has(instance));
  if (
    others.some((instance) => (path !== "" && instance["subscription-path"] === path) || instance.hosts.includes(host))
  )
    return undefined;
  const byPath = facts.kapacitors.find(({ instance }) => {
    const own = instance["subscription-path"];
    return own !== "" && (path === own || path.startsWith(`${own}/`));
  });
  if (byPath !== undefined) return byPath;
  if (whereabouts(facts, facts.dials.get(originOf(destination))) === "here") {
    return (
      facts.kapacitors.find(({ instance }) => instance.hosts.includes(host)) ??
      facts.kapacitors.find(({ instance }) => instance.hosts.length === 0) ??
      facts.kapacitors[0]
    );
  }
  return facts.kapacitors.find(({ instance }) => {
    const upstream = new URL(instance.url).hostname.replace(/^\[|\]$/g, "");
    return port === portOf(instance.url) && (host === upstream || facts.ownAddresses.has(host));
  });
}
