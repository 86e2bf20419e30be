import t from "tap";
import type { AddressForm } from "../../src/core/alert-handlers.ts";
import { compileTargets, judgeTarget, type TargetFacts, type TargetOptions } from "../../src/core/targets.ts";

const options: TargetOptions = {
  denied: [],
  allowed: [],
  own: ["kapacitor", "gateway.example", "192.0.2.50", "[2001:db8::50]"],
  ports: [19092, 9443],
};

/** What the resolver of the tests knows; a name that is not here was not asked for yet. */
const names: Readonly<Record<string, readonly string[]>> = {
  kapacitor: ["172.18.0.5"],
  "gateway.example": ["203.0.113.9"],
  "public.example": ["198.51.100.7"],
  "inside.example": ["198.51.100.7", "10.1.2.3"],
  "six.example": ["2001:db8::7", "fd00::7"],
  "loop.example": ["127.0.0.1"],
  "alias.example": ["172.18.0.5"],
  "nowhere.example": [],
};
const facts: TargetFacts = { addressesOf: (name) => names[name], gateway: { address: "192.0.2.60", port: 8443 } };

/** `pass`, a reason, or the names that are asked for. */
function verdict(text: string, form: AddressForm, more: Partial<TargetOptions> = {}, known = facts): string {
  const rules = compileTargets({ ...options, ...more });
  const result = judgeTarget({ text, form }, rules, known);
  return result.kind === "deny" ? result.reason : result.kind === "resolve" ? result.names.join(" ") : "pass";
}

const loopback = [
  ..."127.0.0.1 127.0.0.2 127.255.255.254 127.1 127.0.1 127.65537 2130706433 017700000001 0x7f000001 0X7F000001".split(
    " ",
  ),
  ..."0x7f.1 0x7f.0.0.1 0177.1 0177.0.0.1 0177.0.0.01 0x7F.0x0.0x0.0x1 0177.0x0.0.1 127.0.0.01 127.00.00.01".split(" "),
  ..."00177.0.0.1 0x0000007f.0.0.1 127.0.0x1 127.0.0.0x1 127.000.000.001 0 0.0.0.0 0x0 00 0.0 0.0.0 00.00.00.00".split(
    " ",
  ),
  ..."127.0.0.1. 2130706433. localhost LOCALHOST LocalHost localhost. localhost.localdomain ip6-localhost".split(" "),
  ..."ip6-loopback localhost4 localhost6 a.localhost b.a.localhost. [::1] [0:0:0:0:0:0:0:1] [0000::0001] [::0:1]".split(
    " ",
  ),
  ..."[::] [0::0] [0:0:0:0:0:0:0:0] [::ffff:127.0.0.1] [::FFFF:7f00:1] [0:0:0:0:0:ffff:7f00:1] [::ffff:0.0.0.0]".split(
    " ",
  ),
  ..."[::127.0.0.1] [::7f00:1] [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1]".split(
    " ",
  ),
  ..."[2002:7f00:1::] [2002:7f00:0001::1]".split(" "),
];
const privateHosts = [
  ..."10.0.0.1 10.255.255.255 10.1 0xa.1 012.0.0.1 167772161 172.16.0.1 172.31.255.255 172.16.1 192.168.0.1".split(" "),
  ..."192.168.1 0xc0a80001 3232235521 0300.0250.0.1 169.254.169.254 0xa9fea9fe 2852039166 0251.0376.0251.0376".split(
    " ",
  ),
  ..."100.64.0.1 100.127.255.255 0x64.0x40.0.1 [fe80::1] [fe80::1%25eth0] [febf::1] [fc00::1] [fd12:3456::1]".split(
    " ",
  ),
  ..."[::ffff:10.0.0.1] [::ffff:a00:1] [::ffff:169.254.169.254] [64:ff9b::10.0.0.1] [2002:a00:1::1] [::10.0.0.1] [64:ff9b::8.8.8.8]".split(
    " ",
  ),
  ..."inside.example six.example INSIDE.example.".split(" "),
];
const publicHosts = [
  ..."198.51.100.7 8.8.8.8 134744072 0x08080808 010.8.8.8 11.0.0.1 9.255.255.255 172.15.0.1 172.32.0.1".split(" "),
  ..."192.167.1.1 192.169.1.1 100.63.255.255 100.128.0.1 169.253.1.1 126.255.255.255 128.0.0.1 1.0.0.0".split(" "),
  ..."[2001:db8::1] [2606:4700::1111] [::ffff:8.8.8.8] [2002:808:808::] public.example Public.Example.".split(" "),
];

