import { type KeyObject, X509Certificate } from "node:crypto";
import { namesOf } from "../certificates/names.ts";
import type { Problem } from "../problem.ts";
import type { PemBlock } from "./pem-file.ts";

/** The leaf, for people, logs and metrics. */
export interface CertificateSummary {
  readonly subject: string;
  readonly issuer: string;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly validFrom: Date;
  readonly validTo: Date;
  /** Whole days until `validTo`, rounded down. */
  readonly daysLeft: number;
  readonly serialNumber: string;
  /** SHA-256, upper-case hexadecimal with colons. */
  readonly fingerprint: string;
}

/** One certificate of a PEM file. */
export interface ChainLink {
  readonly text: string;
  readonly certificate: X509Certificate;
}

/** Takes a problem down. */
export type Tell = (severity: Problem["severity"], key: string, text: string) => void;

/** The configuration keys that problems of the certificate and of its key are told under. */
export const certificateKey = "http.https-certificate";
export const privateKeyKey = "http.https-private-key";

const day = 86_400_000;
const warnDays = 30;
/** serverAuth and anyExtendedKeyUsage (RFC 5280, 4.2.1.12). */
const serverUsages = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"];

/** The certificates among the blocks of a PEM file, up to the first that cannot be parsed. */
export function parseCertificates(blocks: readonly PemBlock[]): {
  readonly links: readonly ChainLink[];
  /** The first one, counted from 1. */
  readonly unreadable?: number;
} {
  const links: ChainLink[] = [];
  for (const { label, text } of blocks) {
    if (label !== "CERTIFICATE") continue;
    try {
      links.push({ text, certificate: new X509Certificate(text) });
    } catch {
      return { links, unreadable: links.length + 1 };
    }
  }
  return { links };
}

/** Takes down what keeps clients from taking this certificate of a server now. */
export function judgeLeaf(path: string, leaf: X509Certificate, now: Date, tell: Tell): void {
  const what = `the certificate in ${path}`;
  const { validFrom, validTo, daysLeft, names } = summarise(leaf, now);
  if (validTo <= now) {
    tell("error", certificateKey, `${what} expired on ${validTo.toISOString()}: renew it, see \`kapgate cert\``);
  } else if (validFrom > now) {
    tell("error", certificateKey, `${what} is not valid before ${validFrom.toISOString()}; is the clock right?`);
  } else if (daysLeft < warnDays) {
    tell("warning", certificateKey, `${what} expires in ${daysLeft} days, on ${validTo.toISOString()}`);
  }
  if (names.length === 0) {
    const refused = "InfluxDB, Telegraf, the CLI and browsers refuse it, whatever its CN";
    tell("warning", certificateKey, `${what} has no subjectAltName: ${refused}`);
  }
  const usages = leaf.keyUsage ?? [];
  if (usages.length > 0 && !usages.some((usage) => serverUsages.includes(usage))) {
    tell("warning", certificateKey, `${what} is not for servers (extendedKeyUsage): clients that verify refuse it`);
  }
}

/** Takes down a key that belongs to none of the certificates, or not to the first. False: the first is not the leaf. */
export function judgePair(
  path: string,
  chain: readonly ChainLink[],
  key: KeyObject,
  keyName: string,
  tell: Tell,
): boolean {
  const owner = chain.findIndex(({ certificate }) => certificate.checkPrivateKey(key));
  if (owner < 0) tell("error", keyName, `the private key does not belong to the certificate in ${path}`);
  if (owner <= 0) return true;
  const order = `the certificate of the private key must be the first, and is number ${owner + 1}`;
  tell("error", certificateKey, `${path} is out of order: ${order}`);
  return false;
}

/** Takes down what keeps clients from following a chain. */
export function judgeChain(path: string, chain: readonly ChainLink[], now: Date, tell: Tell): void {
  chain.slice(1).forEach(({ certificate }, index) => {
    const place = `certificate ${index + 2} in ${path}`;
    if (chain[index]?.certificate.checkIssued(certificate) !== true) {
      const lost = "clients may not find the way to a CA they trust";
      tell("warning", certificateKey, `${place} is not the issuer of the one before it: ${lost}`);
    }
    if (certificate.validToDate <= now) {
      const end = certificate.validToDate.toISOString();
      tell("warning", certificateKey, `${place} expired on ${end}: clients may refuse the chain`);
    }
  });
}

/** What people want to know of a certificate. */
export function summarise(leaf: X509Certificate, now: Date): CertificateSummary {
  return {
    subject: leaf.subject.replaceAll("\n", ", "),
    issuer: leaf.issuer.replaceAll("\n", ", "),
    names: namesOf(leaf.subjectAltName),
    validFrom: leaf.validFromDate,
    validTo: leaf.validToDate,
    daysLeft: Math.floor((leaf.validToDate.getTime() - now.getTime()) / day),
    serialNumber: leaf.serialNumber,
    fingerprint: leaf.fingerprint256,
  };
}
