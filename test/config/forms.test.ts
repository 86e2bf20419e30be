import { format, inspect } from "node:util";
import fc from "fast-check";
import t from "tap";
import { Secret } from "../../src/config/secret.ts";
import { nearest } from "../../src/config/suggest.ts";
import { formatPath, parsePath } from "../../src/config/tree.ts";
import {
  formatBindAddress,
  formatDuration,
  formatSize,
  type Reading,
  readBindAddress,
  readDuration,
  readHost,
  readOrigin,
  readSize,
  readSubscriptionPath,
  readTarget,
} from "../../src/config/values.ts";

/** The value of a reading, undefined for a refusal. */
function value<T>(reading: Reading<T>): T | undefined {
  return reading.ok ? reading.value : undefined;
}

t.test("durations are read as Go writes them", async (t) => {
  const rows: readonly (readonly [text: string, milliseconds: number | undefined])[] = [
    ["0", 0],
    ["0s", 0],
    ["10s", 10_000],
    ["1m0s", 60_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    ["500ms", 500],
    ["0.1s", 100],
    ["1.1s", 1100],
    ["1000us", 1],
    ["1000µs", 1],
    ["1000000ns", 1],
    ["596h31m23.647s", 2 ** 31 - 1],
    ["596h31m23.648s", undefined],
    ["1us", undefined],
    ["0.0001s", undefined],
    ["", undefined],
    ["10", undefined],
    ["s", undefined],
    ["-1s", undefined],
    ["+1s", undefined],
    [".5s", undefined],
    ["1.s", undefined],
    ["1 s", undefined],
    ["1S", undefined],
    ["1d", undefined],
    ["10s ", undefined],
    ["١s", undefined],
    [`${"9".repeat(70)}s`, undefined],
  ];
  for (const [text, milliseconds] of rows) t.equal(value(readDuration(text)), milliseconds, JSON.stringify(text));
});

t.test("durations are written as Go writes them, and read back", async (t) => {
  const rows: readonly (readonly [milliseconds: number, text: string])[] = [
    [0, "0s"],
    [1, "1ms"],
    [1500, "1.5s"],
    [60_000, "1m0s"],
    [600_000, "10m0s"],
    [5_400_000, "1h30m0s"],
    [3_600_001, "1h0m0.001s"],
  ];
  for (const [milliseconds, text] of rows) t.equal(formatDuration(milliseconds), text);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (n) => value(readDuration(formatDuration(n))) === n),
    { numRuns: 2000 },
  );
});

t.test("sizes are bytes or powers of ten", async (t) => {
  const rows: readonly (readonly [size: string | number, bytes: number | undefined])[] = [
    [25_000_000, 25_000_000],
    [1, 1],
    ["25MB", 25_000_000],
    ["25 MB", 25_000_000],
    ["1KB", 1000],
    ["2GB", 2_000_000_000],
    ["10B", 10],
    ["4096", 4096],
    [0, undefined],
    ["0", undefined],
    [-1, undefined],
    [1.5, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    ["1.5MB", undefined],
    ["25mb", undefined],
    ["25M", undefined],
    ["25MiB", undefined],
    ["MB", undefined],
    ["", undefined],
    ["999999999999999GB", undefined],
  ];
  for (const [size, bytes] of rows) t.equal(value(readSize(size)), bytes, JSON.stringify(size));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 14 }), (n) => value(readSize(formatSize(n))) === n),
    { numRuns: 2000 },
  );
  t.equal(formatSize(25_000_000), "25MB");
  t.equal(formatSize(25_000_001), "25000001B");
});

t.test("bind addresses are read, and written back the same", async (t) => {
  const rows: readonly (readonly [text: string, address: unknown])[] = [
    [":9443", { host: "", port: 9443 }],
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:9443", { host: "::1", port: 9443 }],
    ["[::]:443", { host: "::", port: 443 }],
    ["localhost:9443", { host: "localhost", port: 9443 }],
    ["fd:3", { fd: 3 }],
    ["fd:2", undefined],
    ["fd:x", undefined],
    ["9443", undefined],
    ["127.0.0.1", undefined],
    ["127.0.0.1:", undefined],
    ["127.0.0.1:65536", undefined],
    ["127.1:9443", undefined],
    ["::1:9443", undefined],
    ["[::1%eth0]:9443", undefined],
    ["[127.0.0.1]x:1", undefined],
    ["*:9443", undefined],
    ["a b:9443", undefined],
    ["http://localhost:9443", undefined],
    ["", undefined],
  ];
  for (const [text, address] of rows) {
    const read = value(readBindAddress(text));
    t.strictSame(read, address, text);
    if (read !== undefined) t.equal(formatBindAddress(read), text);
  }
  t.equal(formatBindAddress(undefined), "");
});