t.test("every spelling of a host, in every shape of a URL", async (t) => {
  const shapes: readonly ((host: string) => string)[] = [
    (host) => `http://${host}:8080/hook`,
    (host) => `HTTPS://${host}`,
    (host) => `http://user:p%40ss@${host}:08080/a?b=http://8.8.8.8/#c`,
  ];
  let spellings = 0;
  for (const shape of shapes) {
    for (const host of [...loopback, ...privateHosts]) {
      spellings++;
      t.equal(verdict(shape(host), "url", { denied: ["private"] }), "target_denied", shape(host));
    }
    for (const host of publicHosts) {
      // 010.8.8.8 is 10.8.8.8 to Go before 1.17.
      const expected = host === "010.8.8.8" ? "target_denied" : "pass";
      t.equal(verdict(shape(host), "url", { denied: ["private"] }), expected, shape(host));
    }
  }
  t.ok(spellings >= 200, `${spellings} spellings`);
});

t.test("the same hosts as net.Dial takes them", async (t) => {
  for (const host of [...loopback, ...privateHosts]) {
    t.equal(verdict(`${host.replace("%25", "%")}:7000`, "hostport", { denied: ["private"] }), "target_denied", host);
  }
  t.equal(verdict("[fe80::1%eth0]:7000", "hostport", { denied: ["private"] }), "target_denied");
  t.equal(verdict(":7000", "hostport", { denied: ["private"] }), "target_denied");
  t.equal(verdict("public.example:7000", "hostport", { denied: ["private"] }), "pass");
  t.equal(verdict("::1:7000", "hostport"), "target_denied", "an IPv6 address without brackets has two readings");
});

t.test("what has no single reading, or is no address, is refused whatever the lists say", async (t) => {
  const odd = [
    ..."example.com/hook //public.example/ http:public.example http:/public.example/".split(" "),
    ..."ftp://public.example/ unix:///run/x.sock gopher://public.example/ file:///etc/passwd javascript:1".split(" "),
    ..."http://256.256.256.256/ http://1.2.3.4.5/ http://0x7f000001x1.5/ http://127.0.0.1:http/".split(" "),
    ..."http://::1:9092/ http://[::1/ http://::1]/ http://[127.0.0.1]/ http://[v1.x]/ http://[::1]x:80/".split(" "),
    ..."http://public%2eexample/ http://%31%32%37.0.0.1/ http://a,b/ http://a;b/ http://a\\@127.0.0.1/".split(" "),
    ..."http://{{.host}}/ http://public.example/{{.ID}} {{.url}} http://public.example..x/ http://.public.example/".split(
      " ",
    ),
    "http://１２７.０.０.１/",
    "http://ⓛocalhost/",
    "http://127。0。0。1/",
    "http://bücher.example/",
    " http://public.example/",
    "http://public.example /",
    "http://public.example\t/",
    "http://public.example/\n",
    "http://public\u0000.example/",
    `http://${"a".repeat(64)}.example/`,
  ];
  for (const text of odd) {
    t.equal(verdict(text, "url"), "target_denied", JSON.stringify(text));
  }
});

t.test("what leads back to Kapacitor or the gateway", async (t) => {
  const hosts = [...loopback, "", "kapacitor", "KAPACITOR.", "192.0.2.50", "[2001:db8::50]", "gateway.example"];
  const more = ["172.18.0.5", "203.0.113.9", "192.0.2.60", "alias.example", "loop.example", "[::ffff:192.0.2.50]"];
  for (const host of [...hosts, ...more]) {
    for (const port of [19092, 9443, 9092, 8443, "019092"]) {
      t.equal(verdict(`http://${host}:${port}/kapacitor/v1/tasks`, "url"), "target_denied", `${host}:${port}`);
    }
    t.equal(verdict(`http://${host}:5000/`, "url"), "pass", `${host} on another port is no way back`);
  }
  t.equal(verdict("http://198.51.100.7:19092/", "url"), "pass", "another machine's port");
  t.equal(verdict("http://public.example:19092/", "url"), "pass");
  t.equal(verdict("127.0.0.1", "hostport"), "target_denied", "a port that is not known may be that of Kapacitor");
  t.equal(verdict("127.0.0.1:http", "hostport"), "target_denied", "the name of a service is no known port");
  t.equal(verdict("127.0.0.1:+9092", "hostport"), "target_denied");
  t.equal(verdict("localhost", "host"), "target_denied");
  t.equal(verdict("::1", "host"), "target_denied");
  t.equal(verdict("public.example", "host"), "pass");
});

