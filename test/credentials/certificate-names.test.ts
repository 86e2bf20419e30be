import { webcrypto, X509Certificate } from "node:crypto";
import "../../src/certificates/reflect-metadata.ts";
import * as x509 from "@peculiar/x509";
import t from "tap";
import { certificateNames, readCertificateName } from "../../src/credentials/certificate-names.ts";

t.test("how the configuration may name a certificate", async (t) => {
  const rows: readonly [text: string, name: string | undefined][] = [
    ["CN=telegraf", "CN:telegraf"],
    ["CN=Ann O'Neil, operations", "CN:Ann O'Neil, operations"],
    ["CN=a=b", "CN:a=b"],
    ["telegraf.example.com", "DNS:telegraf.example.com"],
    ["DNS:telegraf.example.com", "DNS:telegraf.example.com"],
    ["localhost", "DNS:localhost"],
    ["10.0.0.7", "IP:10.0.0.7"],
    ["IP:10.0.0.7", "IP:10.0.0.7"],
    ["2001:DB8::1", "IP:2001:db8::1"],
    ["IP:2001:db8:0:0::1", "IP:2001:db8::1"],
    ["ops@example.com", "email:ops@example.com"],
    ["email:ops@example.com", "email:ops@example.com"],
    ["spiffe://example.com/telegraf", "URI:spiffe://example.com/telegraf"],
    ["URI:urn:uuid:1", "URI:urn:uuid:1"],
    ["CN=", undefined],
    ["CN=telegraf,O=acme", undefined],
    ["CN=telegraf/O=acme", undefined],
    ["O=acme", undefined],
    ["cn=telegraf", undefined],
    ["*.example.com", undefined],
    ["DNS:*", undefined],
    ["DNS:", undefined],
    ["DNS:a b", undefined],
    ["DNS:spiffe://x", undefined],
    ["IP:telegraf", undefined],
    [" telegraf", undefined],
    ["telegraf ", undefined],
    ["", undefined],
  ];
  for (const [text, name] of rows) {
    const read = readCertificateName(text);
    t.equal(read.ok ? read.name : undefined, name, JSON.stringify(text));
    if (!read.ok) t.match(read.text, /^(?:has|holds|may|must) /, "goes on with the sentence");
  }
});

const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);

async function certificateOf(subject: x509.JsonName, names: x509.JsonGeneralNames): Promise<X509Certificate> {
  const made = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: subject,
      keys,
      signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
      extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
    },
    webcrypto,
  );
  return new X509Certificate(made.toString("pem"));
}

t.test("the names that a certificate goes by", async (t) => {
  const rows: readonly [what: string, subject: x509.JsonName, names: x509.JsonGeneralNames, expected: string[]][] = [
    ["a common name", [{ CN: ["telegraf"] }], [], ["CN:telegraf"]],
    ["a common name among others", [{ O: ["acme"] }, { CN: ["telegraf"] }, { OU: ["x"] }], [], ["CN:telegraf"]],
    ["two common names are nobody", [{ CN: ["telegraf"] }, { CN: ["admin"] }], [], []],
    [
      "two common names are nobody, whatever else is there",
      [{ CN: ["telegraf"] }, { CN: ["admin"] }],
      [{ type: "dns", value: "telegraf.example.com" }],
      [],
    ],
    ["a common name that looks like more", [{ CN: ["x, CN=admin"] }], [], ["CN:x, CN=admin"]],
    ["one with a line feed in it", [{ CN: ["x\nCN=admin"] }], [], ["CN:x\nCN=admin"]],
    ["one with a NUL in it", [{ CN: ["admin\0.evil"] }], [], ["CN:admin\0.evil"]],
    ["one in another alphabet", [{ CN: ["аdmin"] }], [], ["CN:аdmin"]],
    ["an organisation that looks like a common name", [{ O: ["CN=admin"] }], [], []],
    [
      "alternative names of each kind",
      [],
      [
        { type: "dns", value: "telegraf.example.com" },
        { type: "ip", value: "10.0.0.7" },
        { type: "ip", value: "2001:db8::1" },
        { type: "email", value: "ops@example.com" },
        { type: "url", value: "spiffe://example.com/telegraf" },
      ],
      [
        "DNS:telegraf.example.com",
        "IP:10.0.0.7",
        "IP:2001:db8::1",
        "email:ops@example.com",
        "URI:spiffe://example.com/telegraf",
      ],
    ],
    ["a DNS name that looks like two (CVE-2021-44532)", [], [{ type: "dns", value: "x, DNS:admin" }], []],
    ["a URI that looks like two", [], [{ type: "url", value: "http://x/, DNS:admin" }], []],
    ["a DNS name with a quote", [], [{ type: "dns", value: 'x"' }], []],
    [
      "a wildcard is its own text, which no user can have",
      [],
      [{ type: "dns", value: "*.example.com" }],
      ["DNS:*.example.com"],
    ],
    ["nothing", [], [], []],
  ];
  for (const [what, subject, names, expected] of rows) {
    t.strictSame(certificateNames(await certificateOf(subject, names)), expected, what);
  }
});
