import t from "tap";
import { run as check } from "../../src/commands/check.ts";
import { runIn } from "./run-in.ts";

/** Line by line: an unknown key used to hide what was wrong with the files and names further down. */
const bad = `[http]
nope = 1
https-certificate = "no.pem"
htpasswd-file = "no.htpasswd"
[tls]
ciphers = ["FOO"]
client-auth = 1
[[user]]
name = "a"
role = "admin"
password-hash = "none"
[[kapacitor]]
ssl-ca = "no-ca.pem"
[alerts]
disable-handlers = ["exe"]
`;

t.test("check tells every kind of error at once, each once and with its place", async (t) => {
  const directory = t.testdir({ "bad.toml": bad });
  const { code, stdout } = await runIn(directory, check, "-config", "bad.toml", "-json");
  t.equal(code, 1);
  const { problems }: { problems: readonly Record<string, unknown>[] } = JSON.parse(stdout);
  const errors = problems
    .filter(({ severity }) => severity === "error")
    .map(({ line, key }) => `${line} ${key}`)
    .toSorted((left, right) => Number.parseInt(left, 10) - Number.parseInt(right, 10));
  t.strictSame(errors, [
    "2 http.nope",
    "3 http.https-certificate",
    "4 http.htpasswd-file",
    "6 tls.ciphers",
    "7 tls.client-auth",
    "8 user[0]",
    "13 kapacitor[0].ssl-ca",
    "15 alerts.disable-handlers",
  ]);
});

t.test("what follows from another error is not told", async (t) => {
  const text = "[http]\nauth-enabled = false\nhttps-enabled = 1\n[alerts]\ndisable-handlers = 1\n";
  const directory = t.testdir({ "bad.toml": text, certs: { "kapgate.pem": "no PEM" } });
  const { code, stderr } = await runIn(directory, check, "-config", "bad.toml");
  t.equal(code, 1);
  t.match(stderr, /bad\.toml: 2 errors/);
});
