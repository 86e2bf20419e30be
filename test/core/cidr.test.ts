import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import t from "tap";
import { compileCidrs, parseAddress, parseCidr } from "../../src/core/cidr.ts";

t.test("a CIDR of the configuration is read to one canonical form", async (t) => {
  const rows: readonly (readonly [text: string, cidr: string])[] = [
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.2.3", "10.1.2.3/32"],
    ["10.1.2.3/32", "10.1.2.3/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["172.16.0.0/12", "172.16.0.0/12"],
    ["255.255.255.255", "255.255.255.255/32"],
    ["::/0", "::/0"],
    ["::1", "::1/128"],
    ["2001:DB8:0:0::/32", "2001:db8::/32"],
    ["fe80:0000:0000:0000:0000:0000:0000:0000/10", "fe80::/10"],
    ["64:ff9b::/96", "64:ff9b::/96"],
    ["64:ff9b::10.0.0.1", "64:ff9b::a00:1/128"],
    ["::1.2.3.4", "::102:304/128"],
  ];
  for (const [text, cidr] of rows) t.strictSame(parseCidr(text), { ok: true, cidr }, text);
});

t.test("what could mean two ranges is refused with what to write", async (t) => {
  const rows: readonly (readonly [text: string, reason: RegExp])[] = [
    ["10.1/8", /four decimal parts/],
    ["10/8", /four decimal parts/],
    ["1", /four decimal parts/],
    ["010.0.0.0/8", /leading zeros/],
    ["10.0.0.08/32", /leading zeros/],
    ["0x0a.0.0.0/8", /four decimal parts/],
    ["256.0.0.0/8", /four decimal parts/],
    ["1.2.3.4.5", /four decimal parts/],
    ["10.0.0.5/8", /10\.0\.0\.0\/8 or 10\.0\.0\.5\/32/],
    ["2001:db8::1/32", /2001:db8::\/32 or 2001:db8::1\/128/],
    ["10.0.0.0/08", /prefix length from 0 to 32/],
    ["10.0.0.0/33", /prefix length from 0 to 32/],
    ["10.0.0.0/", /prefix length/],
    ["10.0.0.0/-1", /prefix length/],
    ["10.0.0.0/+8", /prefix length/],
    ["10.0.0.0/8/8", /prefix length/],
    ["10.0.0.0/ 8", /prefix length/],
    ["10.0.0.0/255.0.0.0", /prefix length/],
    ["::/129", /prefix length from 0 to 128/],
    ["fe80::1%eth0", /zone id/],
    ["fe80::%1/64", /zone id/],
    ["::ffff:10.0.0.0/104", /write the IPv4 range itself/],
    ["::ffff:0:0/96", /write the IPv4 range itself/],
    ["::FFFF:7f00:1", /write the IPv4 range itself/],
    ["0:0:0:0:0:ffff:10.0.0.1", /write the IPv4 range itself/],
    ["::ffff:010.0.0.1", /not an address/],
    ["1::2::3", /not an address/],
    ["1:2:3:4:5:6:7", /not an address/],
    [":::", /not an address/],
    ["[::1]", /not an address/],
    ["127.0.0.1:80", /not an address/],
    ["localhost", /not an address/],
    ["private", /not an address/],
    ["", /not an address/],
    ["/8", /not an address/],
    [" 10.0.0.0/8", /not an address/],
    ["10.0.0.0 /8", /not an address/],
    ["१०.0.0.0/8", /not an address/],
    [`${"0".repeat(200)}::1`, /not an address/],
  ];
  for (const [text, reason] of rows) {
    const reading = parseCidr(text);
    t.equal(reading.ok, false, text);
    t.match(reading.ok ? "" : reading.text, reason, text);
  }
});

t.test("an address of a peer has one canonical form", async (t) => {
  const rows: readonly (readonly [text: string, address: string | undefined])[] = [
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["::FFFF:7F00:1", "127.0.0.1"],
    ["0:0:0:0:0:ffff:7f00:0001", "127.0.0.1"],
    ["::127.0.0.1", "::7f00:1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["FE80::1%25", "fe80::1"],
    ["fe80::1%", undefined],
    ["fe80::1%a b", undefined],
    ["127.0.0.1%eth0", undefined],
    ["010.0.0.1", undefined],
    ["127.1", undefined],
    ["2130706433", undefined],
    ["127.0.0.1:9443", undefined],
    ["[::1]", undefined],
    ["unknown", undefined],
    ["_hidden", undefined],
    ["10.0.0.0/8", undefined],
    ["127.0.0.1\n", undefined],
    [" 127.0.0.1", undefined],
    ["", undefined],
  ];
  for (const [text, address] of rows) t.equal(parseAddress(text), address, JSON.stringify(text));
});

t.test("an empty list contains nothing", async (t) => {
  const contains = compileCidrs([]);
  t.notOk(contains("127.0.0.1"));
  t.notOk(contains("::1"));
});

t.test("IPv4 and IPv6 ranges do not reach into one another, and a mapped address is IPv4", async (t) => {
  t.notOk(compileCidrs(["0.0.0.0/0"])("::1"));
  t.notOk(compileCidrs(["::/0"])("10.0.0.1"));
  t.notOk(compileCidrs(["::/0"])("::ffff:10.0.0.1"));
  t.ok(compileCidrs(["10.0.0.0/8"])("::ffff:10.0.0.1"));
  t.ok(compileCidrs(["0.0.0.0/0"])("255.255.255.255"));
  t.ok(compileCidrs(["::/0", "128.0.0.0/1"])("128.0.0.0"));
});

t.test("what cannot be read throws instead of looking like an outsider", async (t) => {
  t.throws(() => compileCidrs(["10.0.0.0/8", "10.1/8"]), RangeError);
  t.throws(() => compileCidrs(["::ffff:10.0.0.0/104"]), RangeError);
  const contains = compileCidrs(["10.0.0.0/8"]);
  for (const text of ["", "localhost", "10.1", "fe80::1%eth0"]) t.throws(() => contains(text), RangeError, text);
});

const octets = fc.array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 10, 127, 255)), {
  minLength: 4,
  maxLength: 4,
});
const groups = fc.array(fc.oneof(fc.integer({ min: 0, max: 65535 }), fc.constantFrom(0, 0, 1, 0xfe80, 0xffff)), {
  minLength: 8,
  maxLength: 8,
});
const four = octets.map((parts) => parts.join("."));
const six = groups.map((parts) => parts.map((part) => part.toString(16)).join(":"));
/** Addresses near one another, so that about half of the pairs match. */
const pair = fc
  .tuple(fc.boolean(), four, four, six, six, fc.integer({ min: 0, max: 128 }), fc.boolean())
  .map(([useSix, fourA, fourB, sixA, sixB, length, near]) => {
    const [base, other] = useSix ? [sixA, sixB] : [fourA, fourB];
    return { base, address: near ? nudge(base, length) : other, prefix: useSix ? length : length % 33 };
  });

