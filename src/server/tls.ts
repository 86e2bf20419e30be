import { constants, createPrivateKey, type KeyObject } from "node:crypto";
import { createSecureContext, type TlsOptions } from "node:tls";
import type { Problem } from "../problem.ts";
import {
  type CertificateSummary,
  type ChainLink,
  certificateKey,
  judgeChain,
  judgeLeaf,
  judgePair,
  parseCertificates,
  privateKeyKey,
  summarise,
  type Tell,
} from "./certificate.ts";
import { chooseCiphers, type TlsVersion } from "./ciphers.ts";
import { type PemBlock, type PemFile, readPemFile } from "./pem-file.ts";

/** What `[http]` and `[tls]` say about TLS; paths absolute, "" where there is none. */
export interface TlsSettings {
  /** PEM: the chain, leaf first, and perhaps the key. */
  readonly certificate: string;
  /** PEM; "" for the certificate file. */
  readonly privateKey: string;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion | "";
  readonly ciphers: readonly string[];
  /** PEM: the CAs of client certificates. */
  readonly clientCa: string;
  readonly clientAuth: "none" | "optional" | "required";
}

/**
 * For `tls.createServer` and, on a reload, for `server.setSecureContext`, which forgets what it is not given. The latter
 * ignores `requestCert` and `rejectUnauthorized`. With `optional` a certificate that does not verify is let in like none:
 * only `socket.authorized === true` says that there is one.
 */
export type TlsContext = Readonly<
  Required<
    Pick<
      TlsOptions,
      | "key"
      | "cert"
      | "minVersion"
      | "maxVersion"
      | "ciphers"
      | "honorCipherOrder"
      | "ecdhCurve"
      | "secureOptions"
      | "ALPNProtocols"
      | "requestCert"
      | "rejectUnauthorized"
    >
  > &
    Pick<TlsOptions, "ca">
>;

/** Mozilla's intermediate profile, and before it the hybrid that recorded traffic cannot be read by later, where OpenSSL has it (3.5). */
const keyExchangeGroups = ["X25519MLKEM768", "X25519", "P-256", "P-384"].filter(isGroup).join(":");

function isGroup(name: string): boolean {
  try {
    createSecureContext({ ecdhCurve: name });
    return true;
  } catch {
    return false;
  }
}

export type LoadedTls =
  | {
      readonly ok: true;
      readonly context: TlsContext;
      readonly certificate: CertificateSummary;
      /** Warnings only. */
      readonly problems: readonly Problem[];
      /** Every file that was read: a change of one is a reason to load again. */
      readonly watchable: readonly string[];
    }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      readonly watchable: readonly string[];
    };

/**
 * Reads and judges everything that TLS needs, so that a context that loads is one that clients can connect to: all problems
 * at once, under the key to change. Anything that cannot be read or does not fit together is an error, as is a certificate
 * that is not valid now (Node would take both an expired one and a foreign key, and fail handshakes later); at the start that
 * ends the process, on a reload the caller keeps what it has. Never rejects; no text holds anything of a key.
 */
export async function loadTls(settings: TlsSettings, now: Date = new Date()): Promise<LoadedTls> {
  const keyPath = settings.privateKey === "" ? settings.certificate : settings.privateKey;
  const watchable = [...new Set([settings.certificate, keyPath, settings.clientCa])].filter((path) => path !== "");
  const problems: Problem[] = [];
  const tell: Tell = (severity, key, text) => problems.push({ severity, key, text });

  const certificateFile = await readPemFile(settings.certificate);
  const keyFile = keyPath === settings.certificate ? certificateFile : await readPemFile(keyPath);
  const chain = readChain(settings.certificate, certificateFile, tell);
  const keyName = keyPath === settings.certificate ? certificateKey : privateKeyKey;
  const key = readKey(keyPath, keyFile, keyName, tell);
  const leaf = chain?.[0]?.certificate;
  const ordered =
    chain === undefined || key === undefined || judgePair(settings.certificate, chain, key.object, keyName, tell);
  if (chain !== undefined && leaf !== undefined && ordered) {
    judgeLeaf(settings.certificate, leaf, now, tell);
    judgeChain(settings.certificate, chain, now, tell);
  }
  const choice = chooseCiphers(settings, leaf?.publicKey.asymmetricKeyType);
  problems.push(...choice.problems);
  const ca = await readClientCa(settings, now, tell);

  if (chain === undefined || leaf === undefined || key === undefined || hasError(problems)) {
    return { ok: false, problems, watchable };
  }
  const context: TlsContext = {
    cert: chain.map(({ text }) => text).join(""),
    key: key.text,
    ...(ca === undefined ? {} : { ca }),
    minVersion: choice.minVersion,
    maxVersion: choice.maxVersion,
    ciphers: choice.ciphers,
    honorCipherOrder: true,
    ecdhCurve: keyExchangeGroups,
    // A handshake on demand of the client costs the server most; nobody needs it since TLS 1.3 has none.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ALPNProtocols: ["http/1.1"],
    requestCert: settings.clientAuth !== "none",
    rejectUnauthorized: settings.clientAuth === "required",
  };
  try {
    createSecureContext(context);
  } catch (error) {
    // OpenSSL's own rules, such as the least length of a key. Its errors name the rule, never the content.
    tell("error", certificateKey, `${settings.certificate} is refused by OpenSSL: ${messageOf(error)}`);
    return { ok: false, problems, watchable };
  }
  return { ok: true, context, certificate: summarise(leaf, now), problems, watchable };
}

