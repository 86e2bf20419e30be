import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { chmod } from "node:fs/promises";
import { promisify } from "node:util";
import t from "tap";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { formatProblem } from "../../src/problem.ts";
import { loadTls, type TlsSettings } from "../../src/server/tls.ts";

const run = promisify(execFile);
const day = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * day);

const authority = await createAuthority();
const server = await issue(authority, { hosts: ["localhost"] });
const other = await issue(authority, { hosts: ["localhost"] });
const ended = await issue(authority, { hosts: ["localhost"], notBefore: inDays(-20), notAfter: inDays(-10) });
const future = await issue(authority, { hosts: ["localhost"], notBefore: inDays(1), notAfter: inDays(90) });
const soon = await issue(authority, { hosts: ["localhost"], notAfter: inDays(29.5) });
const notSoon = await issue(authority, { hosts: ["localhost"], notAfter: inDays(30.5) });
const nameless = await issue(authority, { hosts: [], commonName: "localhost" });
const client = await issue(authority, { hosts: ["localhost"], usage: "client" });
const endedAuthority = await createAuthority({ commonName: "Ended", notBefore: inDays(-9), notAfter: inDays(-1) });
const underEnded = await issue(endedAuthority, { hosts: ["localhost"], notAfter: inDays(90) });
const passphrase = "correct horse battery staple";
const encrypted = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase },
  publicKeyEncoding: { type: "spki", format: "pem" },
}).privateKey;
const legacy = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  privateKeyEncoding: { type: "sec1", format: "pem", cipher: "aes-256-cbc", passphrase },
  publicKeyEncoding: { type: "spki", format: "pem" },
}).privateKey;
const weak = t.testdir();
await run("openssl", [
  ...["req", "-x509", "-nodes", "-newkey", "rsa:1024", "-days", "90", "-subj", "/CN=weak"],
  ...["-addext", "subjectAltName=DNS:localhost", "-keyout", `${weak}/key`, "-out", `${weak}/pem`],
]);
await run("openssl", ["x509", "-in", `${weak}/pem`, "-outform", "DER", "-out", `${weak}/der`]);
await chmod(`${weak}/key`, 0o600);

const broken = server.certificate.replace(/.{40}\n/, `${"A".repeat(40)}\n`);
const good = server.chain + server.privateKey;

const defaults: TlsSettings = {
  certificate: "",
  privateKey: "",
  minVersion: "tls1.2",
  maxVersion: "",
  ciphers: [],
  clientCa: "",
  clientAuth: "none",
};

interface Row {
  readonly what: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly settings?: Partial<TlsSettings>;
  /** What each problem reads like, in order. */
  readonly told: readonly RegExp[];
}

const certificate = /^http\.https-certificate: /;
const warned = (text: string) => new RegExp(`^warning: http\\.https-certificate: .*${text}`);