t.test("the standard ports of a URL count", async (t) => {
  const ports = [80, 443];
  t.equal(verdict("http://127.0.0.1/", "url", { ports }), "target_denied");
  t.equal(verdict("https://localhost/", "url", { ports }), "target_denied");
  t.equal(verdict("https://localhost:/", "url", { ports }), "target_denied", "an empty port is the standard one");
  t.equal(verdict("https://localhost:8080/", "url", { ports }), "pass");
});

t.test("exceptions hold for one host and port, by the name or the address that they are written with", async (t) => {
  const more = {
    denied: ["private"],
    allowed: ["127.0.0.1:5000", "[::1]:5000", "Inside.example:443", "10.9.9.9:9092"],
  };
  const rows: readonly (readonly [text: string, expected: string])[] = [
    ["http://127.0.0.1:5000/", "pass"],
    ["http://0x7f.1:5000/", "pass"],
    ["http://[::ffff:127.0.0.1]:5000/", "pass"],
    ["http://localhost:5000/", "pass"],
    ["http://127.0.0.1:5001/", "target_denied"],
    ["http://127.0.0.2:5000/", "target_denied"],
    ["http://[64:ff9b::7f00:1]:5000/", "target_denied"],
    ["https://inside.example/", "pass"],
    ["https://inside.example:443/", "pass"],
    ["http://inside.example/", "target_denied"],
    ["http://10.1.2.3:443/", "target_denied"],
    ["http://10.9.9.9:9092/", "pass"],
  ];
  for (const [text, expected] of rows) t.equal(verdict(text, "url", more), expected, text);
});

t.test("names are resolved where it matters, and only there", async (t) => {
  const nobody: TargetFacts = { addressesOf: () => undefined, gateway: undefined };
  t.equal(verdict("http://x.example/", "url", {}, nobody), "pass", "nothing is denied and the port is no own one");
  t.equal(verdict("http://x.example/", "url", { denied: ["private"] }, nobody), "x.example");
  t.equal(verdict("http://x.example:9092/", "url", {}, nobody), "x.example");
  t.equal(verdict("http://198.51.100.7:9092/", "url", {}, nobody), "kapacitor gateway.example", "own names");
  t.equal(verdict("http://nowhere.example/", "url", { denied: ["private"] }), "target_unresolvable");
  t.equal(verdict("http://nowhere.example:9092/", "url"), "target_unresolvable");
  t.equal(verdict("http://nowhere.example/", "url"), "pass");
});

t.test("nothing to dial is no target, and secrets of a URL are not repeated", async (t) => {
  t.equal(verdict("", "url", { denied: ["private"] }), "pass");
  const rules = compileTargets({ ...options, denied: ["private"] });
  const refused = judgeTarget({ text: "http://user:secret@10.0.0.1/token/abc", form: "url" }, rules, facts);
  t.equal(refused.kind === "deny" && refused.text.includes("http://10.0.0.1"), true);
  t.notMatch(refused, { text: /secret|token/ });
});

t.test("files are no targets where files are read, and brokers have their own schemes", async (t) => {
  const rules = compileTargets({ ...options, denied: ["private"] });
  const judge = (text: string, schemes: readonly string[]) =>
    judgeTarget({ text, form: "url", schemes }, rules, facts).kind;
  t.equal(judge("file:///etc/kapacitor/x", ["file", "http", "https"]), "pass");
  t.equal(judge("tcp://public.example:1883", ["tcp", "ssl"]), "pass");
  t.equal(judge("tcp://127.0.0.1:1883", ["tcp", "ssl"]), "deny");
  t.equal(judge("http://public.example:1883", ["tcp", "ssl"]), "deny");
});

t.test("a bad list never compiles", async (t) => {
  t.throws(() => compileTargets({ ...options, denied: ["10.0.0.0/33"] }), RangeError);
});