t.test("an upstream is an origin", async (t) => {
  const rows: readonly (readonly [text: string, origin: string | undefined])[] = [
    ["http://127.0.0.1:9092", "http://127.0.0.1:9092"],
    ["http://127.0.0.1:9092/", "http://127.0.0.1:9092"],
    ["HTTPS://Kapacitor.Example", "https://kapacitor.example"],
    ["http://[::1]:9092", "http://[::1]:9092"],
    ["http://kapacitor_1:9092", "http://kapacitor_1:9092"],
    ["http://127.0.0.1:9092/x", undefined],
    ["http://127.0.0.1:9092?x", undefined],
    ["http://127.0.0.1:9092#x", undefined],
    ["http://a@127.0.0.1", undefined],
    ["http://a:b@127.0.0.1", undefined],
    ["http://127.1", undefined],
    ["http://0x7f.0.0.1", undefined],
    ["http://2130706433", undefined],
    ["http://127.0.0.1:0", undefined],
    ["http://127.0.0.1:99999", undefined],
    ["http:127.0.0.1", undefined],
    ["http:///x", undefined],
    ["http://", undefined],
    ["//127.0.0.1", undefined],
    ["127.0.0.1:9092", undefined],
    ["http:\\\\127.0.0.1", undefined],
    ["http://a b", undefined],
    ["ftp://127.0.0.1", undefined],
  ];
  for (const [text, origin] of rows) t.equal(value(readOrigin(text)), origin, text);
});

t.test("a subscription path is normalised or refused", async (t) => {
  const rows: readonly (readonly [text: string, path: string | undefined])[] = [
    ["", ""],
    ["/", ""],
    ["in", "/in"],
    ["/in/", "/in"],
    ["/in//", "/in"],
    ["/a/b_c-1.2~x", "/a/b_c-1.2~x"],
    ["/dGVzdA==", "/dGVzdA=="],
    ["/kapacitors", "/kapacitors"],
    ["/writer", "/writer"],
    ["/x/write", "/x/write"],
    ["/write", undefined],
    ["/Write/x", undefined],
    ["/kapacitor", undefined],
    ["kapacitor/v1/write", undefined],
    ["//in", undefined],
    ["/a//b", undefined],
    ["/./a", undefined],
    ["/a/..", undefined],
    ["/a%20b", undefined],
    ["/a b", undefined],
    ["/a?b", undefined],
    ["/a#b", undefined],
    ["/a\\b", undefined],
    ["/ä", undefined],
    [`/${"a".repeat(2000)}`, undefined],
  ];
  for (const [text, path] of rows) t.equal(value(readSubscriptionPath(text)), path, text);
});

t.test("hosts and targets lose what does not matter", async (t) => {
  const hosts: readonly (readonly [text: string, host: string | undefined])[] = [
    ["Kapacitor.Example.", "kapacitor.example"],
    ["10.0.0.1", "10.0.0.1"],
    ["::1", "::1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["[2001:DB8::1]", "2001:db8::1"],
    ["a:1", undefined],
    ["a/b", undefined],
    ["*.example", undefined],
    ["-a", undefined],
    ["a..b", undefined],
    ["10.1", undefined],
    ["a.0x7f", undefined],
    ["", undefined],
  ];
  for (const [text, host] of hosts) t.equal(value(readHost(text)), host, text);
  const targets: readonly (readonly [text: string, target: string | undefined])[] = [
    ["127.0.0.1:5000", "127.0.0.1:5000"],
    ["Alerta.Example:443", "alerta.example:443"],
    ["[::1]:80", "[::1]:80"],
    ["::1:80", undefined],
    ["a", undefined],
    ["a:0", undefined],
    ["a:70000", undefined],
    ["http://a:80", undefined],
  ];
  for (const [text, target] of targets) t.equal(value(readTarget(text)), target, text);
});

t.test("a secret prints itself nowhere", async (t) => {
  const secret = new Secret("geheim");
  t.equal(secret.reveal(), "geheim");
  const printed = [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }),
    format("%s %o %j", secret, secret, secret),
  ];
  for (const text of printed) {
    t.match(text, /\[REDACTED\]/);
    t.notMatch(text, /geheim/);
  }
  t.strictSame(Object.entries(secret), []);
});

t.test("the nearest known name is offered, and none that is far", async (t) => {
  const known = ["bind-address", "realm", "url", "max-body-size"];
  t.equal(nearest("bind-adress", known), "bind-address");
  t.equal(nearest("bnid-address", known), "bind-address");
  t.equal(nearest("BIND_ADDRESS", known), "bind-address");
  t.equal(nearest("relam", known), "realm");
  t.equal(nearest("ulr", known), "url");
  t.equal(nearest("uri", known), "url");
  t.equal(nearest("timeout", known), undefined);
  t.equal(nearest("x".repeat(100_000), known), undefined);
});

t.test("a path is written and read back", async (t) => {
  t.equal(formatPath(["user", 0, "password-hash"]), "user[0].password-hash");
  t.equal(formatPath(["http", 'a"b']), 'http."a\\"b"');
  t.strictSame(parsePath("user[0].instances[12]"), ["user", 0, "instances", 12]);
  t.strictSame(parsePath("http.realm"), ["http", "realm"]);
});