const rows: readonly Row[] = [
  { what: "a good one", told: [] },
  { what: "no file name", settings: { certificate: "" }, told: [/^http\.https-certificate: is empty/] },
  {
    what: "no file",
    settings: { certificate: "none.pem" },
    told: [/^http\.https-certificate: .*none\.pem does not exist: run `kapgate init`, or `kapgate cert`/],
  },
  { what: "a directory", settings: { certificate: "." }, told: [/^http\.https-certificate: .* is a directory$/] },
  {
    what: "a device",
    settings: { certificate: "/dev/zero" },
    told: [/^http\.https-certificate: .* not a regular file$/],
  },
  {
    what: "a huge file",
    files: { "server.pem": good + "#".repeat(1_048_577) },
    told: [/^http\.https-certificate: .* larger than/],
  },
  {
    what: "an empty file",
    files: { "server.pem": "" },
    told: [/^http\.https-certificate: .* no PEM certificate$/, /^http\.https-certificate: .* no PEM private key: set /],
  },
  {
    what: "DER",
    settings: { certificate: `${weak}/der` },
    told: [/^http\.https-certificate: .* no PEM certificate$/, certificate],
  },
  {
    what: "a chain without a key",
    files: { "server.pem": server.chain },
    told: [/^http\.https-certificate: .* no PEM private key, only a certificate: set http\.https-private-key/],
  },
  {
    what: "a key without a chain",
    files: { "server.pem": server.privateKey },
    told: [/^http\.https-certificate: .* no PEM certificate, only a private key/],
  },
  {
    what: "the two files swapped",
    files: { "server.pem": server.privateKey, key: server.chain },
    settings: { privateKey: "key" },
    told: [/^http\.https-certificate: .*swapped/, /^http\.https-private-key: .* only a certificate$/],
  },
  {
    what: "a certificate that is damaged",
    files: { "server.pem": broken + server.privateKey },
    told: [/^http\.https-certificate: certificate 1 in .* cannot be parsed$/],
  },
  {
    what: "a second certificate that is damaged",
    files: { "server.pem": server.certificate + broken + server.privateKey },
    told: [/^http\.https-certificate: certificate 2 in .* cannot be parsed$/],
  },
  {
    what: "a file that is being written",
    files: { "server.pem": good.slice(0, -40) },
    told: [/^http\.https-certificate: .* without an end/],
  },
  {
    what: "a key file that is being written",
    files: { "server.pem": server.chain, key: server.privateKey.slice(0, 60) },
    settings: { privateKey: "key" },
    told: [/^http\.https-private-key: .* without an end/],
  },
  {
    what: "a key file that is not there",
    settings: { privateKey: "key" },
    told: [/^http\.https-private-key: .*key does not exist$/],
  },
  {
    what: "a key that is damaged",
    files: { "server.pem": server.chain + server.privateKey.replace(/.{40}\n/, "\n") },
    told: [/^http\.https-certificate: the private key in .* cannot be parsed$/],
  },
  {
    what: "a key with a passphrase",
    files: { "server.pem": server.chain, key: encrypted },
    settings: { privateKey: "key" },
    told: [/^http\.https-private-key: .* passphrase, .*: openssl pkey -in /],
  },
  {
    what: "a key with a passphrase in the old form",
    files: { "server.pem": server.chain + legacy },
    told: [/^http\.https-certificate: .* passphrase/],
  },
  {
    what: "the key of another certificate",
    files: { "server.pem": server.chain, key: other.privateKey },
    settings: { privateKey: "key" },
    told: [/^http\.https-private-key: the private key does not belong to the certificate in /],
  },
  {
    what: "a key of another kind",
    settings: { privateKey: `${weak}/key` },
    told: [/^http\.https-private-key: the private key does not belong/],
  },
  {
    what: "the chain upside down",
    files: { "server.pem": authority.certificate + server.certificate + server.privateKey },
    told: [/^http\.https-certificate: .* out of order: .* number 2$/],
  },
  {
    what: "expired",
    files: { "server.pem": ended.chain + ended.privateKey },
    told: [/^http\.https-certificate: .* expired on 20/],
  },
  {
    what: "not valid yet",
    files: { "server.pem": future.chain + future.privateKey },
    told: [/^http\.https-certificate: .* not valid before 20/],
  },
  {
    what: "valid for 29 days",
    files: { "server.pem": soon.chain + soon.privateKey },
    told: [warned("expires in 29 days")],
  },
  { what: "valid for 30 days", files: { "server.pem": notSoon.chain + notSoon.privateKey }, told: [] },
  {
    what: "without names",
    files: { "server.pem": nameless.chain + nameless.privateKey },
    told: [warned("no subjectAltName")],
  },
  { what: "for clients", files: { "server.pem": client.chain + client.privateKey }, told: [warned("not for servers")] },
  {
    what: "with the CA of another",
    files: { "server.pem": server.certificate + endedAuthority.certificate + server.privateKey },
    told: [warned("certificate 2 in .* is not the issuer"), warned("certificate 2 in .* expired on")],
  },
  {
    what: "under a CA that expired",
    files: { "server.pem": underEnded.chain + underEnded.privateKey },
    told: [warned("certificate 2 in .* expired on")],
  },
  {
    what: "too short a key",
    settings: { certificate: `${weak}/pem`, privateKey: `${weak}/key` },
    told: [/^http\.https-certificate: .* refused by OpenSSL: .*key too small/],
  },
  {
    what: "client-auth without a CA",
    settings: { clientAuth: "optional" },
    told: [/^tls\.client-auth: "optional" needs tls\.client-ca/],
  },
  {
    what: "a client CA that is not there",
    settings: { clientAuth: "required", clientCa: "ca" },
    told: [/^tls\.client-ca: .*ca does not exist$/],
  },
  {
    what: "a client CA that is none",
    files: { "server.pem": good, ca: server.privateKey },
    settings: { clientAuth: "required", clientCa: "ca" },
    told: [/^tls\.client-ca: .* no PEM certificate$/],
  },
  {
    what: "a damaged client CA",
    files: { "server.pem": good, ca: authority.certificate + broken },
    settings: { clientAuth: "required", clientCa: "ca" },
    told: [/^tls\.client-ca: certificate 2 in /],
  },
  {
    what: "an expired client CA and a leaf in its place",
    files: { "server.pem": good, ca: endedAuthority.certificate + server.certificate },
    settings: { clientAuth: "required", clientCa: "ca" },
    told: [/^warning: tls\.client-ca: CN=Ended expired/, /^warning: tls\.client-ca: CN=localhost is not .* authority$/],
  },
  {
    what: "a client CA that nothing uses",
    files: { "server.pem": good, ca: authority.certificate },
    settings: { clientCa: "ca" },
    told: [/^warning: tls\.client-ca: is not used/],
  },
  {
    what: "several at once",
    files: { "server.pem": ended.chain + other.privateKey },
    settings: { ciphers: ["RC4-SHA"], clientAuth: "required", minVersion: "tls1.3", maxVersion: "tls1.2" },
    told: [/does not belong/, /expired/, /^tls\.max-version/, /^tls\.ciphers/, /^tls\.client-auth/],
  },
];

t.test("every way a certificate can be wrong is told under its key", async (t) => {
  const secrets = [server, other, ended].map(({ privateKey }) => privateKey.split("\n")[1] ?? "");
  for (const { what, files = { "server.pem": good }, settings = {}, told } of rows) {
    const directory = t.testdir({ ...files });
    await Promise.all(Object.keys(files).map((name) => chmod(`${directory}/${name}`, 0o600)));
    const path = (name: string) => (name === "" || name.startsWith("/") ? name : `${directory}/${name}`);
    const merged = { ...defaults, certificate: "server.pem", ...settings };
    const loaded = await loadTls({
      ...merged,
      certificate: path(merged.certificate),
      privateKey: path(merged.privateKey),
      clientCa: path(merged.clientCa),
    });
    const texts = loaded.problems.map(formatProblem);
    t.ok(texts.length === told.length && told.every((each, index) => each.test(texts[index] ?? "")), what, { texts });
    t.equal(
      loaded.ok,
      told.every(({ source }) => source.startsWith("^warning")),
      `${what}: errors, and only they, stop it`,
    );
    t.notOk(
      secrets.some((secret) => texts.join().includes(secret)),
      `${what}: nothing of a key is told`,
    );
    const named = [merged.certificate, merged.privateKey, merged.clientCa].filter((name) => name !== "").map(path);
    t.strictSame(loaded.watchable, named, `${what}: a change of any file is seen`);
  }
});
