/**
 * Egress: whether an address that a definition makes Kapacitor connect to may be one. Judged when it is defined; Kapacitor dials later, so a name may
 * lead elsewhere by then, and a redirect is not seen: a rule of the network belongs to it (docs/policy.md).
 */
import { type Host, reachable, readEndpoint } from "./addresses.ts";
import type { AddressForm } from "./alert-handlers.ts";
import { compileCidrs, parseAddress } from "./cidr.ts";
import { type Deny, deny, type RefusalDetail } from "./decision.ts";

export interface TargetOptions {
  /** Canonical CIDRs and the word `private`. */
  readonly denied: readonly string[];
  /** `host:port`, `[::1]:port`. */
  readonly allowed: readonly string[];
  /** Host names and addresses of Kapacitor and the gateway: `[[kapacitor]] url` and `hosts`, `own-addresses`, the bind address, the machine's interfaces. */
  readonly own: readonly string[];
  /** Ports of Kapacitor and of the gateway. */
  readonly ports: readonly number[];
}

export interface TargetRules {
  readonly isDenied: (address: string) => boolean;
  /** Whether there is anything to deny by address. */
  readonly hasDenied: boolean;
  /** `host:port` with a canonical address or a name in lower case. */
  readonly allowed: ReadonlySet<string>;
  readonly ownNames: ReadonlySet<string>;
  readonly isOwnAddress: (address: string) => boolean;
  readonly ownPorts: ReadonlySet<number>;
}

/** Kapacitor's own `private` (Flux' PrivateIPValidator), and what it forgot: `::`, shared address space, NAT64. */
const privateRanges = [
  "0.0.0.0/32",
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "100.64.0.0/10",
  "::1/128",
  "::/128",
  "fe80::/10",
  "fc00::/7",
  "64:ff9b::/96",
] as const;

/** What reaches the machine itself, whichever machine that is. */
const selfRanges = ["127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"] as const;

/** Where Kapacitor listens unless it is told otherwise: the gateway may know it by another port (a published container port). */
const kapacitorPort = 9092;

/** Names that stand for loopback in the hosts files of the world. */
const loopbackNames = [
  "localhost",
  "localhost.localdomain",
  "localhost4",
  "localhost6",
  "ip6-localhost",
  "ip6-loopback",
];

/** Compiles the lists; an entry that is none throws a RangeError, because leaving it out would open the gate. */
export function compileTargets(options: TargetOptions): TargetRules {
  const ownNames = new Set<string>(loopbackNames);
  const ownAddresses: string[] = [...selfRanges];
  for (const entry of options.own) {
    const text = entry.replace(/^\[|\]$/g, "");
    const address = parseAddress(text);
    if (address === undefined) ownNames.add(text.toLowerCase().replace(/\.$/, ""));
    else ownAddresses.push(address);
  }
  return {
    isDenied: compileCidrs(options.denied.flatMap(rangesOf)),
    hasDenied: options.denied.length > 0,
    allowed: new Set(options.allowed.map(canonicalTarget)),
    ownNames,
    isOwnAddress: compileCidrs(ownAddresses),
    ownPorts: new Set([...options.ports, kapacitorPort]),
  };
}

function rangesOf(entry: string): readonly string[] {
  return entry === "private" ? privateRanges : [entry];
}

/** Whether one entry of `deny-target-cidrs` covers a canonical address. */
export function isDeniedBy(entry: string, address: string): boolean {
  return compileCidrs(rangesOf(entry))(address);
}

function canonicalTarget(entry: string): string {
  const colon = entry.lastIndexOf(":");
  const host = entry.slice(0, colon).replace(/^\[|\]$/g, "");
  return targetKey(parseAddress(host) ?? host.toLowerCase().replace(/\.$/, ""), Number(entry.slice(colon + 1)));
}

const targetKey = (host: string, port: number): string => `${host} ${port}`;

/** One address that is going to be dialled. */
export interface AlertTarget {
  /** As it was written. */
  readonly text: string;
  readonly form: AddressForm;
  /** Schemes that the client behind it speaks, for a URL. */
  readonly schemes?: readonly string[];
  /** The port, where it is written elsewhere than in the text. */
  readonly port?: number;
}

/** What is known beyond the rules. */
export interface TargetFacts {
  /** Canonical addresses of a name; empty when it has none or cannot be resolved; undefined when nobody has asked yet. */
  readonly addressesOf: (name: string) => readonly string[] | undefined;
  /** Where the client reached the gateway: an address and a port of the gateway itself. */
  readonly gateway: { readonly address: string; readonly port: number } | undefined;
}

export type TargetVerdict =
  | { readonly kind: "pass" }
  /** The addresses of these names are needed first. */
  | { readonly kind: "resolve"; readonly names: readonly string[] }
  | Deny;

const pass: TargetVerdict = { kind: "pass" };
const webSchemes = ["http", "https"] as const;

/**
 * Judges an address. Closed when unsure: what has no single reading, is put together at run time, or cannot be resolved where its address matters, is
 * refused. An empty text is no address (the client behind it has nothing to dial).
 */
