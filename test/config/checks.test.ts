import { join } from "node:path";
import t from "tap";
import { formatProblem } from "../../src/problem.ts";
import { hash, load, said, user } from "./loading.ts";

t.test("what depends on a key that is wrong already is not reported on top", async (t) => {
  t.strictSame(said(t, `[http]\n  username = 1\n  password = "${hash}"\n${user}`, "error"), [
    "2: http.username: must be text in quotes",
  ]);
  t.strictSame(said(t, `${user}  instances = ["b"]\n[[kapacitor]]\n  name = 1\n`, "error"), [
    "7: kapacitor[0].name: must be text in quotes",
  ]);
  t.strictSame(said(t, `[[user]]\n  name = "a"\n  role = "admin"\n  password-hash = 1\n`, "error"), [
    "4: user[0].password-hash: must be text in quotes",
  ]);
});

t.test("a configuration that is fine has no problem but the open handlers", async (t) => {
  t.strictSame(load(t, user).problems.map(formatProblem), [
    `${join(t.testdirName, "kapgate.toml")}: warning: alerts.disable-handlers: is empty: whoever may define tasks may use every alert handler, exec included`,
  ]);
  const { config } = load(t, `${user}[[kapacitor]]\n  hosts = ["K.Example."]\n  subscription-path = "in/"\n`);
  t.match(config?.kapacitor, [{ hosts: ["k.example"], "subscription-path": "/in" }]);
  t.equal(config?.user[0]?.["password-hash"]?.reveal(), hash);
  t.ok(Object.isFrozen(config) && Object.isFrozen(config?.http) && Object.isFrozen(config?.user));
});

