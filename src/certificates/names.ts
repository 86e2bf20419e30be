import { isIP } from "node:net";
import { domainToASCII } from "node:url";

/** A name a server certificate can be made for, in the spelling that goes into it. */
export interface CertificateName {
  readonly type: "dns" | "ip";
  readonly value: string;
}

export type ParsedName =
  | { readonly ok: true; readonly name: CertificateName }
  | { readonly ok: false; readonly text: string };

/** Clients on the same machine use these, whatever else it is called. */
export const localNames: readonly string[] = ["localhost", "127.0.0.1", "::1"];

/** Underscores are no host names (RFC 1123), but services of docker compose have them and Go and OpenSSL match them. */
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Reads one host as an operator writes it: a DNS name (`*.` may lead), an IPv4 or an IPv6 address, with or without brackets.
 * A URL, a port, a zone or anything else is refused with what to write instead: a certificate with such a name fits no client.
 */
export function parseName(written: string): ParsedName {
  const host = written.trim().toLowerCase();
  const refuse = (text: string): ParsedName => ({ ok: false, text: `"${written}" ${text}` });
  if (host === "") return { ok: false, text: "a host name is empty" };
  if (host.includes("/")) return refuse("is not a host: write the name alone, without scheme and path");
  const address = /^\[.*\]$/.test(host) ? host.slice(1, -1) : host;
  if (address.includes("%")) return refuse("has a zone: it means nothing to another machine");
  const family = isIP(address);
  if (family === 4 && address === host) return { ok: true, name: { type: "ip", value: address } };
  if (family === 6) return { ok: true, name: { type: "ip", value: canonicalIpv6(address) } };
  if (/:\d*$/.test(host)) return refuse("has a port: a certificate is for a host, on every port");
  // A URL parser drops tabs and line ends on its way; here they are a mistake.
  const domain = /\s/.test(host) ? "" : host;
  const ascii = domainToASCII(domain.startsWith("*.") ? domain.slice(2) : domain).replace(/\.$/, "");
  const labels = ascii.split(".");
  const numeric = /^\d+$/.test(labels.at(-1) ?? "");
  if (ascii.length > 253 || numeric || !labels.every((each) => label.test(each))) {
    return refuse("is neither a DNS name nor an IP address");
  }
  return { ok: true, name: { type: "dns", value: domain.startsWith("*.") ? `*.${ascii}` : ascii } };
}

/**
 * The names of a subjectAltName as node:crypto prints it (`DNS:a, IP Address:0:0:0:0:0:0:0:1`), in the order of the
 * certificate and in the spelling of {@link parseName}. Other kinds of names (URI, email) are left out.
 */
export function namesOf(subjectAltName: string | undefined): readonly string[] {
  const names: string[] = [];
  for (const match of (subjectAltName ?? "").matchAll(/(?:^|, )(DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g)) {
    const [, kind, text = ""] = match;
    // Node quotes a value with characters that could be taken for another name (CVE-2021-44532).
    const value = text.startsWith('"') ? String(JSON.parse(text)) : text;
    names.push(kind === "IP Address" && isIP(value) === 6 ? canonicalIpv6(value) : value);
  }
  return names;
}

/** Without doubles, first come first. */
export function distinctNames(names: readonly CertificateName[]): readonly CertificateName[] {
  return names.filter((name, index) => names.findIndex((other) => other.value === name.value) === index);
}

function canonicalIpv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
