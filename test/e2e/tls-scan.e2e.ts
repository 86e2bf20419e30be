import { execFile, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { adminUser } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";

const run = promisify(execFile);

/** Mozilla's intermediate profile (ssl-config.mozilla.org, guidelines 5.7), less its DHE suites, which kapgate does not offer. */
const suites13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const suites12 = (certificate: string): string[] =>
  ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map((name) => `ECDHE-${certificate}-${name}`);
const groups = ["secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)", "x25519"];

function missing(program: string): string | undefined {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`]);
    return undefined;
  } catch {
    return `${program} is not on PATH (Debian: apt-get install ${program})`;
  }
}

/** A gateway in a process of its own, with the usual certificate or with one of an RSA key. */
async function serve(t: Test, key: "ECDSA" | "RSA"): Promise<number> {
  const folder = await makeFolder();
  if (key === "RSA") {
    const files = ["-keyout", join(folder.path, "key.pem"), "-out", join(folder.path, "kapgate.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    await run("openssl", ["req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "90", ...subject, ...files]);
  }
  const keyLine = key === "RSA" ? 'https-private-key = "key.pem"\n' : "";
  await folder.write("kapgate.toml", liveBase.replace("[admin]", `${keyLine}[admin]`) + adminUser);
  const live = launch([], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await live.ended;
    await folder.remove();
  });
  return listeningPort(live);
}

/** The values of an attribute of every element of a name that has the other attributes. */
function attributes(
  xml: string,
  element: string,
  name: string,
  having: Readonly<Record<string, string>> = {},
): string[] {
  return [...xml.matchAll(new RegExp(`<${element} ([^>]*)/>`, "g"))]
    .map(([, text = ""]) => new Map([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])))
    .filter((found) => Object.entries(having).every(([key, value]) => found.get(key) === value))
    .map((found) => found.get(name) ?? "");
}

for (const key of ["ECDSA", "RSA"] as const) {
  const skip = missing("sslscan") ?? missing("openssl") ?? false;
  t.test(`what sslscan finds with an ${key} key is Mozilla's intermediate profile`, { skip }, async (t) => {
    const port = await serve(t, key);
    const { stdout } = await run("sslscan", ["--no-colour", "--xml=-", "--sni-name=localhost", `127.0.0.1:${port}`]);
    const versions = (enabled: string) => [
      ...attributes(stdout, "protocol", "version", { type: "ssl", enabled }),
      ...attributes(stdout, "protocol", "version", { type: "tls", enabled }),
    ];
    t.strictSame(versions("1"), ["1.2", "1.3"]);
    t.strictSame(versions("0"), ["2", "3", "1.0", "1.1"], "all others were tried");
    const ciphers = (sslversion: string) => attributes(stdout, "cipher", "cipher", { sslversion });
    t.strictSame(ciphers("TLSv1.3"), suites13);
    t.strictSame(ciphers("TLSv1.2"), suites12(key));
    t.strictSame(attributes(stdout, "group", "name", { sslversion: "TLSv1.3" }).toSorted(), groups);
    t.notOk(attributes(stdout, "heartbleed", "vulnerable").includes("1"));
    t.notOk(attributes(stdout, "compression", "supported").includes("1"));
  });
}

t.test("what openssl asks for", { skip: missing("openssl") ?? false }, async (t) => {
  const port = await serve(t, "ECDSA");
  /** What s_client says when it is given the arguments and the input. */
  const ask = (args: readonly string[], input: string): Promise<string> =>
    new Promise((resolve) => {
      const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...args]);
      let text = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
          if (/Verify return code/.test(chunk)) child.stdin.write(input);
        });
      child.stdin.on("error", () => {});
      const timer = setTimeout(() => child.kill(), 3000);
      child.once("close", () => {
        clearTimeout(timer);
        resolve(text);
      });
    });
  for (const version of ["-tls1", "-tls1_1"])
    t.match(await ask([version, "-cipher", "ALL:@SECLEVEL=0"], "Q\n"), /Cipher is \(NONE\)/, `no ${version}`);
  t.match(await ask(["-tls1_2", "-cipher", "ECDHE+AES+SHA:AES128-SHA"], "Q\n"), /Cipher is \(NONE\)/, "no CBC");
  t.match(await ask(["-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"], "Q\n"), /Cipher is \(NONE\)/, "no NULL");
  t.match(await ask(["-alpn", "h2"], "Q\n"), /alert|No ALPN negotiated/, "no HTTP/2");
  t.match(await ask(["-alpn", "h2,http/1.1"], "Q\n"), /ALPN protocol: http\/1\.1/);
  t.match(await ask(["-tls1_2"], "R\n"), /RENEGOTIATING[\s\S]*no renegotiation/, "no renegotiation on demand");
  t.match(await ask(["-tls1_2", "-sess_out", "/dev/null"], "Q\n"), /Secure Renegotiation IS supported/);
});