t.test("what is doubtful is a warning", async (t) => {
  const open = "alerts.disable-handlers: is empty";
  const two = `[[kapacitor]]\n  name = "a"\n  hosts = ["a"]\n[[kapacitor]]\n  name = "b"\n`;
  const rows: readonly (readonly [text: string, warnings: readonly RegExp[], ownAddresses?: readonly string[]])[] = [
    [
      `[http]\n  username = "a"\n  password = "geheim"\n`,
      [/^3: warning: http\.password: is plain text; `kapgate hash-password`/],
    ],
    [`[http]\n  username = "a"\n  password = "${hash}"\n`, []],
    [
      `[http]\n  auth-enabled = false\n`,
      [/^2: warning: http\.auth-enabled: is false on an address that others can reach/],
    ],
    [`[http]\n  auth-enabled = false\n  bind-address = "127.0.0.1:1"\n`, []],
    [`[http]\n  auth-enabled = false\n  bind-address = "[::1]:1"\n`, []],
    [`[http]\n  auth-enabled = false\n  bind-address = "fd:3"\n`, [/auth-enabled/]],
    [
      `[http]\n  https-enabled = false\n${user}`,
      [/^2: warning: http\.https-enabled: .* passwords travel in the clear/],
    ],
    [`[http]\n  https-enabled = false\n  bind-address = "localhost:1"\n${user}`, []],
    [
      `${user}[access]\n  trusted-proxies = ["10.0.0.0/8", "0.0.0.0/0"]\n`,
      [/^6: warning: access\.trusted-proxies\[1\]: 0\.0\.0\.0\/0 trusts everybody/],
    ],
    [`${user}[access]\n  trusted-proxies = ["::/0"]\n`, [/trusts everybody/]],
    [
      `${user}[[kapacitor]]\n  subscription-allow-cidrs = ["10.0.0.1"]\n`,
      [/^6: warning: kapacitor\[0\]\.subscription-allow-cidrs: without a subscription-path/],
    ],
    [`${user}[[kapacitor]]\n  subscription-path = "/x"\n  subscription-allow-cidrs = ["10.0.0.1"]\n`, []],
    [`${user}[access]\n  deny-cidrs = ["192.0.2.0/24"]\n`, []],
    [
      `${user}[access]\n  deny-cidrs = ["192.0.2.0/24", "127.0.0.0/8"]\n`,
      [
        /^6: warning: access\.deny-cidrs\[1\]: 127\.0\.0\.0\/8 shuts out loopback \(127\.0\.0\.1\), the upstream of default \(127\.0\.0\.1\)$/,
      ],
    ],
    [
      `${user}[influxdb]\n  url = "http://influxdb:8086"\n  username = "a"\n  password = "b"\n  users = true\n`,
      [/^6: warning: influxdb\.url: is plain HTTP: logins go to InfluxDB in the clear/],
    ],
    [`${user}[influxdb]\n  url = "http://[::1]:8086"\n  username = "a"\n  password = "b"\n  users = true\n`, []],
    [`${user}[influxdb]\n  url = "https://influxdb:8086"\n  username = "a"\n  password = "b"\n  users = true\n`, []],
    [`${user}[influxdb]\n  url = "http://influxdb:8086"\n`, []],
    [
      `${user}${two}[influxdb]\n  url = "https://influxdb:8086"\n  username = "a"\n  password = "b"\n  users = true\n`,
      [/warning: influxdb\.users: lets InfluxDB's users into every instance/],
    ],
    [
      `[http]\n  htpasswd-file = "h"\n${user}${two}`,
      [/^2: warning: http\.htpasswd-file: holds users of every instance/],
    ],
    [`[http]\n  htpasswd-file = "h"\n  htpasswd-role = "admin"\n${user}${two}`, []],
    [`[http]\n  htpasswd-file = "h"\n${user}`, []],
    [`${user}[access]\n  deny-cidrs = ["::/0"]\n`, [/::\/0 shuts out loopback \(::1\)$/]],
    [
      `${user}[access]\n  deny-cidrs = ["10.0.0.0/8"]\n  trusted-proxies = ["10.1.0.0/16"]\n[[kapacitor]]\n  name = "k"\n  url = "http://10.2.0.1:9092"\n` +
        `  subscription-path = "/x"\n  subscription-allow-cidrs = ["10.3.0.0/16", "10.0.0.0/7"]\n`,
      [
        /shuts out the trusted proxies \(10\.1\.0\.0\/16\), the upstream of k \(10\.2\.0\.1\), the subscriptions of k \(10\.3\.0\.0\/16\)$/,
      ],
    ],
    [
      `[http]\n  bind-address = "10.0.0.1:9443"\n${user}[access]\n  deny-cidrs = ["10.0.0.0/8"]\n`,
      [/shuts out the listener \(10\.0\.0\.1\)$/],
    ],
    [
      `${user}[access]\n  deny-cidrs = ["10.0.0.0/8"]\n`,
      [/shuts out an address of this machine \(10\.9\.9\.9\)$/],
      ["10.9.9.9", "fe80::1"],
    ],
  ];
  for (const [text, warnings, ownAddresses = []] of rows) {
    const found = said(t, text, "warning", { ownAddresses }).filter((warning) => !warning.includes(open));
    t.equal(found.length, warnings.length, text, { found });
    for (const [index, warning] of warnings.entries()) t.match(found[index], warning);
    t.strictSame(said(t, text, "error", { ownAddresses }), [], text);
  }
});

t.test("open handlers are reported where they are open", async (t) => {
  const keys = (text: string) =>
    load(t, user + text).problems.flatMap(({ key, text }) => (/^is empty: whoever/.test(text) ? [key] : []));
  const alerts = `[alerts]\n  disable-handlers = ["exec"]\n`;
  t.strictSame(keys(""), ["alerts.disable-handlers"]);
  t.strictSame(keys(alerts), []);
  t.strictSame(keys(`${alerts}[[kapacitor]]\n  disable-handlers = []\n`), ["kapacitor[0].disable-handlers"]);
  t.strictSame(keys(`[[kapacitor]]\n  disable-handlers = ["exec"]\n`), []);
});
