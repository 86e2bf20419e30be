import { mkdir, readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { parse } from "smol-toml";
import t from "tap";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { run as init } from "../../src/commands/init.ts";
import { verifyHash } from "../../src/credentials/hashes.ts";
import { contents, modeOf, read, runIn } from "./run-in.ts";

t.test("init makes everything to begin with", async (t) => {
  const directory = t.testdir();
  const { code, stdout, stderr } = await runIn(
    directory,
    init,
    "-hosts",
    "kapgate.example.com",
    "-upstream",
    "http://[::1]:9999/",
  );
  t.equal(code, 0);
  t.equal(stderr, "");
  const text = await read(`${directory}/kapgate.toml`);
  const config = parse(text);
  t.match(config, {
    http: { "bind-address": ":9443", "https-certificate": "certs/kapgate.pem" },
    user: [{ name: "admin", role: "admin" }],
    kapacitor: [{ name: "default", url: "http://[::1]:9999", "subscription-path": /^\/subscription-[0-9a-f]{16}$/ }],
    alerts: { "disable-handlers": ["exec", "log"] },
  });
  t.equal(await modeOf(`${directory}/kapgate.toml`), "600");
  t.equal(await modeOf(`${directory}/certs/kapgate.pem`), "600");
  t.equal(await modeOf(`${directory}/certs/kapgate-ca.key`), "600");

  const password = /^password +(\S+)$/m.exec(stdout)?.[1] ?? "";
  t.match(password, /^[A-Za-z0-9]{20}$/, "the password is long and stands in a URL as it is");
  t.equal(stdout.split(password).length, 2, "it is printed once");
  t.notOk(text.includes(password), "the file does not hold it");
  const hash = /password-hash = "(\S+)"/.exec(text)?.[1] ?? "";
  t.match(hash, /^\$2y\$10\$/);
  t.ok(await verifyHash(hash, password), "but its hash");
  t.notOk(stdout.includes(hash), "which is not printed");

  const path = /subscription-path = "(\S+)"/.exec(text)?.[1] ?? "";
  for (const line of [
    'bind-address = "[::1]:9999" ',
    'subscription-protocol = "https"',
    'kapacitor-hostname = "kapgate.example.com"',
    "http-port = 9443",
    `subscription-path = "${path}"`,
    'DROP SUBSCRIPTION "NAME" ON "DB"."RP"',
    "Kapacitor 1.5.8",
    `[subscriber]\n  ca-certs = "${directory}/certs/kapgate-ca.pem"`,
    "Kapacitor URL   https://kapgate.example.com:9443",
    `tls_ca = "${directory}/certs/kapgate-ca.pem"`,
    'urls = ["https://admin:PASSWORD@kapgate.example.com:9443/kapacitor/v1/debug/vars"]',
    `export SSL_CERT_FILE=${directory}/certs/kapgate-ca.pem`,
    "export KAPACITOR_URL=https://admin:PASSWORD@kapgate.example.com:9443",
    `kapgate run -config ${directory}/kapgate.toml`,
  ]) {
    t.ok(stdout.includes(line), `it prints ${line}`);
  }
  const other = t.testdir();
  await runIn(other, init);
  const second = await read(`${other}/kapgate.toml`);
  t.notOk(second.includes(path), "another one has another path");
  t.match(second, /url = "http:\/\/127\.0\.0\.1:9092"/);
});

t.test("init in a directory that does not exist yet", async (t) => {
  const directory = t.testdir();
  const { code, stdout } = await runIn(
    directory,
    init,
    "-dir",
    "new/it's here",
    "-upstream",
    "https://kapacitor.internal",
  );
  t.equal(code, 0);
  t.strictSame((await readdir(`${directory}/new/it's here`)).sort(), ["certs", "kapgate.toml"]);
  t.ok(
    stdout.includes(`kapgate run -config '${directory}/new/it'\\''s here/kapgate.toml'`),
    "a shell reads the command back",
  );
  t.match(stdout, /bind-address = ":443" +# let a firewall.*\n +https-enabled = true\n/);
  t.ok(
    stdout.includes(`kapacitor-hostname = "${hostname().toLowerCase()}"`),
    "without -hosts the machine's name is told",
  );
});

t.test("init changes nothing that exists", async (t) => {
  const first = t.testdir();
  await runIn(first, init, "-hosts", "kapgate.example.com");
  const before = await contents(first);

  await t.test("not a second time", async (t) => {
    const { code, stdout } = await runIn(first, init, "-hosts", "other.example", "-upstream", "http://127.0.0.1:1");
    t.equal(code, 0);
    t.strictSame(await contents(first), before);
    t.match(stdout, /^kept .*kapgate\.pem.*-hosts was not used/m);
    t.match(stdout, /^kept .*kapgate\.toml/m);
    t.notMatch(stdout, /^password/m, "and no password is made up");
  });

  await t.test("a configuration of the operator's, whose words the lines use", async (t) => {
    const own =
      '[http]\nbind-address = ":8443"\n[[kapacitor]]\nurl = "http://127.0.0.2:9093"\nsubscription-path = "deep/path/"\n';
    const directory = t.testdir({ "kapgate.toml": own });
    const { code, stdout } = await runIn(directory, init, "-hosts", "kapgate.example.com", "-upstream", "http://[::1]");
    t.equal(code, 0);
    t.equal(await read(`${directory}/kapgate.toml`), own);
    t.match(stdout, /^kept .*kapgate\.toml.*-upstream was not used/m);
    t.match(stdout, /^wrote .*kapgate\.pem/m, "the certificate is made");
    for (const line of ["http-port = 8443", 'subscription-path = "/deep/path"', 'bind-address = "127.0.0.2:9093"']) {
      t.ok(stdout.includes(line), line);
    }
    t.match(stdout, /Kapacitor URL +https:\/\/kapgate\.example\.com:8443\n/);
  });

  await t.test("a configuration without a path", async (t) => {
    const directory = t.testdir({ "kapgate.toml": "" });
    const { code, stdout } = await runIn(directory, init);
    t.equal(code, 0);
    t.notMatch(stdout, /subscription-path/);
  });

  await t.test("a configuration with another certificate", async (t) => {
    const directory = t.testdir({ "kapgate.toml": '[http]\nhttps-certificate = "other.pem"\n' });
    const missing = await runIn(directory, init);
    t.equal(missing.code, 0);
    t.match(missing.stdout, /There is no .*other\.pem, which the configuration names/);
    t.strictSame(await readdir(directory), ["kapgate.toml"]);
    const issued = await issue(await createAuthority(), { hosts: ["*.example.org", "bought.example.org"] });
    await writeFile(`${directory}/other.pem`, issued.chain + issued.privateKey);
    const present = await runIn(directory, init);
    t.match(present.stdout, /^kept .*other\.pem/m);
    t.match(present.stdout, /ca-certs = "\/path\/to\/the\/CA/, "whose CA only the operator knows");
    t.match(present.stdout, /https:\/\/bought\.example\.org:9443/, "under its own name");
  });

  await t.test("a configuration with errors", async (t) => {
    const directory = t.testdir({ "kapgate.toml": "[htp]\n" });
    const { code, stdout } = await runIn(directory, init);
    t.equal(code, 0);
    t.equal(await read(`${directory}/kapgate.toml`), "[htp]\n");
    t.match(stdout, /kept .*it has errors, see kapgate check -config /);
    t.notMatch(stdout, /kapacitor\.conf/, "there is nothing to say about its peers");
  });

  await t.test("a certificate of the operator's", async (t) => {
    const directory = t.testdir({ certs: { "kapgate.pem": "bought" } });
    const { code, stdout } = await runIn(directory, init);
    t.equal(code, 0);
    t.equal(await read(`${directory}/certs/kapgate.pem`), "bought");
    t.match(stdout, /^wrote .*kapgate\.toml/m);
  });
});

t.test("init refuses", async (t) => {
  const authority = await createAuthority();
  const rows: readonly (readonly [argv: readonly string[], told: RegExp, files?: Record<string, string>])[] = [
    [["-upstream", "kapacitor:9092"], /^kapgate init: -upstream must be http:\/\/host:port/],
    [["-upstream", "http://u:p@kapacitor:9092"], /-upstream .*credentials/],
    [["-hosts", "kapgate:9443"], /"kapgate:9443" has a port/],
    [["-frobnicate"], /no flag -frobnicate/],
    [["now"], /unexpected argument "now"/],
    [[], /kapgate-ca\.key is not/, { "kapgate-ca.pem": authority.certificate }],
  ];
  for (const [argv, told, certs = {}] of rows) {
    const directory = t.testdir();
    await mkdir(`${directory}/certs`);
    for (const [name, text] of Object.entries(certs)) await writeFile(`${directory}/certs/${name}`, text);
    const before = await contents(directory);
    const { code, stdout, stderr } = await runIn(directory, init, ...argv);
    t.equal(code, 1, `${argv.join(" ")}: 1`);
    t.match(stderr, told, `${argv.join(" ")}: said`);
    t.equal(stdout, "");
    t.strictSame(await contents(directory), before, `${argv.join(" ")}: nothing is written`);
  }
  const file = t.testdir({ taken: "" });
  const { code, stderr } = await runIn(file, init, "-dir", "taken");
  t.equal(code, 2, "a directory that is a file: 2");
  t.match(stderr, /ENOTDIR/);
});