export function judgeTarget(target: AlertTarget, rules: TargetRules, facts: TargetFacts): TargetVerdict {
  const { text } = target;
  if (text === "") return pass;
  if (text.includes("{{")) {
    return refuse(text, "is a template, so it is not known where it leads; write it without {{ }}");
  }
  const endpoint = readEndpoint(text, target.form);
  if (!endpoint.ok) return refuse(text, endpoint.text);
  const schemes = target.schemes ?? webSchemes;
  if (endpoint.scheme !== undefined && !schemes.includes(endpoint.scheme)) {
    return refuse(text, `has the scheme ${endpoint.scheme}; here ${schemes.join(" and ")} can be judged`);
  }
  if (endpoint.scheme === "file") return pass;
  return judgeHost(text, endpoint.host, endpoint.port ?? target.port, rules, facts);
}

function judgeHost(
  text: string,
  host: Host,
  port: number | undefined,
  rules: TargetRules,
  facts: TargetFacts,
): TargetVerdict {
  const mayBeOwnPort = port === undefined || rules.ownPorts.has(port) || port === facts.gateway?.port;
  const target = targetEntry(host, port);
  const isAllowed = (name: string): boolean => port !== undefined && rules.allowed.has(targetKey(name, port));
  const judge = (addresses: readonly string[]): TargetVerdict =>
    judgeAddresses(text, addresses, { mayBeOwnPort, isAllowed, rules, facts, target });
  switch (host.kind) {
    case "empty":
      return judge(["127.0.0.1", "::1"]);
    case "literal":
      return needsOwnNames(mayBeOwnPort, rules, facts) ?? judge(host.addresses);
    case "name": {
      if (isAllowed(host.name)) return pass;
      if (host.name.endsWith(".localhost") || loopbackNames.includes(host.name)) return judge(["127.0.0.1", "::1"]);
      if (mayBeOwnPort && rules.ownNames.has(host.name))
        return refuse(text, leadsBack, { rule: "own-addresses", ...target });
      if (!rules.hasDenied && !mayBeOwnPort) return pass;
      const addresses = facts.addressesOf(host.name);
      if (addresses === undefined) return { kind: "resolve", names: [host.name] };
      if (addresses.length === 0) {
        return deny(
          "target_unresolvable",
          `the alert target ${show(text)} cannot be allowed: ${host.name} cannot be resolved`,
          { detail: { rule: rules.hasDenied ? "deny-target-cidrs" : "own-addresses", ...target } },
        );
      }
      return needsOwnNames(mayBeOwnPort, rules, facts) ?? judge(addresses);
    }
  }
}

/** Own names count by their addresses too, where the port makes that matter. A name that has none here still counts as a name. */
function needsOwnNames(mayBeOwnPort: boolean, rules: TargetRules, facts: TargetFacts): TargetVerdict | undefined {
  if (!mayBeOwnPort) return undefined;
  const names = [...rules.ownNames].filter(
    (name) => !loopbackNames.includes(name) && facts.addressesOf(name) === undefined,
  );
  return names.length === 0 ? undefined : { kind: "resolve", names };
}

interface Judging {
  readonly mayBeOwnPort: boolean;
  readonly isAllowed: (address: string) => boolean;
  readonly rules: TargetRules;
  readonly facts: TargetFacts;
  readonly target: { readonly target?: string };
}

/** One address that may not be is enough: which of them Kapacitor takes is not ours to say. */
function judgeAddresses(text: string, addresses: readonly string[], judging: Judging): TargetVerdict {
  const { rules, facts, mayBeOwnPort, isAllowed, target } = judging;
  const own = new Set([...rules.ownNames].flatMap((name) => facts.addressesOf(name) ?? []));
  if (facts.gateway !== undefined) own.add(facts.gateway.address);
  for (const address of addresses) {
    if (isAllowed(address)) continue;
    for (const reached of reachable(address)) {
      if (mayBeOwnPort && (own.has(reached) || rules.isOwnAddress(reached))) {
        return refuse(text, leadsBack, { rule: "own-addresses", address: reached, ...target });
      }
      if (rules.isDenied(reached)) {
        const why = `leads to ${reached}, which deny-target-cidrs covers; allow-targets makes an exception`;
        return refuse(text, why, { rule: "deny-target-cidrs", address: reached, ...target });
      }
    }
  }
  return pass;
}

const leadsBack =
  "leads back to Kapacitor or the gateway, where it could define anything; allow-targets makes exceptions for a host and port";

function refuse(text: string, why: string, detail: RefusalDetail = { rule: "any" }): Deny {
  return deny("target_denied", `the alert target ${show(text)} ${why}`, { detail });
}

/** The target as `allow-targets` would name it; a host or a port that is not known has no entry. */
function targetEntry(host: Host, port: number | undefined): { readonly target?: string } {
  if (port === undefined || host.kind === "empty") return {};
  const name = host.kind === "name" ? host.name : (host.addresses[0] ?? "");
  return { target: name.includes(":") ? `[${name}]:${port}` : `${name}:${port}` };
}

/** As much as says which one is meant: the rest of a URL may hold a password or a token. */
function show(text: string): string {
  const [, scheme = "", authority = text] = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)([^/?#]*)/.exec(text) ?? [];
  const shown = scheme + authority.slice(authority.lastIndexOf("@") + 1);
  return JSON.stringify(shown.length > 80 ? `${shown.slice(0, 80)}…` : shown);
}
