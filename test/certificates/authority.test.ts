import { execFile } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, webcrypto, X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import t from "tap";
import { createAuthority, issue, longestDays, whyUnfit } from "../../src/certificates/authority.ts";
import { namesOf, parseName } from "../../src/certificates/names.ts";

const run = promisify(execFile);
const day = 86_400_000;

t.test("names", async (t) => {
  const good: readonly (readonly [written: string, type: string, value: string])[] = [
    ["kapgate.example.com", "dns", "kapgate.example.com"],
    [" KapGate.Example.COM. ", "dns", "kapgate.example.com"],
    ["localhost", "dns", "localhost"],
    ["*.example.com", "dns", "*.example.com"],
    ["kapacitor_1", "dns", "kapacitor_1"],
    ["bücher.example", "dns", "xn--bcher-kva.example"],
    ["192.0.2.1", "ip", "192.0.2.1"],
    ["::1", "ip", "::1"],
    ["[2001:DB8:0:0:0:0:0:1]", "ip", "2001:db8::1"],
  ];
  for (const [written, type, value] of good) {
    t.strictSame(parseName(written), { ok: true, name: { type, value } }, `"${written}" is the ${type} name ${value}`);
  }
  const bad: readonly (readonly [written: string, told: RegExp])[] = [
    ["", /empty/],
    ["https://kapgate", /without scheme and path/],
    ["kapgate:9443", /port/],
    ["[::1]:9443", /port/],
    ["192.0.2.1:9443", /port/],
    ["fe80::1%eth0", /zone/],
    ["[192.0.2.1]", /neither/],
    ["256.1.1.1", /neither/],
    ["010.0.0.1", /neither/],
    ["a..b", /neither/],
    ["-a.example", /neither/],
    ["a b", /neither/],
    ["a,b", /neither/],
    ["a.*.b", /neither/],
    ["*", /neither/],
    [`${"a".repeat(64)}.example`, /neither/],
    [`${"a.".repeat(127)}aa`, /neither/],
    ["user@host", /neither/],
    ["a\nb", /neither/],
    ["a\0", /neither/],
    ["0x7f.1", /neither/],
    ["a\u00ad\t.b", /neither/],
  ];
  for (const [written, told] of bad) {
    const parsed = parseName(written);
    t.match(parsed.ok ? "accepted" : parsed.text, told, `${JSON.stringify(written.slice(0, 40))} is refused`);
  }
  t.strictSame(namesOf(undefined), [], "a certificate without names has none");
  t.strictSame(
    namesOf('DNS:"evil\\u002c DNS:good.example", IP Address:2001:DB8:0:0:0:0:0:1, URI:http://x, DNS:b'),
    ["evil, DNS:good.example", "2001:db8::1", "b"],
    "a comma inside a name does not make two of it",
  );
});

t.test("OpenSSL takes the chain in its strict mode", async (t) => {
  const authority = await createAuthority();
  const issued = await issue(authority, { hosts: ["kapgate.example.com", "*.sub.example", "127.0.0.1", "::1"] });
  const directory = t.testdir({ "ca.pem": authority.certificate, "server.pem": issued.chain + issued.privateKey });
  const verify = (...more: string[]) =>
    run("openssl", ["verify", "-x509_strict", "-CAfile", `${directory}/ca.pem`, ...more, `${directory}/server.pem`]);
  for (const fits of [
    ["-verify_hostname", "kapgate.example.com"],
    ["-verify_hostname", "a.sub.example"],
    ["-verify_ip", "127.0.0.1"],
    ["-verify_ip", "::1"],
  ]) {
    t.match((await verify("-purpose", "sslserver", ...fits)).stdout, /: OK/, `for ${fits[1]}`);
  }
  await t.rejects(verify("-verify_hostname", "other.example.com"), "not for another name");
  await t.rejects(verify("-purpose", "sslclient"), "not as a client");
});

