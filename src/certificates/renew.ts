import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { type Authority, createAuthority, issue, whyUnfit } from "./authority.ts";
import { readIfPresent, writeFileAtomically } from "./files.ts";
import { distinctNames, localNames, namesOf, parseName } from "./names.ts";

/** The three files of a directory of certificates. */
export interface CertificatePaths {
  /** Chain and private key of the server, 0600. */
  readonly certificate: string;
  /** The CA certificate, for every client, 0644. */
  readonly authority: string;
  /** The CA key, 0600: what the next renewal signs with. */
  readonly authorityKey: string;
}

export interface RenewOptions {
  readonly directory: string;
  /** Names and addresses of the server. Undefined: those of the certificate that is there, else only the local ones. */
  readonly hosts: readonly string[] | undefined;
  /** This machine's name; added like `localhost` where it is a name that a certificate can hold. */
  readonly machine: string;
  readonly now: Date;
}

/** What was written. */
export interface RenewedFiles {
  readonly paths: CertificatePaths;
  /** False: the CA was there before, its clients need nothing new. */
  readonly authorityCreated: boolean;
  readonly names: readonly string[];
  readonly validTo: Date;
}

export type Renewed = ({ readonly ok: true } & RenewedFiles) | { readonly ok: false; readonly text: string };

export function certificatePaths(directory: string): CertificatePaths {
  return {
    certificate: join(directory, "kapgate.pem"),
    authority: join(directory, "kapgate-ca.pem"),
    authorityKey: join(directory, "kapgate-ca.key"),
  };
}

/**
 * Makes or renews the server certificate of a directory under the CA that is there, or under a new one.
 * Refuses, and writes nothing, where something of the operator's would be lost or the result would not be trusted: a CA
 * without its key or with another one, a certificate of another CA, a host that is none. Rejects when the disk does.
 */
export async function renewCertificate(options: RenewOptions): Promise<Renewed> {
  const paths = certificatePaths(options.directory);
  const [certificate, key, current] = await Promise.all([
    readIfPresent(paths.authority),
    readIfPresent(paths.authorityKey),
    readIfPresent(paths.certificate),
  ]);
  const existing = existingAuthority(paths, certificate, key, options.now);
  if (existing !== undefined && !existing.ok) return existing;
  const kept = current === undefined ? undefined : ownCertificate(current, paths, existing?.authority);
  if (kept !== undefined && !kept.ok) return kept;
  const names =
    options.hosts === undefined && kept !== undefined && kept.names.length > 0
      ? { ok: true as const, names: kept.names }
      : namesFor(options.hosts ?? [], options.machine);
  if (!names.ok) return names;

  const authority = existing?.authority ?? (await createAuthority());
  const issued = await issue(authority, { hosts: names.names });
  if (existing === undefined) {
    // Exclusive: of two runs at once one fails here, instead of leaving the key of one with the certificate of the other.
    await writeFileAtomically(paths.authorityKey, authority.privateKey, { mode: 0o600, exclusive: true });
    await writeFileAtomically(paths.authority, authority.certificate, { mode: 0o644 });
  }
  await writeFileAtomically(paths.certificate, `${issued.chain}${issued.privateKey}`, { mode: 0o600 });
  return {
    ok: true,
    paths,
    authorityCreated: existing === undefined,
    names: names.names,
    validTo: new Date(new X509Certificate(issued.certificate).validTo),
  };
}

function existingAuthority(
  paths: CertificatePaths,
  certificate: string | undefined,
  privateKey: string | undefined,
  now: Date,
): { readonly ok: true; readonly authority: Authority } | { readonly ok: false; readonly text: string } | undefined {
  if (certificate === undefined && privateKey === undefined) return undefined;
  if (privateKey === undefined || certificate === undefined) {
    const [present, missing] =
      certificate === undefined ? [paths.authorityKey, paths.authority] : [paths.authority, paths.authorityKey];
    return {
      ok: false,
      text: `${present} is there, but ${missing} is not: bring it back, or move ${present} away for a new CA (every client must then trust that one)`,
    };
  }
  const authority = { certificate, privateKey };
  const unfit = whyUnfit(authority, now);
  if (unfit === undefined) return { ok: true, authority };
  return {
    ok: false,
    text: `${unfit}: put ${paths.authority} and ${paths.authorityKey} right, or move both away for a new CA (every client must then trust that one)`,
  };
}

/** The names of the certificate that is there, if it is one of this CA: what a human or another tool put there stays. */
function ownCertificate(
  pem: string,
  paths: CertificatePaths,
  authority: Authority | undefined,
): { readonly ok: true; readonly names: readonly string[] } | { readonly ok: false; readonly text: string } {
  const refuse = (what: string) =>
    ({ ok: false, text: `${paths.certificate} ${what}: move it away, or write somewhere else with -dir` }) as const;
  let current: X509Certificate;
  try {
    current = new X509Certificate(pem);
  } catch {
    return refuse("is there, but holds no certificate");
  }
  const issuer = authority === undefined ? undefined : new X509Certificate(authority.certificate);
  if (issuer === undefined || !current.checkIssued(issuer) || !current.verify(issuer.publicKey)) {
    return refuse(`is there, but was not issued by the CA in ${paths.authority}`);
  }
  return { ok: true, names: namesOf(current.subjectAltName) };
}

function namesFor(
  hosts: readonly string[],
  machine: string,
): { readonly ok: true; readonly names: readonly string[] } | { readonly ok: false; readonly text: string } {
  const names = [];
  for (const host of hosts) {
    const parsed = parseName(host);
    if (!parsed.ok) return parsed;
    names.push(parsed.name);
  }
  for (const host of [...localNames, machine]) {
    const parsed = parseName(host);
    if (parsed.ok) names.push(parsed.name);
  }
  return { ok: true, names: distinctNames(names).map(({ value }) => value) };
}

/** Whole days that are left. */
export function daysUntil(end: Date, now: Date): number {
  return Math.floor((end.getTime() - now.getTime()) / 86_400_000);
}
