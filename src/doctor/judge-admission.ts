import { compileCidrs } from "../core/cidr.ts";
import { type Facts, type InfluxdbDetails, loginKey } from "./facts.ts";
import { finding, type Result } from "./finding.ts";
import { isLoopback } from "./gather-kapacitor.ts";
import { gatewayLines, listed } from "./hints.ts";
import type { Verdict } from "./subscription-verdict.ts";

/** Whether the gateway lets the subscriptions' writes in: by the login in the URL, or by InfluxDB's address. */
export function judgeAdmission(
  facts: Facts,
  verdicts: readonly Verdict[],
  details: InfluxdbDetails,
): readonly Result[] {
  const right = verdicts.filter(
    ({ kind, kapacitor }) => (kind === "right" || kind === "host") && kapacitor !== undefined,
  );
  return [...judgeLogins(facts, right, details), ...judgeAddresses(facts, right)];
}

function judgeLogins(facts: Facts, verdicts: readonly Verdict[], details: InfluxdbDetails): readonly Result[] {
  const refused = new Map<string, string>();
  for (const { subscription, destination, kapacitor } of verdicts) {
    const isAllowed = compileCidrs(kapacitor?.instance["subscription-allow-cidrs"] ?? []);
    // An address that may write is let in whatever the login.
    if (sourcesOf(facts).some(isAllowed)) continue;
    const answer = details.logins.get(loginKey(destination, subscription.db));
    if (answer === undefined || (answer.status !== 401 && answer.status !== 403)) continue;
    refused.set(
      `${subscription.db}.${subscription.rp} as ${destination.login?.user}`,
      answer.reason ?? `status ${answer.status}`,
    );
  }
  if (refused.size === 0) return [];
  const token = verdicts.some(({ destination }) => destination.login?.user === "~subscriber");
  return [
    finding("subscription_refused", {
      instance: verdicts[0]?.kapacitor?.instance.name,
      what: `an empty write with the login of the subscription is refused: ${listed(
        [...refused].map(([who, why]) => `${who}: ${why}`),
        4,
      )}`,
      fix: token
        ? gatewayLines(
            facts,
            "[influxdb]",
            `# url and an administrator's login: then kapgate knows the tokens that Kapacitor put into its subscriptions`,
          )
        : [
            "# make the subscription again with a user of kapgate who may write to that database:",
            "kapgate hash-password",
            ...gatewayLines(facts, "[[user]]", `name = "influxdb"`, `password-hash = "…"`, `role = "writer"`),
          ],
    }),
  ];
}

/** Whether InfluxDB is on this machine. */
function isLocal({ influxdb, ownAddresses }: Facts): boolean {
  return influxdb?.addresses.some((address) => ownAddresses.has(address)) === true;
}

/** The addresses that InfluxDB may write from; none when nothing is known of it. */
function sourcesOf(facts: Facts): readonly string[] {
  return isLocal(facts) ? [...facts.ownAddresses] : (facts.influxdb?.addresses ?? []);
}

/** A subscription without login is let in by the address that InfluxDB writes from, as far as that can be known here. */
function judgeAddresses(facts: Facts, verdicts: readonly Verdict[]): readonly Result[] {
  const { config } = facts;
  const sources = sourcesOf(facts);
  if (sources.length === 0) return [];
  const local = isLocal(facts);
  const names = local
    ? "InfluxDB is on this machine and writes from one of its addresses"
    : `InfluxDB is at ${listed(sources)}`;
  const open = new Map(
    verdicts
      .filter(({ destination }) => destination.login === undefined)
      .map((verdict) => [verdict.kapacitor?.instance, verdict]),
  );
  return [...open].flatMap(([instance, verdict]): readonly Result[] => {
    if (instance === undefined || !config.http["auth-enabled"]) return judgeGate(facts, sources, names, instance?.name);
    const allowed = instance["subscription-allow-cidrs"];
    const refused = {
      instance: instance.name,
      fix: gatewayLines(
        facts,
        `[[kapacitor]] ${instance.name}`,
        allowLine(allowed, local ? localSources(facts, verdict) : sources),
      ),
    };
    if (allowed.length === 0) {
      return [
        finding("subscription_refused", {
          ...refused,
          what: `the subscription has no login, and subscription-allow-cidrs is empty; ${names}`,
        }),
      ];
    }
    if (!sources.some(compileCidrs(allowed))) {
      // Behind NAT, or from another interface, InfluxDB may write from an address that its name does not have.
      return [
        finding("subscription_refused", {
          ...refused,
          severity: "warning",
          what: `the subscription has no login, and subscription-allow-cidrs = ${listed(allowed)}; ${names}`,
        }),
      ];
    }
    return judgeGate(facts, sources.filter(compileCidrs(allowed)), names, instance.name);
  });
}

/** A process of this machine writes from the address that it writes to. */
function localSources({ ownAddresses }: Facts, { destination }: Verdict): readonly string[] {
  return isLoopback(destination.host) ? ["127.0.0.1", "::1"] : [...ownAddresses];
}

function allowLine(allowed: readonly string[], sources: readonly string[]): string {
  const cidrs = [...allowed, ...sources.map((address) => `${address}/${address.includes(":") ? 128 : 32}`)];
  return `subscription-allow-cidrs = [${cidrs.map((cidr) => JSON.stringify(cidr)).join(", ")}]`;
}

/** The rules for all clients come first, and hold for InfluxDB as well. */
function judgeGate(
  facts: Facts,
  sources: readonly string[],
  names: string,
  instance: string | undefined,
): readonly Result[] {
  const { "deny-cidrs": denied, "allow-cidrs": allowed } = facts.config.access;
  const isDenied = compileCidrs(denied);
  const isAllowed = allowed.length === 0 ? () => true : compileCidrs(allowed);
  if (sources.some((address) => !isDenied(address) && isAllowed(address))) return [];
  return [
    finding("subscription_refused", {
      instance,
      what: `[access] refuses InfluxDB as a client: ${names}`,
      fix: gatewayLines(facts, "[access]", `# take its address out of deny-cidrs, or into allow-cidrs`),
    }),
  ];
}