t.test("the authority is a small one", async (t) => {
  const authority = await createAuthority();
  const { stdout } = await run("openssl", [
    "x509",
    "-noout",
    "-text",
    "-in",
    `${t.testdir({ pem: authority.certificate })}/pem`,
  ]);
  t.match(stdout, /Subject: CN = kapgate CA [0-9a-f]{8}\n/);
  t.match(stdout, /Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/);
  t.match(stdout, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
  t.match(stdout, /Subject Key Identifier/);
  t.match(stdout, /Authority Key Identifier/);
  t.match(stdout, /NIST CURVE: P-256/);
  const certificate = new X509Certificate(authority.certificate);
  const years = (Date.parse(certificate.validTo) - Date.now()) / (365.25 * day);
  t.ok(years > 9.9 && years < 10.1, `it lasts ten years (${years})`);
  const other = new X509Certificate((await createAuthority()).certificate);
  t.not(other.subject, certificate.subject, "two of them can be told apart in a trust store");
});

t.test("what is issued", async (t) => {
  const authority = await createAuthority({ commonName: "Test, CA" });
  const issuer = new X509Certificate(authority.certificate);

  t.test("a server certificate", async (t) => {
    const { certificate, chain, privateKey } = await issue(authority, { hosts: ["kapgate.example.com", "::1"] });
    const leaf = new X509Certificate(certificate);
    t.equal(leaf.subject, "CN=kapgate.example.com");
    t.strictSame(namesOf(leaf.subjectAltName), ["kapgate.example.com", "::1"]);
    t.ok(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey), "the authority signed it");
    t.ok(leaf.checkPrivateKey(createPrivateKey(privateKey)), "the key is its own");
    t.notOk(leaf.ca, "it is no authority itself");
    t.strictSame(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"], "it is for servers");
    t.equal(chain, certificate + authority.certificate, "the chain begins with it");
    const lifetime = (Date.parse(leaf.validTo) - Date.parse(leaf.validFrom) + 1000) / day;
    t.equal(lifetime, longestDays, "both ends included, it lasts the longest time that browsers take");
    t.ok(Date.parse(leaf.validFrom) < Date.now() - 60_000, "it is valid for a client whose clock is a minute behind");
  });

  t.test("signatures and serial numbers hold over many certificates", async (t) => {
    const serials = new Set<string>();
    const wrong: string[] = [];
    for (let count = 0; count < 100; count += 1) {
      const { certificate } = await issue(authority, { hosts: ["a.example"] });
      const leaf = new X509Certificate(certificate);
      serials.add(leaf.serialNumber);
      // RFC 5280, 4.1.2.2: positive, at most 20 octets.
      if (!leaf.verify(issuer.publicKey) || !/^[0-9A-F]{2,40}$/.test(leaf.serialNumber)) wrong.push(certificate);
    }
    t.strictSame(wrong, []);
    t.equal(serials.size, 100);
  });

  t.test("a client certificate without a host", async (t) => {
    const leaf = new X509Certificate(
      (await issue(authority, { hosts: [], usage: "client", commonName: "telegraf" })).certificate,
    );
    t.equal(leaf.subject, "CN=telegraf");
    t.equal(leaf.subjectAltName, undefined);
    t.strictSame(leaf.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  });

  t.test("a first host too long for a common name leaves that to the next", async (t) => {
    const long = `${"a".repeat(60)}.example`;
    t.equal(
      new X509Certificate((await issue(authority, { hosts: [long, "b.example"] })).certificate).subject,
      "CN=b.example",
    );
    const nameless = await issue(authority, { hosts: [long] });
    const directory = t.testdir({ "ca.pem": authority.certificate, "server.pem": nameless.chain });
    const { stdout } = await run("openssl", [
      ...["verify", "-x509_strict", "-verify_hostname", long],
      ...["-CAfile", `${directory}/ca.pem`, `${directory}/server.pem`],
    ]);
    t.match(stdout, /: OK/, "and none at all is valid too");
  });

  t.test("never outlives its authority", async (t) => {
    const short = await createAuthority({ notAfter: new Date(Date.now() + 10 * day) });
    const leaf = new X509Certificate((await issue(short, { hosts: ["a.example"] })).certificate);
    t.equal(leaf.validTo, new X509Certificate(short.certificate).validTo);
  });

  t.test("with the lifetime and the key that were asked for", async (t) => {
    const key = await webcrypto.subtle.generateKey(
      { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
      true,
      ["sign", "verify"],
    );
    const issued = await issue(authority, {
      hosts: ["a.example"],
      key,
      notBefore: new Date("2020-01-01T00:00:00Z"),
      notAfter: new Date("2020-02-01T00:00:00Z"),
    });
    const leaf = new X509Certificate(issued.certificate);
    t.equal(leaf.publicKey.asymmetricKeyType, "rsa");
    t.equal(leaf.validFrom, "Jan  1 00:00:00 2020 GMT");
    t.equal(leaf.validTo, "Feb  1 00:00:00 2020 GMT");
    t.ok(leaf.checkPrivateKey(createPrivateKey(issued.privateKey)));
  });

  t.test("not for a host that is none, and not backwards in time", async (t) => {
    await t.rejects(issue(authority, { hosts: ["https://a.example"] }), TypeError);
    await t.rejects(issue(authority, { hosts: ["a.example"], notAfter: new Date(0) }), TypeError);
  });
});

t.test("authorities of other makers", async (t) => {
  const directory = t.testdir();
  const made: readonly (readonly [name: string, key: readonly string[]])[] = [
    ["RSA", ["rsa:2048"]],
    ["EC P-384", ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]],
  ];
  for (const [name, newkey] of made) {
    await run("openssl", [
      ...["req", "-x509", "-nodes", "-days", "30", "-subj", "/C=DE/O=Example, Inc./CN=Corporate CA"],
      ...["-newkey", ...newkey, "-keyout", `${directory}/ca.key`, "-out", `${directory}/ca.pem`],
    ]);
    const authority = {
      certificate: await readFile(`${directory}/ca.pem`, "utf8"),
      privateKey: await readFile(`${directory}/ca.key`, "utf8"),
    };
    t.equal(whyUnfit(authority, new Date()), undefined, `${name} is fit`);
    const issued = await issue(authority, { hosts: ["a.example"] });
    await writeFile(`${directory}/server.pem`, issued.chain);
    const { stdout } = await run("openssl", [
      ...["verify", "-verify_hostname", "a.example", "-purpose", "sslserver"],
      ...["-CAfile", `${directory}/ca.pem`, `${directory}/server.pem`],
    ]);
    t.match(stdout, /: OK/, `${name} issues what OpenSSL verifies, under its own multi-part name`);
  }
});

t.test("what makes an authority unfit is said, without its key", async (t) => {
  const authority = await createAuthority();
  const other = await createAuthority();
  const leaf = await issue(authority, { hosts: ["a.example"] });
  const edwardsKey = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const rows: readonly (readonly [what: string, certificate: string, privateKey: string, told: RegExp])[] = [
    ["no certificate", "hello", authority.privateKey, /no readable PEM certificate/],
    ["no key", authority.certificate, "hello", /no readable PEM private key/],
    ["a key in its place", authority.privateKey, authority.privateKey, /no readable PEM certificate/],
    ["a leaf", leaf.certificate, leaf.privateKey, /not one of a certificate authority/],
    ["the key of another", authority.certificate, other.privateKey, /does not belong/],
    ["a key of another kind", authority.certificate, edwardsKey, /does not belong/],
  ];
  for (const [what, certificate, privateKey, told] of rows) {
    const text = whyUnfit({ certificate, privateKey }, new Date()) ?? "fit";
    t.match(text, told, what);
    t.notMatch(text, privateKey.split("\n")[1] ?? "hello", "and the text holds no key");
  }
  const expired = whyUnfit(authority, new Date(Date.now() + 11 * 365 * day));
  t.match(expired, /expired on/);
  const edwards = t.testdir();
  await run("openssl", [
    ...["req", "-x509", "-nodes", "-newkey", "ed25519", "-subj", "/CN=Edwards"],
    ...["-keyout", `${edwards}/key`, "-out", `${edwards}/pem`],
  ]);
  t.match(
    whyUnfit(
      { certificate: await readFile(`${edwards}/pem`, "utf8"), privateKey: await readFile(`${edwards}/key`, "utf8") },
      new Date(),
    ),
    /neither RSA nor EC/,
  );
});
