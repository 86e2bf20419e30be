import {
  createPrivateKey,
  type KeyObject,
  X509Certificate as NodeCertificate,
  randomBytes,
  webcrypto,
} from "node:crypto";
import "./reflect-metadata.ts";
import * as x509 from "@peculiar/x509";
import { type CertificateName, parseName } from "./names.ts";

/** A certificate authority: its certificate, public, and its private key, both PEM. */
export interface Authority {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface AuthorityOptions {
  /** Default: `kapgate CA` and a short random id, so that two of them in one trust store can be told apart. */
  readonly commonName?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface IssueOptions {
  /** The names of a server, see `parseName`; may be empty for a client. */
  readonly hosts: readonly string[];
  /** Default `server`. */
  readonly usage?: "server" | "client";
  /** Default: the first host that is short enough. */
  readonly commonName?: string;
  readonly notBefore?: Date;
  /** Default: {@link longestDays} after `notBefore`, but not after the authority itself ends. */
  readonly notAfter?: Date;
  /** The pair to certify. Default: a new one on P-256. */
  readonly key?: webcrypto.CryptoKeyPair;
}

export interface Issued {
  /** The certificate alone, PEM. */
  readonly certificate: string;
  /** The certificate and that of its authority, leaf first, PEM. */
  readonly chain: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
}

const hour = 3_600_000;
const day = 24 * hour;
const authorityDays = 3652;
/** The longest lifetime Apple's platforms take from a CA that a user installed. */
export const longestDays = 825;
/** X.520 ub-common-name. */
const commonNameLimit = 64;

const p256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Makes a small authority: EC P-256, ten years, for leaf certificates only (path length 0). Rejects only when the options are wrong. */
export async function createAuthority(options: AuthorityOptions = {}): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: distinguishedName(options.commonName ?? `kapgate CA ${randomBytes(4).toString("hex")}`),
      notBefore: options.notBefore ?? aLittleAgo(),
      notAfter: options.notAfter ?? new Date(Date.now() + authorityDays * day),
      keys,
      signingAlgorithm: p256,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: pemOf(certificate), privateKey: await exportKey(keys.privateKey) };
}

/**
 * Issues a certificate for a server or a client. The authority may be one that was not made here, with an EC or an RSA key.
 * Rejects with a `TypeError` when a host is not one, the authority's key is of another kind, or nothing of the lifetime is left.
 */
export async function issue(authority: Authority, options: IssueOptions): Promise<Issued> {
  const usage = options.usage ?? "server";
  const names = options.hosts.map(nameOrThrow);
  const issuer = new x509.X509Certificate(authority.certificate);
  const signer = await importSigner(createPrivateKey(authority.privateKey));
  const keys = options.key ?? (await newKeys());
  const commonName = options.commonName ?? names.find(({ value }) => value.length <= commonNameLimit)?.value;
  const notBefore = options.notBefore ?? later(aLittleAgo(), issuer.notBefore);
  // Both ends belong to the lifetime (RFC 5280, 4.1.2.5), hence the second less.
  const longest = new Date(notBefore.getTime() + longestDays * day - 1000);
  const notAfter = options.notAfter ?? earlier(longest, issuer.notAfter);
  if (notAfter <= notBefore) throw new TypeError("the certificate would end before it begins");
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject: commonName === undefined ? "" : distinguishedName(commonName),
      issuer: issuer.subjectName,
      notBefore,
      notAfter,
      publicKey: keys.publicKey,
      signingKey: signer.key,
      signingAlgorithm: signer.algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          usage === "server" ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
        ]),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await authorityKeyIdentifier(issuer),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names], commonName === undefined)]),
      ],
    },
    webcrypto,
  );
  const pem = pemOf(certificate);
  return {
    certificate: pem,
    chain: `${pem}${pemOf(issuer)}`,
    privateKey: await exportKey(keys.privateKey),
  };
}

/** What keeps an authority from issuing now, for its operator; undefined when nothing does. */
export function whyUnfit(authority: Authority, now: Date): string | undefined {
  let certificate: NodeCertificate;
  let key: KeyObject;
  try {
    certificate = new NodeCertificate(authority.certificate);
  } catch {
    return "the CA certificate holds no readable PEM certificate";
  }
  try {
    key = createPrivateKey(authority.privateKey);
  } catch {
    return "the CA key holds no readable PEM private key, or one with a passphrase";
  }
  if (!certificate.ca) return "the CA certificate is not one of a certificate authority (basicConstraints CA)";
  if (!certificate.checkPrivateKey(key)) return "the CA key does not belong to the CA certificate";
  if (!(key.asymmetricKeyType === "rsa" || namedCurveOf(key) !== undefined)) {
    return "the CA key is neither RSA nor EC on P-256, P-384 or P-521";
  }
  if (new Date(certificate.validTo) <= now) return `the CA certificate expired on ${certificate.validTo}`;
  return undefined;
}

function nameOrThrow(host: string): CertificateName {
  const parsed = parseName(host);
  if (!parsed.ok) throw new TypeError(parsed.text);
  return parsed.name;
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(p256, true, ["sign", "verify"]);
}

/** Not now: the clock of a client may be behind. */
function aLittleAgo(): Date {
  return new Date(Date.now() - hour);
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other;
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other;
}

/** In the JSON form, where a comma in the text is no separator. */
function distinguishedName(commonName: string): x509.JsonName {
  return [{ CN: [commonName] }];
}

/** The identifier the issuer gave itself; another method of deriving it would break the chain for strict clients. */
function authorityKeyIdentifier(
  issuer: x509.X509Certificate,
): Promise<x509.AuthorityKeyIdentifierExtension> | x509.AuthorityKeyIdentifierExtension {
  const own = issuer.getExtension(x509.SubjectKeyIdentifierExtension);
  if (own !== null) return new x509.AuthorityKeyIdentifierExtension(own.keyId, false);
  return x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto);
}

function namedCurveOf(key: KeyObject): "P-256" | "P-384" | "P-521" | undefined {
  if (key.asymmetricKeyType !== "ec") return undefined;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "prime256v1") return "P-256";
  if (curve === "secp384r1") return "P-384";
  return curve === "secp521r1" ? "P-521" : undefined;
}

async function importSigner(
  key: KeyObject,
): Promise<{ key: webcrypto.CryptoKey; algorithm: typeof rsa | { name: "ECDSA"; hash: string } }> {
  const curve = namedCurveOf(key);
  const bytes = key.export({ format: "der", type: "pkcs8" });
  if (curve !== undefined) {
    const hash = { "P-256": "SHA-256", "P-384": "SHA-384", "P-521": "SHA-512" }[curve];
    const imported = await webcrypto.subtle.importKey("pkcs8", bytes, { name: "ECDSA", namedCurve: curve }, false, [
      "sign",
    ]);
    return { key: imported, algorithm: { name: "ECDSA", hash } };
  }
  if (key.asymmetricKeyType !== "rsa") throw new TypeError("the key of the authority is neither RSA nor EC");
  return { key: await webcrypto.subtle.importKey("pkcs8", bytes, rsa, false, ["sign"]), algorithm: rsa };
}

const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const lines = bytes.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
}