function readChain(path: string, file: PemFile, tell: Tell): readonly ChainLink[] | undefined {
  if (path === "") {
    tell("error", certificateKey, "is empty: it must name a PEM file with the chain and perhaps the key");
    return undefined;
  }
  if (!file.ok) {
    const hint = file.missing ? ": run `kapgate init`, or `kapgate cert` for a certificate alone" : "";
    tell("error", certificateKey, `${file.text}${hint}`);
    return undefined;
  }
  const { links, unreadable } = parseCertificates(file.blocks);
  if (unreadable !== undefined) tell("error", certificateKey, `certificate ${unreadable} in ${path} cannot be parsed`);
  else if (links.length === 0) {
    const swapped = file.blocks.some(isPrivateKey) ? ", only a private key: were the two paths swapped?" : "";
    tell("error", certificateKey, `${path} holds no PEM certificate${swapped}`);
  } else return links;
  return undefined;
}

function isPrivateKey({ label }: PemBlock): boolean {
  return label.endsWith("PRIVATE KEY");
}

/** `name` is the configuration key that the file is named by. */
function readKey(
  path: string,
  file: PemFile,
  name: typeof certificateKey | typeof privateKeyKey,
  tell: Tell,
): { readonly text: string; readonly object: KeyObject } | undefined {
  if (!file.ok) {
    // A file that should hold both has been told of as the certificate.
    if (name === privateKeyKey) tell("error", name, file.text);
    return undefined;
  }
  const block = file.blocks.find(isPrivateKey);
  if (block === undefined) {
    const only = file.blocks.some(({ label }) => label === "CERTIFICATE") ? ", only a certificate" : "";
    const set = name === certificateKey ? `: set ${privateKeyKey} to the file that does` : "";
    tell("error", name, `${path} holds no PEM private key${only}${set}`);
    return undefined;
  }
  if ((file.mode & 0o007) !== 0) {
    tell("warning", name, `${path} holds a private key, and every user may open it: chmod 600 ${path}`);
  }
  if (block.label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type:.*ENCRYPTED/m.test(block.text)) {
    const remedy = `openssl pkey -in ${path} -out NEWFILE`;
    tell("error", name, `the private key in ${path} needs a passphrase, which kapgate does not take: ${remedy}`);
    return undefined;
  }
  try {
    return { text: block.text, object: createPrivateKey(block.text) };
  } catch {
    tell("error", name, `the private key in ${path} cannot be parsed`);
    return undefined;
  }
}

async function readClientCa(settings: TlsSettings, now: Date, tell: Tell): Promise<string | undefined> {
  const key = "tls.client-ca";
  if (settings.clientCa === "") {
    if (settings.clientAuth !== "none") {
      tell(
        "error",
        "tls.client-auth",
        `"${settings.clientAuth}" needs tls.client-ca, the CA of the client certificates`,
      );
    }
    return undefined;
  }
  const file = await readPemFile(settings.clientCa);
  if (!file.ok) {
    tell("error", key, file.text);
    return undefined;
  }
  const { links, unreadable } = parseCertificates(file.blocks);
  if (unreadable !== undefined)
    tell("error", key, `certificate ${unreadable} in ${settings.clientCa} cannot be parsed`);
  else if (links.length === 0) tell("error", key, `${settings.clientCa} holds no PEM certificate`);
  for (const { certificate } of links) {
    const name = certificate.subject.replaceAll("\n", ", ");
    if (certificate.validToDate <= now)
      tell("warning", key, `${name} expired on ${certificate.validToDate.toISOString()}`);
    if (!certificate.ca) tell("warning", key, `${name} is not the certificate of a certificate authority`);
  }
  if (settings.clientAuth === "none") {
    tell("warning", key, `is not used while tls.client-auth is "none": set it to "optional" or "required"`);
    return undefined;
  }
  return links.map(({ text }) => text).join("");
}

function hasError(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === "error");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
