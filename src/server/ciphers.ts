import type { Problem } from "../problem.ts";

/** A TLS version as Kapacitor and InfluxDB write it. */
export type TlsVersion = "tls1.2" | "tls1.3";

/** What the configuration asks for; `maxVersion` "" is the newest. */
export interface CipherSettings {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion | "";
  /** Go or OpenSSL names, most preferred first; empty for the default. */
  readonly ciphers: readonly string[];
}

export interface CipherChoice {
  /** For `tls.createSecureContext`: OpenSSL names, most preferred first. */
  readonly ciphers: string;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion: "TLSv1.2" | "TLSv1.3";
  /** With an error among them the choice must not be used. */
  readonly problems: readonly Problem[];
}

interface Suite {
  readonly openssl: string;
  readonly go: readonly string[];
  /** The kind of certificate it needs; a suite of TLS 1.3 takes any. */
  readonly certificate: "ECDSA" | "RSA" | "any";
}

/**
 * All that is ever offered: forward secrecy by elliptic curves and authenticated encryption, in the order of Mozilla's
 * intermediate profile, less its finite-field DHE suites: every client that has those has ECDHE, at a fraction of the CPU time.
 */
const suites: readonly Suite[] = [
  ...["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"].map(
    (name): Suite => ({ openssl: name, go: [name], certificate: "any" }),
  ),
  ...(["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"] as const).flatMap((encryption) =>
    (["ECDSA", "RSA"] as const).map(
      (certificate): Suite => ({
        openssl: `ECDHE-${certificate}-${encryption}`,
        go: goNames(certificate, encryption),
        certificate,
      }),
    ),
  ),
];

/** What a name says about its suite, for the text of a refusal; the first that fits. */
const refusals: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/(^|[-_])NULL([-_]|$)/, "does not encrypt"],
  [/(^|[-_])(EXP|EXPORT)/, "was weakened for export and is broken"],
  [/RC4|RC2|IDEA|SEED|MD5|DES/, "uses a broken or outdated cipher"],
  [/ANON|ADH-|AECDH-/, "does not authenticate the server"],
  [/PSK|SRP|KRB5|GOST/, "needs keys that kapgate does not have"],
  [/^(TLS_)?(DHE|EDH|DH)[-_]/, "needs finite-field Diffie-Hellman, which is not offered: ECDHE does the same faster"],
  [/^(TLS_RSA_WITH_|(AES|CAMELLIA|ARIA|DES)\d*-|RSA-|ECDH-|TLS_ECDH_)/, "has no forward secrecy"],
  [/_CBC_|^ECDHE-(RSA|ECDSA)-[A-Z0-9]+-SHA\d*$/, "is a CBC suite, which leaks through timing (Lucky Thirteen)"],
];

/**
 * Turns the configured versions and suites into OpenSSL's terms. Insecure suites are refused rather than warned about: a list
 * that was copied once outlives every warning. `keyType` is the kind of the server's key (`KeyObject.asymmetricKeyType`), to
 * find lists that no handshake with this certificate can use; leave it out where the key is not known.
 */
export function chooseCiphers(settings: CipherSettings, keyType?: string): CipherChoice {
  const problems: Problem[] = [];
  const only13 = settings.minVersion === "tls1.3";
  const only12 = settings.maxVersion === "tls1.2";
  const error = (key: string, text: string) => problems.push({ severity: "error", key, text });
  const warning = (key: string, text: string) => problems.push({ severity: "warning", key, text });
  if (only13 && only12) error("tls.max-version", "is below tls.min-version: no client could connect");

  const chosen = new Set<Suite>();
  for (const name of settings.ciphers) {
    const suite = find(name);
    if (suite === undefined) error("tls.ciphers", refusal(name));
    else chosen.add(suite);
  }
  const listed12 = [...chosen].filter(({ certificate }) => certificate !== "any");
  const listed13 = [...chosen].filter(({ certificate }) => certificate === "any");
  const fitting12 = listed12.filter(
    ({ certificate }) => keyType === undefined || certificate === certificateFor(keyType),
  );
  let minVersion = only13 ? ("TLSv1.3" as const) : ("TLSv1.2" as const);
  if (chosen.size > 0 && !only13) {
    const reason =
      listed12.length === 0
        ? "holds only suites of TLS 1.3"
        : fitting12.length === 0
          ? `holds only suites for ${listed12[0]?.certificate} certificates, and the key is ${keyType}`
          : undefined;
    if (reason !== undefined && only12) error("tls.ciphers", `${reason}: no client could connect with TLS 1.2`);
    else if (reason !== undefined) {
      warning(
        "tls.ciphers",
        `${reason}: clients without TLS 1.3 cannot connect; add others, or set tls.min-version = "tls1.3"`,
      );
      minVersion = "TLSv1.3";
    }
  }
  if (only13 && chosen.size > 0 && listed13.length === 0) {
    warning("tls.ciphers", "holds no suite of TLS 1.3, the only version allowed, and is not used");
  }
  const of13 = listed13.length > 0 ? listed13 : suites.filter(({ certificate }) => certificate === "any");
  const of12 = chosen.size > 0 ? listed12 : suites.filter(({ certificate }) => certificate !== "any");
  return {
    ciphers: [...(only12 ? [] : of13), ...(minVersion === "TLSv1.3" ? [] : of12)]
      .map(({ openssl }) => openssl)
      .join(":"),
    minVersion,
    maxVersion: only12 ? "TLSv1.2" : "TLSv1.3",
    problems,
  };
}

function goNames(certificate: string, encryption: string): readonly string[] {
  const name = `TLS_ECDHE_${certificate}_WITH_${encryption.replace("AES", "AES_").replaceAll("-", "_")}`;
  // Go has both; the short one is what older documentation of Kapacitor and InfluxDB shows.
  return encryption === "CHACHA20-POLY1305" ? [name, `${name}_SHA256`] : [name];
}

function find(name: string): Suite | undefined {
  const upper = name.trim().toUpperCase();
  return suites.find(({ openssl, go }) => openssl === upper || go.includes(upper));
}

function certificateFor(keyType: string): Suite["certificate"] {
  return keyType.startsWith("rsa") ? "RSA" : "ECDSA";
}

function refusal(name: string): string {
  const upper = name.trim().toUpperCase();
  const shown = JSON.stringify(name.slice(0, 60));
  if (/[:!+@\s]/.test(upper)) return `${shown} is not one name: list each suite by itself`;
  const reason = refusals.find(([pattern]) => pattern.test(upper))?.[1];
  const instead = nearest(upper).join(" or ");
  if (reason !== undefined) return `${shown} ${reason}; use ${instead}`;
  return `${shown} is not the name of a suite that kapgate offers; the nearest is ${instead}`;
}

/** The names that share most parts with a name and add the fewest, in the spelling that it is written in. */
function nearest(name: string): readonly string[] {
  const parts = new Set(name.split(/[-_]/));
  const closeness = (candidate: string) => {
    const others = candidate.split(/[-_]/);
    return others.filter((part) => parts.has(part)).length - others.length / 100;
  };
  const spelling = name.includes("_") ? suites.flatMap(({ go }) => go.slice(-1)) : suites.map(({ openssl }) => openssl);
  const best = Math.max(...spelling.map(closeness));
  return spelling.filter((candidate) => closeness(candidate) === best).slice(0, 2);
}
