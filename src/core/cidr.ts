/**
 * Addresses and CIDR lists, strictly read and compared in one canonical form.
 * IPv4-mapped IPv6 (`::ffff:10.0.0.1`, which a dual-stack socket shows for IPv4 peers) is the IPv4 address on both sides of a comparison.
 */
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** What {@link parseCidr} read: a canonical CIDR, or what is wrong with the text. */
export type CidrReading = { readonly ok: true; readonly cidr: string } | { readonly ok: false; readonly text: string };

const longestText = 64;

/**
 * Reads one entry of a CIDR list of the configuration. Strict, because a list that means something else than it says is an open door:
 * four-part decimal IPv4 without leading zeros, no zone ids, no host bits, no leading zero in the prefix, no IPv4-mapped IPv6.
 * A bare address is a /32 or /128. IPv6 comes back in the form of RFC 5952.
 */
export function parseCidr(text: string): CidrReading {
  const slash = text.indexOf("/");
  const addressText = slash === -1 ? text : text.slice(0, slash);
  const address = readAddress(addressText);
  if (address === undefined) return { ok: false, text: `is not ${whatIsWrong(addressText)}` };
  if (address.kind() === "ipv6" && isMapped(address)) {
    return { ok: false, text: "is an IPv4-mapped IPv6 range; write the IPv4 range itself, it covers both forms" };
  }
  const width = address.kind() === "ipv4" ? 32 : 128;
  const prefixText = slash === -1 ? String(width) : text.slice(slash + 1);
  const prefix = /^(?:0|[1-9][0-9]{0,2})$/.test(prefixText) ? Number(prefixText) : Number.NaN;
  if (!(prefix <= width)) return { ok: false, text: `needs a prefix length from 0 to ${width} after the slash` };
  const network = networkOf(address, prefix);
  if (network !== format(address)) {
    return {
      ok: false,
      text: `has bits set behind its prefix; write ${network}/${prefix} or ${format(address)}/${width}`,
    };
  }
  return { ok: true, cidr: `${network}/${prefix}` };
}

/**
 * The canonical form of an address: four-part decimal, or RFC 5952; IPv4-mapped IPv6 becomes IPv4; the zone id of a socket peer
 * (`fe80::1%eth0`) goes. Undefined for everything else (host names, ports, octal or short IPv4 forms): the caller decides, and
 * a caller that guards something must refuse.
 */
export function parseAddress(text: string): string | undefined {
  const zone = text.indexOf("%");
  if (zone !== -1 && !/^[0-9A-Za-z._~-]{1,32}$/.test(text.slice(zone + 1))) return undefined;
  const address = readAddress(zone === -1 ? text : text.slice(0, zone));
  if (address === undefined || (zone !== -1 && address.kind() === "ipv4")) return undefined;
  return format(unmap(address));
}

/**
 * Compiles a list of canonical CIDRs ({@link parseCidr}) to a predicate on a canonical address ({@link parseAddress}).
 * An empty list contains nothing. An entry that is not a CIDR throws a RangeError: leaving it out would open a deny list.
 * The predicate throws a RangeError for what is no address: neither answer would be safe for both kinds of list.
 */
export function compileCidrs(list: readonly string[]): (address: string) => boolean {
  const four: (readonly [base: number, mask: number])[] = [];
  const six: (readonly [ipaddr.IPv6, number])[] = [];
  for (const entry of list) {
    const reading = parseCidr(entry);
    if (!reading.ok) throw new RangeError(`CIDR ${JSON.stringify(entry)} ${reading.text}`);
    const [network, prefix] = ipaddr.parseCIDR(reading.cidr);
    if (network instanceof ipaddr.IPv6) six.push([network, prefix]);
    else {
      const mask = prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
      four.push([toNumber(network), mask]);
    }
  }
  return (text) => {
    const parsed = readAddress(text);
    if (parsed === undefined) throw new RangeError("not a canonical address");
    const address = unmap(parsed);
    if (address instanceof ipaddr.IPv6) return six.some(([network, prefix]) => address.match(network, prefix));
    const value = toNumber(address);
    return four.some(([base, mask]) => (value & mask) >>> 0 === base);
  };
}

/** A strict reading: ipaddr.js alone takes `10.1`, `0x7f.1` and octal `010.0.0.1` (= 8.0.0.1). */
function readAddress(text: string): Address | undefined {
  if (text.length > longestText || text.includes("%")) return undefined;
  if (!text.includes(":")) {
    return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : undefined;
  }
  const plain = /^[0-9A-Fa-f:.]+$/.test(text) ? withoutDottedTail(text) : undefined;
  return plain !== undefined && ipaddr.IPv6.isValid(plain) ? ipaddr.IPv6.parse(plain) : undefined;
}

/** `::ffff:10.0.0.1` as `::ffff:a00:1`; ipaddr.js reads `::10.0.0.1` as if `ffff` stood there, and octal parts as well. */
function withoutDottedTail(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const start = text.lastIndexOf(":") + 1;
  const tail = text.slice(start);
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail)) return undefined;
  const value = toNumber(ipaddr.IPv4.parse(tail));
  return `${text.slice(0, start)}${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
}

function whatIsWrong(text: string): string {
  if (text.includes("%")) return "a range: a zone id has no meaning in a list of ranges";
  if (/^[0-9a-fx.]+$/i.test(text) && !text.includes(":")) {
    return "an address: IPv4 is written as four decimal parts without leading zeros";
  }
  return "an address or a CIDR range";
}

function isMapped(address: Address): boolean {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
}

function unmap(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function format(address: Address): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

function networkOf(address: Address, prefix: number): string {
  const bytes = address.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefix - index * 8));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
  return format(ipaddr.fromByteArray(bytes));
}

function toNumber(address: ipaddr.IPv4): number {
  const [a = 0, b = 0, c = 0, d = 0] = address.octets;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
