import type { X509Certificate } from "node:crypto";
import { parseAddress } from "../core/cidr.ts";

export type CertificateName =
  | { readonly ok: true; readonly name: string }
  | { readonly ok: false; readonly text: string };

/** Kinds of subject alternative names. */
type Kind = "DNS" | "IP" | "email" | "URI";

/** By their labels in the configuration and in node's X509Certificate.subjectAltName. Other kinds, such as directory names, name nobody. */
const kinds: ReadonlyMap<string, Kind> = new Map([
  ["DNS", "DNS"],
  ["IP", "IP"],
  ["IP Address", "IP"],
  ["email", "email"],
  ["URI", "URI"],
]);

/**
 * Reads how the configuration names a client certificate: `CN=telegraf`, or a subject alternative name, bare or behind its kind (`DNS:`, `IP:`,
 * `email:`, `URI:`). A bare name is an address, a URI, an e-mail address or else a DNS name by its form, so that a name of one kind never stands
 * in for one of another.
 * @returns the name as {@link certificateNames} has it; a failure's text is the rest of a sentence about the certificate
 */
export function readCertificateName(text: string): CertificateName {
  if (text.startsWith("CN=")) {
    const value = text.slice(3);
    if (value === "") return { ok: false, text: "has an empty CN" };
    if (/[,/+]\s*[A-Za-z]{1,12}=/.test(value))
      return { ok: false, text: "may hold the CN alone of the subject: CN=telegraf" };
    return named("CN", value);
  }
  if (/^[A-Za-z]{1,12}=/.test(text))
    return { ok: false, text: "must be a CN, like CN=telegraf, or a subject alternative name" };
  const [, label = "", rest = ""] = /^(DNS|IP|email|URI):(.*)$/.exec(text) ?? [];
  const kind = kinds.get(label) ?? kindOf(text);
  const value = label === "" ? text : rest;
  if (value === "" || value.trim() !== value) return { ok: false, text: "must be a name" };
  switch (kind) {
    case "IP": {
      const address = parseAddress(value);
      return address === undefined ? { ok: false, text: "holds no IP address" } : named("IP", address);
    }
    case "DNS":
      // A pattern would be anybody below it.
      if (value.includes("*")) return { ok: false, text: "must be one name, without *" };
      if (/[\s:/@]/.test(value)) return { ok: false, text: "holds no DNS name" };
      return named("DNS", value);
    case "URI":
    case "email":
      return named(kind, value);
  }
}

function kindOf(text: string): Kind {
  if (parseAddress(text) !== undefined) return "IP";
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)) return "URI";
  return text.includes("@") ? "email" : "DNS";
}

function named(kind: Kind | "CN", value: string): CertificateName {
  return { ok: true, name: `${kind}:${value}` };
}

/**
 * The names that a client certificate goes by; they are compared byte for byte. Fails towards none: a certificate with several common names,
 * or with an alternative name that node had to quote because it could be taken for several (CVE-2021-44532), names nobody.
 */
export function certificateNames(certificate: X509Certificate): readonly string[] {
  const alternatives = certificate.subjectAltName ?? "";
  if (alternatives.includes('"')) return [];
  const names: string[] = [];
  // By the types a text; node makes a list of an attribute that stands several times.
  const common: unknown = certificate.toLegacyObject().subject?.CN;
  if (common !== undefined) {
    if (typeof common !== "string") return [];
    names.push(`CN:${common}`);
  }
  for (const entry of alternatives === "" ? [] : alternatives.split(", ")) {
    const colon = entry.indexOf(":");
    const kind = kinds.get(entry.slice(0, colon));
    const text = entry.slice(colon + 1);
    const value = kind === "IP" ? parseAddress(text) : text;
    if (kind !== undefined && value !== undefined) names.push(`${kind}:${value}`);
  }
  return names;
}
