/**
 * Addresses as Kapacitor (Go's net/url and net packages) reads and dials them. What is read here is only what has one reading in every release and
 * with either resolver of Go; the rest is unreadable, and the caller refuses it.
 */
import ipaddr from "ipaddr.js";
import type { AddressForm } from "./alert-handlers.ts";
import { parseAddress } from "./cidr.ts";

/** Whom a text names. */
export type Host =
  /** Every address that a build of Kapacitor may take the text for, in canonical form: `0177.0.0.1` is 127.0.0.1 to one resolver and 177.0.0.1 to the other. */
  | { readonly kind: "literal"; readonly addresses: readonly string[] }
  /** Lower case, without the dot at its end. */
  | { readonly kind: "name"; readonly name: string }
  /** Nothing, which Go dials as the machine itself. */
  | { readonly kind: "empty" };

export interface Endpoint {
  readonly ok: true;
  /** Lower case; undefined where the form has none. */
  readonly scheme: string | undefined;
  readonly host: Host;
  /** 0 to 65535; undefined when the text gives none that is a plain number. */
  readonly port: number | undefined;
}

interface Unreadable {
  readonly ok: false;
  /** Starts in the middle of a sentence: "… has no host". */
  readonly text: string;
}

const unreadable = (text: string): Unreadable => ({ ok: false, text });

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Reads an address as what it is used for. */
export function readEndpoint(text: string, form: AddressForm): Endpoint | Unreadable {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code <= 0x20 || code === 0x7f) return unreadable("holds a space or a control character");
    if (code > 0x7f) return unreadable("holds characters outside ASCII; write the host in its xn-- form");
  }
  switch (form) {
    case "url":
      return readUrl(text);
    case "hostport":
      return readHostPort(text);
    case "host":
      return readBareHost(text);
  }
}

/** url.Parse (net/url/url.go), as far as it decides who is dialled. */
function readUrl(text: string): Endpoint | Unreadable {
  const [beforeFragment = ""] = text.split("#", 1);
  const [, scheme, rest = ""] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/.exec(beforeFragment) ?? [];
  if (scheme === undefined) return unreadable("has no scheme; write http://host:port/path");
  const [beforeQuery = ""] = rest.split("?", 1);
  if (/%(?![0-9A-Fa-f]{2})/.test(beforeQuery + text.slice(beforeFragment.length))) {
    return unreadable("has a percent sign that escapes nothing");
  }
  if (scheme.toLowerCase() === "file") {
    if (!beforeQuery.startsWith("///")) return unreadable("names no file; write file:///path");
    return { ok: true, scheme: "file", host: { kind: "empty" }, port: undefined };
  }
  if (!beforeQuery.startsWith("//")) return unreadable("has no host; write http://host:port/path");
  const [authority = ""] = beforeQuery.slice(2).split("/", 1);
  const at = authority.lastIndexOf("@");
  if (!/^[A-Za-z0-9._~!$&'()*+,;=:%@-]*$/.test(authority.slice(0, at === -1 ? 0 : at))) {
    return unreadable("has a user name or password with characters that must be percent-encoded");
  }
  const [, host, port] = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]*))?$/.exec(authority.slice(at + 1)) ?? [];
  if (host === undefined) return unreadable("has a host that is not plain; an IPv6 address needs brackets");
  const reading = readHost(host.replace(/%25.*\]$/, "]"));
  const standard = defaultPorts[scheme.toLowerCase()];
  return reading === undefined
    ? unreadable("has a host that is not plain")
    : { ok: true, scheme: scheme.toLowerCase(), host: reading, port: port ? readPort(port) : standard };
}

/** net.SplitHostPort, and an address without a port, which some clients complete with one of their own. */
function readHostPort(text: string): Endpoint | Unreadable {
  const [, host, port] = /^(\[[^\]]*\]|[^:[\]]*)(?::([A-Za-z0-9+-]*))?$/.exec(text) ?? [];
  if (host === undefined) return unreadable("is not host:port; an IPv6 address needs brackets");
  const reading = readHost(host.replace(/%.*\]$/, "]"));
  return reading === undefined
    ? unreadable("has a host that is not plain")
    : { ok: true, scheme: undefined, host: reading, port: port === undefined ? undefined : readPort(port) };
}

function readBareHost(text: string): Endpoint | Unreadable {
  const address = parseAddress(text);
  if (address === undefined) return readHostPort(text);
  return { ok: true, scheme: undefined, host: { kind: "literal", addresses: [address] }, port: undefined };
}

/** A port in digits, as often as zeros stand before it; names of services and what is out of range are none. */
function readPort(text: string): number | undefined {
  const port = /^\+?[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : undefined;
}

/** undefined: not plain. */
function readHost(text: string): Host | undefined {
  if (text === "") return { kind: "empty" };
  if (text.startsWith("[")) {
    const address = text.includes(":") ? parseAddress(text.slice(1, -1)) : undefined;
    return address === undefined ? undefined : { kind: "literal", addresses: [address] };
  }
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
  if (!/^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(name) || name.length > 253) return undefined;
  if (!/(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/.test(name)) return { kind: "name", name };
  const addresses = numericReadings(name);
  return addresses.length === 0 ? undefined : { kind: "literal", addresses };
}

/**
 * IPv4 in the forms of inet_aton (one to four parts, each decimal, octal or hexadecimal, the last one filling the rest), which getaddrinfo takes, and
 * four decimal parts with zeros before them, which Go before 1.17 took.
 */
function numericReadings(name: string): readonly string[] {
  const parts = name.split(".");
  const readings = [parts.map(readClassic), parts.length === 4 ? parts.map(readDecimal) : []];
  return [...new Set(readings.map(joinParts).filter((address) => address !== undefined))];
}

function readClassic(part: string): number {
  if (/^0x[0-9a-f]*$/.test(part)) return part === "0x" ? 0 : Number.parseInt(part.slice(2), 16);
  if (/^0[0-7]*$/.test(part)) return Number.parseInt(part, 8);
  return /^[1-9][0-9]*$/.test(part) ? Number(part) : Number.NaN;
}

function readDecimal(part: string): number {
  return /^[0-9]+$/.test(part) ? Number.parseInt(part, 10) : Number.NaN;
}

function joinParts(parts: readonly number[]): string | undefined {
  const last = parts.at(-1);
  if (last === undefined || parts.length > 4) return undefined;
  const before = parts.slice(0, -1);
  if (!before.every((part) => part <= 255) || !(last < 256 ** (5 - parts.length))) return undefined;
  const value = before.reduce((sum, part, index) => sum + part * 256 ** (3 - index), last);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/**
 * The addresses that a packet to this one may reach: itself, and the IPv4 address that a translating or tunnelling form of IPv6 carries (RFC 6052, 3056,
 * 4291 and 7915). Takes and gives canonical addresses.
 */
export function reachable(address: string): readonly string[] {
  if (!address.includes(":")) return [address];
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = ipaddr.IPv6.parse(address).parts;
  const lead = [a, b, c, d, e, f].join(" ");
  const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join(".");
  // ::1 and :: are themselves; ::/96 else is the old IPv4-compatible form.
  if (lead === "0 0 0 0 0 0") return g === 0 && h <= 1 ? [address] : [address, dotted(g, h)];
  if (lead === "0 0 0 0 65535 0") return [address, dotted(g, h)];
  if (a === 0x64 && b === 0xff9b) return [address, dotted(g, h)];
  return a === 0x2002 ? [address, dotted(b, c)] : [address];
}
