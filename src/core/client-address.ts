import { parseAddress } from "./cidr.ts";

/** What the connection says about who is calling. */
export interface ConnectionFacts {
  /** The socket peer as node prints it; undefined once the socket is gone. */
  readonly remoteAddress: string | undefined;
  /** Values of all X-Forwarded-For header lines, in order. */
  readonly forwardedFor: readonly string[];
}

/** Who is calling, in canonical addresses. */
export interface Caller {
  readonly remoteAddress: string;
  readonly clientAddress: string;
  /** The socket peer is a trusted proxy, so what it says about its clients is believed and passed on. */
  readonly viaTrustedProxy: boolean;
}

/**
 * Resolves the client address: the socket peer, or, when that is a trusted proxy, the right-most X-Forwarded-For entry that is not a
 * trusted proxy (the left-most entry when all are). X-Forwarded-For from anybody else is never read.
 * Returns undefined when an address that is needed cannot be read: the caller refuses, because a deny list cannot be held against it.
 */
export function resolveCaller(facts: ConnectionFacts, isTrusted: (address: string) => boolean): Caller | undefined {
  const remoteAddress = facts.remoteAddress === undefined ? undefined : parseAddress(facts.remoteAddress);
  if (remoteAddress === undefined) return undefined;
  if (!isTrusted(remoteAddress)) return { remoteAddress, clientAddress: remoteAddress, viaTrustedProxy: false };
  let client: string | undefined = remoteAddress;
  const hops = facts.forwardedFor.flatMap((line) => line.split(","));
  for (let i = hops.length - 1; i >= 0; i--) {
    client = parseHop(hops[i] ?? "");
    if (client === undefined) return undefined;
    if (!isTrusted(client)) break;
  }
  return { remoteAddress, clientAddress: client, viaTrustedProxy: true };
}

/** An X-Forwarded-For entry: an address, or, as some proxies write it, `1.2.3.4:567`, `[::1]` or `[::1]:567`. */
function parseHop(text: string): string | undefined {
  const entry = text.trim();
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(entry);
  if (bracketed?.[1] !== undefined) return parseAddress(bracketed[1]);
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(entry);
  return parseAddress(withPort?.[1] ?? entry);
}
