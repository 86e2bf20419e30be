import { originOf } from "./destination.ts";
import { type Cluster, detailsOf, type Facts, type KapacitorFacts } from "./facts.ts";
import { finding, fine, type Result } from "./finding.ts";
import { certificateCommands, dropStatement, influxCommands, kapacitorLines } from "./hints.ts";
import { covers, whereabouts } from "./judge-certificate.ts";
import { isBefore, portOf } from "./judge-kapacitor.ts";

/** Where a `[[influxdb]]` of Kapacitor tells InfluxDB to write to. */
export interface Told {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** What Kapacitor builds its subscriptions of (services/influxdb/service.go, linkSubscriptions). */
export function toldBy({ instance, ids }: KapacitorFacts, cluster: Cluster): Told {
  return {
    scheme: cluster.protocol,
    host: (cluster.hostname || ids?.host || "").toLowerCase(),
    port: cluster.port || portOf(instance.url),
    path: cluster.path,
  };
}

/** The name of the subscriptions of a Kapacitor; undefined when its ids are not known. */
export function subscriptionName({ ids }: KapacitorFacts, cluster: Cluster): string | undefined {
  return ids === undefined ? undefined : `kapacitor-${cluster.mode === "server" ? ids.server : ids.cluster}`;
}

/** The `[[influxdb]]` sections that make subscriptions, or should. */
export function activeClusters({ clusters }: KapacitorFacts): readonly Cluster[] {
  return "cause" in clusters ? [] : clusters.filter(({ enabled }) => enabled);
}

/** What Kapacitor tells InfluxDB, against this listener. */
export function judgeSettings(facts: Facts, kapacitor: KapacitorFacts): readonly Result[] {
  const { instance, clusters, state } = kapacitor;
  if (state.kind !== "up") return [];
  if ("cause" in clusters) {
    return [
      finding("kapacitor_config_unread", {
        instance: instance.name,
        what: `${instance.url}/kapacitor/v1/config/influxdb: ${clusters.cause}`,
        fix: [
          "# compare by hand, kapacitor.conf, [[influxdb]]: subscription-protocol, kapacitor-hostname, http-port, subscription-path",
        ],
      }),
    ];
  }
  return activeClusters(kapacitor).flatMap((cluster) => judgeCluster(facts, kapacitor, cluster));
}

function judgeCluster(facts: Facts, kapacitor: KapacitorFacts, cluster: Cluster): readonly Result[] {
  const { instance } = kapacitor;
  if (cluster.subscriptionsOff) {
    return [
      finding("kapacitor_subscriptions_off", {
        instance: instance.name,
        what: `[[influxdb]] ${cluster.name}: disable-subscriptions = true`,
        fix: kapacitorLines(facts, cluster.name, "disable-subscriptions = false"),
      }),
    ];
  }
  const told = toldBy(kapacitor, cluster);
  const place = [...judgeProtocol(facts, kapacitor, cluster, told), ...judgeAddress(facts, kapacitor, cluster, told)];
  // Kapacitor compares scheme, host and port: when one of them changes it makes the subscription anew by itself.
  const found = [...place, ...judgePath(facts, kapacitor, cluster, told, place.length === 0)];
  if (found.length > 0) return found;
  return [fine("kapacitor", `it tells InfluxDB to write to ${urlOf(told)}/write`, instance.name)];
}

function judgeProtocol(facts: Facts, { instance }: KapacitorFacts, cluster: Cluster, told: Told): readonly Result[] {
  const wanted = facts.config.http["https-enabled"] ? "https" : "http";
  if (told.scheme === wanted) return [];
  return [
    finding("kapacitor_subscription_protocol", {
      instance: instance.name,
      what: `[[influxdb]] ${cluster.name}: subscription-protocol = ${JSON.stringify(told.scheme)}, and this listener speaks ${wanted}`,
      fix: kapacitorLines(facts, cluster.name, `subscription-protocol = ${JSON.stringify(wanted)}`),
    }),
  ];
}

/** Host and port together: what counts is whether this very gateway answers there, ports that are mapped and load balancers included. */
function judgeAddress(facts: Facts, { instance }: KapacitorFacts, cluster: Cluster, told: Told): readonly Result[] {
  const bound = facts.config.http["bind-address"];
  const place = whereabouts(facts, facts.dials.get(originOf(told)));
  const names = facts.certificate?.names ?? [];
  const secure = facts.config.http["https-enabled"];
  const about = { instance: instance.name };
  const key = `[[influxdb]] ${cluster.name}`;
  const nameMissing = secure && !covers(names, told.host);
  if (place === "here" || (!secure && place === "plain" && (!("port" in bound) || told.port === bound.port))) {
    if (!secure || covers(names, told.host)) return [];
    return [
      finding("certificate_name_missing", {
        ...about,
        what: `InfluxDB is told to write to ${told.host}, and the certificate has only ${names.join(", ")}`,
        fix: certificateCommands(facts, [told.host]),
      }),
    ];
  }
  const samePort = !("port" in bound) || told.port === bound.port;
  const results: Result[] = [];
  if (!samePort) {
    const set =
      cluster.port === 0
        ? `http-port is not set, so that of [http] bind-address, ${told.port}, is used`
        : `http-port = ${told.port}`;
    results.push(
      finding("kapacitor_http_port", {
        ...about,
        what: `${key}: ${set}, and this listener is on ${bound.port}${seen(place, told)}`,
        fix: kapacitorLines(facts, cluster.name, `http-port = ${bound.port}`),
      }),
    );
  }
  const right = samePort
    ? place
    : whereabouts(
        facts,
        "port" in bound ? facts.dials.get(originOf({ host: told.host, port: bound.port })) : undefined,
      );
  if (right === "here" || (right === "unknown" && !nameMissing)) return results;
  const doubtful = !nameMissing && (right === "unresolved" || right === "other");
  if (!samePort && doubtful) return results;
  const set =
    cluster.hostname === ""
      ? `kapacitor-hostname is not set, so Kapacitor's hostname ${JSON.stringify(told.host)} is used`
      : `kapacitor-hostname = ${JSON.stringify(cluster.hostname)}`;
  results.push(
    finding("kapacitor_hostname", {
      ...about,
      severity: doubtful ? "warning" : "error",
      what: `${key}: ${set}${seen(right, { ...told, port: "port" in bound ? bound.port : told.port })}${nameMissing ? "; the certificate does not have that name" : ""}`,
      fix: kapacitorLines(
        facts,
        cluster.name,
        `kapacitor-hostname = ${JSON.stringify(bestName(names) ?? "NAME-OF-THIS-MACHINE")}`,
      ),
    }),
  );
  return results;
}

/** A name of the certificate that other machines can use. */
function bestName(names: readonly string[]): string | undefined {
  return names.find((name) => !name.startsWith("*") && !/^(?:localhost|127\.|::1$)/.test(name)) ?? names[0];
}

function seen(place: ReturnType<typeof whereabouts>, target: { readonly host: string; readonly port: number }): string {
  const where = originOf(target);
  switch (place) {
    case "unresolved":
      return `; ${target.host} does not resolve here`;
    case "nothing":
      return `; nothing answers at ${where}`;
    case "plain":
      return `; what answers at ${where} does not speak TLS`;
    case "other":
      return `; what answers at ${where} has another certificate (right only for a load balancer before kapgate)`;
    case "here":
    case "unknown":
      return "";
  }
}

function judgePath(
  facts: Facts,
  kapacitor: KapacitorFacts,
  cluster: Cluster,
  told: Told,
  isAlone: boolean,
): readonly Result[] {
  const { instance, state } = kapacitor;
  const wanted = instance["subscription-path"];
  if (told.path === wanted || (state.kind === "up" && isBefore(state.version, [1, 5, 8]))) return [];
  const drops = !isAlone ? [] : subscriptionsOf(facts, kapacitor, cluster).map(dropStatement);
  const lines = kapacitorLines(facts, cluster.name, `subscription-path = ${JSON.stringify(wanted)}`);
  return [
    finding("kapacitor_subscription_path", {
      instance: instance.name,
      what: `[[influxdb]] ${cluster.name}: subscription-path = ${JSON.stringify(told.path)}, and here it is ${JSON.stringify(wanted)}`,
      fix:
        drops.length === 0
          ? lines
          : [
              ...lines.slice(0, -1),
              "# Kapacitor keeps the subscriptions with the old path; drop them, then restart:",
              ...influxCommands(facts, drops),
              ...lines.slice(-1),
            ],
    }),
  ];
}

function subscriptionsOf(facts: Facts, kapacitor: KapacitorFacts, cluster: Cluster) {
  const name = subscriptionName(kapacitor, cluster);
  return (detailsOf(facts.influxdb)?.subscriptions ?? []).filter((subscription) => subscription.name === name);
}

function urlOf({ scheme, host, port, path }: Told): string {
  return `${scheme}://${originOf({ host, port })}${path}`;
}
