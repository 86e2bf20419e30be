import { X509Certificate } from "node:crypto";
import { chmod, readdir, symlink, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import t from "tap";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { namesOf } from "../../src/certificates/names.ts";
import { run as cert } from "../../src/commands/cert.ts";
import { formatProblem } from "../../src/problem.ts";
import { loadTls } from "../../src/server/tls.ts";
import { contents, modeOf, read, runIn } from "./run-in.ts";

const day = 86_400_000;

t.test("cert makes a certificate and a CA", async (t) => {
  const directory = t.testdir();
  const { code, stdout, stderr } = await runIn(directory, cert, "-hosts", "kapgate.example.com, 10.0.0.5");
  t.equal(code, 0);
  t.equal(stderr, "");
  const leaf = new X509Certificate(await read(`${directory}/certs/kapgate.pem`));
  const ca = new X509Certificate(await read(`${directory}/certs/kapgate-ca.pem`));
  const names = namesOf(leaf.subjectAltName);
  t.strictSame(names.slice(0, 5), ["kapgate.example.com", "10.0.0.5", "localhost", "127.0.0.1", "::1"]);
  t.ok(names.includes(hostname().toLowerCase()), "the name of the machine is there");
  t.ok(leaf.verify(ca.publicKey));
  t.strictSame((await readdir(`${directory}/certs`)).sort(), ["kapgate-ca.key", "kapgate-ca.pem", "kapgate.pem"]);
  t.equal(await modeOf(`${directory}/certs/kapgate.pem`), "600");
  t.equal(await modeOf(`${directory}/certs/kapgate-ca.key`), "600");
  t.equal(await modeOf(`${directory}/certs/kapgate-ca.pem`), "644");
  for (const told of ["kapgate.pem", "kapgate-ca.pem", "kapgate-ca.key", "10.0.0.5", "824 days", "SIGHUP"]) {
    t.ok(stdout.includes(told), `it says ${told}`);
  }
  const loaded = await loadTls({
    certificate: `${directory}/certs/kapgate.pem`,
    privateKey: "",
    minVersion: "tls1.2",
    maxVersion: "",
    ciphers: [],
    clientCa: "",
    clientAuth: "none",
  });
  t.strictSame(loaded.problems.map(formatProblem), [], "the server takes it without a warning");
});

t.test("cert renews under the same CA", async (t) => {
  const directory = t.testdir();
  const path = (name: string) => `${directory}/mine/${name}`;
  await runIn(directory, cert, "-dir", "mine", "-hosts", "a.example");
  const before = await contents(directory);
  await chmod(path("kapgate.pem"), 0o644);

  const again = await runIn(directory, cert, "--dir=mine");
  t.equal(again.code, 0);
  const after = await contents(directory);
  t.equal(after[path("kapgate-ca.pem")], before[path("kapgate-ca.pem")], "the CA stays");
  t.equal(after[path("kapgate-ca.key")], before[path("kapgate-ca.key")], "and its key");
  t.not(after[path("kapgate.pem")], before[path("kapgate.pem")], "the certificate is new");
  t.equal(await modeOf(path("kapgate.pem")), "600", "its permissions are tight again");
  const [old, leaf] = [before, after].map((files) => new X509Certificate(files[path("kapgate.pem")] ?? ""));
  t.equal(leaf?.subjectAltName, old?.subjectAltName, "without -hosts it keeps its names");
  t.not(leaf?.serialNumber, old?.serialNumber);

  await runIn(directory, cert, "-dir", "mine", "-hosts", "b.example");
  const names = namesOf(new X509Certificate(await read(path("kapgate.pem"))).subjectAltName);
  t.ok(names.includes("b.example") && !names.includes("a.example"), "-hosts replaces them");
  t.strictSame(
    (await readdir(path(""))).sort(),
    ["kapgate-ca.key", "kapgate-ca.pem", "kapgate.pem"],
    "nothing is left over",
  );
});

t.test("cert refuses, and changes nothing, where something would be lost", async (t) => {
  const [authority, stranger] = [await createAuthority(), await createAuthority()];
  const ended = await createAuthority({
    notBefore: new Date(Date.now() - 9 * day),
    notAfter: new Date(Date.now() - day),
  });
  const foreign = await issue(stranger, { hosts: ["a.example"] });
  const ca = { "kapgate-ca.pem": authority.certificate, "kapgate-ca.key": authority.privateKey };
  const rows: readonly (readonly [
    what: string,
    files: Record<string, string>,
    argv: readonly string[],
    told: RegExp,
  ])[] = [
    [
      "a CA without its key",
      { "kapgate-ca.pem": authority.certificate },
      [],
      /kapgate-ca\.pem is there, but .*kapgate-ca\.key is not/,
    ],
    [
      "a CA key without its certificate",
      { "kapgate-ca.key": authority.privateKey },
      [],
      /kapgate-ca\.key is there, but .*kapgate-ca\.pem is not/,
    ],
    ["a CA with another's key", { ...ca, "kapgate-ca.key": stranger.privateKey }, [], /does not belong/],
    ["a CA that ended", { "kapgate-ca.pem": ended.certificate, "kapgate-ca.key": ended.privateKey }, [], /expired on/],
    ["an empty CA", { "kapgate-ca.pem": "", "kapgate-ca.key": "" }, [], /no readable PEM/],
    [
      "a certificate of another CA",
      { ...ca, "kapgate.pem": foreign.chain + foreign.privateKey },
      [],
      /not issued by the CA/,
    ],
    ["a certificate without a CA", { "kapgate.pem": foreign.chain + foreign.privateKey }, [], /not issued by the CA/],
    ["something else in its place", { ...ca, "kapgate.pem": "hello" }, [], /holds no certificate/],
    ["a host that is none", ca, ["-hosts", "a.example,https://b"], /"https:\/\/b" is not a host/],
    ["no host", ca, ["-hosts="], /host name is empty/],
    ["a flag that does not exist", ca, ["-host", "a.example"], /did you mean -hosts/],
    ["an argument", ca, ["a.example"], /unexpected argument "a\.example"/],
  ];
  for (const [what, files, argv, told] of rows) {
    const directory = t.testdir({ certs: files });
    const before = await contents(directory);
    const { code, stdout, stderr } = await runIn(directory, cert, ...argv);
    t.equal(code, 1, `${what}: 1`);
    t.match(stderr, told, `${what}: said`);
    t.equal(stdout, "", `${what}: no success is claimed`);
    t.strictSame(await contents(directory), before, `${what}: nothing changed`);
    t.notMatch(stderr, /PRIVATE KEY/, `${what}: no key is shown`);
  }
});

t.test("cert says what the disk refuses", async (t) => {
  const directory = t.testdir({ certs: "a file" });
  const { code, stderr } = await runIn(directory, cert);
  t.equal(code, 2);
  t.match(stderr, /^kapgate cert: .*(ENOTDIR|EEXIST).*certs/);
});

t.test("cert replaces a link, not what it leads to", async (t) => {
  const directory = t.testdir();
  await runIn(directory, cert);
  const kept = await read(`${directory}/certs/kapgate.pem`);
  await writeFile(`${directory}/elsewhere.pem`, kept);
  await unlink(`${directory}/certs/kapgate.pem`);
  await symlink("../elsewhere.pem", `${directory}/certs/kapgate.pem`);
  t.equal((await runIn(directory, cert)).code, 0);
  t.equal(await read(`${directory}/elsewhere.pem`), kept);
  t.not(await read(`${directory}/certs/kapgate.pem`), kept);
});

t.test("of two runs at once, one CA stands", async (t) => {
  const directory = t.testdir();
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => runIn(directory, cert)));
  t.ok(
    outcomes.some(({ code }) => code === 0),
    "one makes it",
  );
  t.equal((await runIn(directory, cert)).code, 0, "and what they leave fits together");
});
