/** Lists of addresses that shut out or let in more than an operator is likely to mean. */
import { compileCidrs, parseAddress, parseCidr } from "../core/cidr.ts";
import type { Config } from "./schema.ts";
import type { CheckFinding, Path } from "./tree.ts";

export function checkAddresses(config: Config, ownAddresses: readonly string[]): readonly CheckFinding[] {
  return [...wideTrust(config.access), ...deniedFriends(config, ownAddresses)];
}

/** Whether a host as written in a key is this machine's loopback. A name other than localhost is not. */
export function isLoopback(host: string): boolean {
  const address = parseAddress(host);
  if (address === undefined) return host.toLowerCase() === "localhost";
  return loopback(address);
}

const loopback = compileCidrs(["127.0.0.0/8", "::1/128"]);

function* wideTrust(access: Config["access"]): Generator<CheckFinding> {
  for (const [index, range] of access["trusted-proxies"].entries()) {
    if (!range.endsWith("/0")) continue;
    const text = `${range} trusts everybody: any client can choose its client address by X-Forwarded-For, and with it pass the deny and allow lists`;
    yield { severity: "warning", path: ["access", "trusted-proxies", index], text };
  }
}

interface Friend {
  readonly name: string;
  readonly range: string;
  readonly path?: Path;
}

/** A deny list goes before everything else, so it may shut out who was meant to be let in. */
function* deniedFriends(config: Config, ownAddresses: readonly string[]): Generator<CheckFinding> {
  const friends = friendsOf(config, ownAddresses);
  for (const [index, denied] of config.access["deny-cidrs"].entries()) {
    const covered = friends.filter(({ range }) => covers(denied, range));
    if (covered.length === 0) continue;
    const names = covered.map(({ name, range }) => `${name} (${range.replace(/\/(?:32|128)$/, "")})`);
    yield {
      severity: "warning",
      path: ["access", "deny-cidrs", index],
      text: `${denied} shuts out ${[...new Set(names)].join(", ")}`,
      involves: covered.flatMap(({ path }) => (path === undefined ? [] : [path])),
    };
  }
}

function* eachFriend({ http, access, kapacitor }: Config, ownAddresses: readonly string[]): Generator<Friend> {
  yield { name: "loopback", range: "127.0.0.1/32" };
  yield { name: "loopback", range: "::1/128" };
  for (const address of ownAddresses) yield { name: "an address of this machine", range: address };
  if ("host" in http["bind-address"]) {
    yield { name: "the listener", range: http["bind-address"].host, path: ["http", "bind-address"] };
  }
  for (const [index, range] of access["trusted-proxies"].entries()) {
    yield { name: "the trusted proxies", range, path: ["access", "trusted-proxies", index] };
  }
  for (const [index, instance] of kapacitor.entries()) {
    const host = new URL(instance.url).hostname.replace(/^\[|\]$/g, "");
    const path: Path = ["kapacitor", index];
    yield {
      name: `the upstream of ${instance.name}`,
      range: host === "localhost" ? "127.0.0.1" : host,
      path: [...path, "url"],
    };
    for (const range of instance["subscription-allow-cidrs"]) {
      yield { name: `the subscriptions of ${instance.name}`, range, path: [...path, "subscription-allow-cidrs"] };
    }
  }
}

/** Only what is an address or a range: a name is not looked up. */
function friendsOf(config: Config, ownAddresses: readonly string[]): readonly Friend[] {
  return [...eachFriend(config, ownAddresses)].flatMap((friend) => {
    const reading = parseCidr(friend.range);
    return reading.ok && !/^(?:0\.0\.0\.0|::)\/(?:32|128)$/.test(reading.cidr)
      ? [{ ...friend, range: reading.cidr }]
      : [];
  });
}

function covers(outer: string, inner: string): boolean {
  const [network = "", prefix = ""] = inner.split("/");
  return Number(prefix) >= Number(outer.slice(outer.indexOf("/") + 1)) && compileCidrs([outer])(network);
}
