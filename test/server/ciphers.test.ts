import { execFileSync } from "node:child_process";
import t from "tap";
import { formatProblem } from "../../src/problem.ts";
import { type CipherSettings, chooseCiphers } from "../../src/server/ciphers.ts";

const defaults: CipherSettings = { minVersion: "tls1.2", maxVersion: "", ciphers: [] };
const tls13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

function choose(settings: Partial<CipherSettings>, keyType?: string) {
  const { problems, ...choice } = chooseCiphers({ ...defaults, ...settings }, keyType);
  return { ...choice, told: problems.map(formatProblem) };
}

t.test("the default is Mozilla's intermediate profile without DHE", async (t) => {
  t.strictSame(choose({}, "ec"), {
    ciphers: [
      tls13,
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
    ].join(":"),
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    told: [],
  });
  t.match(choose({ minVersion: "tls1.3" }), { ciphers: new RegExp(`^${tls13}$`), minVersion: "TLSv1.3" });
  t.match(choose({ maxVersion: "tls1.2" }), { ciphers: /^ECDHE-ECDSA-AES128-GCM-SHA256:/, maxVersion: "TLSv1.2" });
});

t.test("lists", async (t) => {
  const rsa = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
  const rows: readonly (readonly [
    what: string,
    settings: Partial<CipherSettings>,
    keyType: string | undefined,
    expected: { readonly ciphers?: string | RegExp; readonly minVersion?: string; readonly told: readonly RegExp[] },
  ])[] = [
    [
      "keep their order, without doubles, in either spelling",
      { ciphers: ["ECDHE-RSA-AES256-GCM-SHA384", rsa, "ecdhe-rsa-aes128-gcm-sha256"] },
      "rsa",
      { ciphers: `${tls13}:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256`, told: [] },
    ],
    [
      "may narrow TLS 1.3 alone",
      { ciphers: ["TLS_AES_256_GCM_SHA384", rsa] },
      "rsa-pss",
      { ciphers: "TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256", told: [] },
    ],
    [
      "of TLS 1.3 suites leave out TLS 1.2, with a warning",
      { ciphers: ["TLS_AES_256_GCM_SHA384"] },
      "ec",
      {
        ciphers: "TLS_AES_256_GCM_SHA384",
        minVersion: "TLSv1.3",
        told: [/^warning: tls\.ciphers: .* only suites of TLS 1\.3/],
      },
    ],
    [
      "of TLS 1.3 suites are what is meant where it is the least version",
      { ciphers: ["TLS_AES_256_GCM_SHA384"], minVersion: "tls1.3" },
      "ec",
      { ciphers: "TLS_AES_256_GCM_SHA384", told: [] },
    ],
    [
      "of TLS 1.3 suites with TLS 1.2 as the highest version fit nobody",
      { ciphers: ["TLS_AES_256_GCM_SHA384"], maxVersion: "tls1.2" },
      "ec",
      { told: [/^tls\.ciphers: .* no client could connect/] },
    ],
    [
      "of TLS 1.2 suites are not used where TLS 1.3 is the least version",
      { ciphers: [rsa], minVersion: "tls1.3" },
      "rsa",
      { ciphers: tls13, told: [/^warning: tls\.ciphers: .* is not used/] },
    ],
    [
      "for RSA certificates leave an EC one with TLS 1.3, with a warning",
      { ciphers: [rsa] },
      "ec",
      {
        ciphers: tls13,
        minVersion: "TLSv1.3",
        told: [/^warning: tls\.ciphers: .* RSA certificates, and the key is ec/],
      },
    ],
    [
      "for RSA certificates and TLS 1.2 alone fit no client of an EC one",
      { ciphers: [rsa], maxVersion: "tls1.2" },
      "ed25519",
      { told: [/^tls\.ciphers: .* RSA certificates, and the key is ed25519: no client/] },
    ],
    [
      "for a key that is not known are taken as they are",
      { ciphers: [rsa], maxVersion: "tls1.2" },
      undefined,
      { ciphers: "ECDHE-RSA-AES128-GCM-SHA256", told: [] },
    ],
    [
      "cannot save an empty range of versions",
      { minVersion: "tls1.3", maxVersion: "tls1.2" },
      "ec",
      { told: [/^tls\.max-version/] },
    ],
  ];
  for (const [what, settings, keyType, expected] of rows) {
    const choice = choose(settings, keyType);
    t.match(choice, expected, what);
    t.equal(choice.told.length, expected.told.length, `${what}: that is all there is to say`);
  }
});

t.test("names that are refused say why and what to write", async (t) => {
  const rows: readonly (readonly [name: string, told: RegExp])[] = [
    ["TLS_RSA_WITH_RC4_128_SHA", /broken/],
    ["ECDHE-RSA-RC4-SHA", /broken/],
    ["TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", /broken/],
    ["DES-CBC3-SHA", /broken/],
    ["EXP-RC4-MD5", /export/],
    ["NULL-SHA256", /does not encrypt/],
    ["TLS_DH_anon_WITH_AES_128_GCM_SHA256", /authenticate/],
    ["ADH-AES128-GCM-SHA256", /authenticate/],
    ["PSK-AES128-GCM-SHA256", /keys/],
    ["DHE-RSA-AES128-GCM-SHA256", /Diffie-Hellman.*; use .*ECDHE-/],
    ["TLS_RSA_WITH_AES_128_GCM_SHA256", /forward secrecy.*; use TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256$/],
    ["AES256-GCM-SHA384", /forward secrecy.*; use ECDHE-ECDSA-AES256-GCM-SHA384 or ECDHE-RSA-AES256-GCM-SHA384$/],
    ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", /CBC.*; use TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256$/],
    ["ECDHE-ECDSA-AES256-SHA384", /CBC.*; use ECDHE-ECDSA-AES256-GCM-SHA384$/],
    ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265", /nearest is TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256$/],
    ["ECDHE-ECDSA-AES128-CGM-SHA256", /nearest is ECDHE-ECDSA-AES128-GCM-SHA256$/],
    ["TLS_AES_128_CCM_SHA256", /nearest is TLS_AES_128_GCM_SHA256$/],
    ["HIGH:!aNULL", /not one name/],
    ["ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", /not one name/],
    ["@SECLEVEL=0", /not one name/],
    ["", /not the name/],
    ["DEFAULT", /not the name/],
  ];
  for (const [name, told] of rows) {
    const choice = choose({ ciphers: [name] });
    t.equal(choice.told.length, 1, `"${name}" is one problem`);
    t.match(choice.told[0], told, `"${name}" is refused: ${told.source}`);
    t.match(choice.told[0], /^tls\.ciphers: /, `"${name}" is an error`);
  }
});

t.test("of all suites that OpenSSL knows, the weak ones are refused under both names", async (t) => {
  const list = execFileSync("openssl", ["ciphers", "-stdname", "-s", "ALL:eNULL:@SECLEVEL=0"], { encoding: "utf8" })
    .concat(execFileSync("openssl", ["ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], { encoding: "utf8" }))
    .trim()
    .split("\n")
    .map((line) => line.split(/\s+/));
  t.ok(list.length > 100, "there are many");
  for (const [standard = "", , openssl = "", , exchange = "", , encryption = ""] of list) {
    const strong = /^Kx=(ECDH|any)$/.test(exchange) && /^Enc=(AESGCM|CHACHA20)/.test(encryption);
    for (const name of [standard, openssl]) {
      const accepted = choose({ ciphers: [name] }).told.every((text) => text.startsWith("warning"));
      t.equal(accepted, strong, `${name} (${exchange}, ${encryption}) is ${strong ? "taken" : "refused"}`);
    }
  }
});