/** The same address with one part changed. */
function nudge(address: string, at: number): string {
  const mark = address.includes(":") ? ":" : ".";
  const parts = address.split(mark);
  parts[at % parts.length] = mark === ":" ? (at * 503).toString(16) : String(at);
  return parts.join(mark);
}

/** The network that {@link parseCidr} advises for an address with host bits, which makes the advice part of the property. */
function networkFor(address: string, prefix: number): string | undefined {
  const reading = parseCidr(`${address}/${prefix}`);
  return reading.ok ? reading.cidr : /write (\S+) or /.exec(reading.text)?.[1];
}

t.test("20,000 random pairs get the answer of node's own BlockList", async (t) => {
  let inside = 0;
  let outside = 0;
  fc.assert(
    fc.property(pair, ({ base, address, prefix }) => {
      const mapped = parseAddress(base)?.includes(".") === true && base.includes(":");
      const cidr = networkFor(base, prefix);
      if (cidr === undefined) return mapped;
      const [network = "", length = ""] = cidr.split("/");
      const reference = new BlockList();
      reference.addSubnet(network, Number(length), isIP(network) === 4 ? "ipv4" : "ipv6");
      const canonical = parseAddress(address);
      if (canonical === undefined) return false;
      // Of IPv4 addresses, BlockList says that they are in `::/0`; an operator who writes that means IPv6, as nginx does.
      const expected =
        isIP(network) === isIP(canonical) && reference.check(canonical, isIP(canonical) === 4 ? "ipv4" : "ipv6");
      if (expected) inside += 1;
      else outside += 1;
      return compileCidrs([cidr])(canonical) === expected && compileCidrs([cidr])(address) === expected;
    }),
    { numRuns: 20_000 },
  );
  t.ok(inside > 4_000, `${inside} pairs inside`);
  t.ok(outside > 4_000, `${outside} pairs outside`);
});

t.test("any text is read or refused, never thrown at, and what is read is a fixed point", async (t) => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:.%/]{0,24}$/));
  fc.assert(
    fc.property(text, (input) => {
      const reading = parseCidr(input);
      const address = parseAddress(input);
      return (
        (!reading.ok || parseCidr(reading.cidr).ok) &&
        (address === undefined || (isIP(address) !== 0 && parseAddress(address) === address))
      );
    }),
    { numRuns: 20_000 },
  );
  t.pass("no input broke it");
});
