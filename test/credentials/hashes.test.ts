import t from "tap";
import { apr1 } from "../../src/credentials/apr1.ts";
import { decoyFor, describeHash, hashPassword, verifyHash } from "../../src/credentials/hashes.ts";
import { readArgon2 } from "../../src/credentials/phc.ts";

// Made by the programs named, or published with them; none by this code.
const known: readonly [from: string, scheme: string, hash: string, password: string][] = [
  ["htpasswd -nbB", "bcrypt", "$2y$05$5C4Yv6438iFQIbRbdRLfUu0MyBjpV.YP967yFrpQZRXFR8PpBEGYS", "secret"],
  ["htpasswd -nbB -C 4", "bcrypt", "$2y$04$4JCp0sLkx.lLLEGa1o9R6eZFz6T9ssTN7ApRH9K1shQPW7/0fLPH.", "pässwörd"],
  ["crypt_blowfish's own test", "bcrypt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"],
  ["htpasswd -nbm", "apr1", "$apr1$I6SebQrj$HtO6YzmdBt/znQMup/UDP.", "secret"],
  ["htpasswd -nbm", "apr1", "$apr1$GYBb/6NF$OMzaVww4/ZUgX3yBxeoAs1", "pässwörd"],
  ["htpasswd -nbm", "apr1", "$apr1$KkCbPo6R$YvJKiLrQfv.oLAneMKnbS1", "a:b"],
  ["htpasswd -nbm", "apr1", "$apr1$lDIGg9Va$3crPAp0T2MkIaq4IJ3qWM1", "0123456789abcdefg"],
  ["openssl passwd -apr1 -salt x", "apr1", "$apr1$x$12YdXEY0/hH4rDNkmZupO0", "secret"],
  ["openssl passwd -apr1", "apr1", "$apr1$12345678$.HV1dcnWfXTJntqmJN7dV/", "y".repeat(80)],
  ["htpasswd -nbs", "sha1", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"],
  ["htpasswd -nbs", "sha1", "{SHA}9Rfd8dMqES/xrVXGbRsSyzjn6Pc=", "pässwörd"],
  [
    "Python's hashlib",
    "scrypt",
    "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$YoTbIrWa6eURZL72b7afK2cIYilLtiFNwJntMxWyN0I",
    "pässwörd",
  ],
  [
    "Python's hashlib, 64 bytes",
    "scrypt",
    "$scrypt$ln=12,r=1,p=1$c2FsdHNhbHQ$tAdeGmLMuwfRa2MzqyuNsPodib4pvoxjfIdTURh36ygtNze4nlU+pyBY+OuV1xnfLHS1XRHzricWvR3WlcaJJg",
    "secret",
  ],
  [
    "the reference implementation's test.c",
    "argon2id",
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "password",
  ],
  [
    "the reference implementation's test.c, two lanes",
    "argon2id",
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    "password",
  ],
  ["the configuration", "plain", "pässwörd", "pässwörd"],
  ["the configuration", "plain", "$ecret", "$ecret"],
  ["the configuration", "plain", "{curly}", "{curly}"],
];

const weakSchemes = ["apr1", "sha1", "plain"];

t.test("hashes of other programs are described and verified", async (t) => {
  for (const [from, scheme, hash, password] of known) {
    const name = `${scheme} of ${from}`;
    t.match(describeHash(hash), { ok: true, scheme, weak: weakSchemes.includes(scheme) }, name);
    t.equal(await verifyHash(hash, password), true, `${name}: the right password`);
    t.equal(await verifyHash(hash, `${password}x`), false, `${name}: a longer one`);
    t.equal(await verifyHash(hash, password.slice(1)), false, `${name}: a shorter one`);
    t.equal(await verifyHash(hash, ""), false, `${name}: none`);
  }
});

t.test("apr1 agrees with htpasswd where no login can go: the empty password", async (t) => {
  t.equal(apr1("", "gMyUUYOF"), "8lGfQkkxrpzQuPMqnrwGu0");
});

t.test("logins with apr1, which is computed on the event loop, leave turns to others", async (t) => {
  let turns = 0;
  const count = () => {
    turns += 1;
    immediate = setImmediate(count);
  };
  let immediate = setImmediate(count);
  for (let login = 0; login < 5; login += 1) await verifyHash("$apr1$x$12YdXEY0/hH4rDNkmZupO0", "secret");
  clearImmediate(immediate);
  t.ok(turns >= 4, `${turns} turns`);
});

const salt = "MDEyMzQ1Njc4OWFiY2RlZg";
const key = "YoTbIrWa6eURZL72b7afK2cIYilLtiFNwJntMxWyN0I";
const body = "5C4Yv6438iFQIbRbdRLfUu0MyBjpV.YP967yFrpQZRXFR8PpBEGYS";

t.test("what cannot be verified is refused with a reason, and verifies nothing", async (t) => {
  const rows: readonly [name: string, text: string, reason: RegExp][] = [
    ["an empty text", "", /is empty/],
    ["a control character", "a\nb", /control character/],
    ["U+FFFD", "a\ufffd", /UTF-8/],
    ["a lone surrogate", "a\ud800", /UTF-8/],
    ["more than a request may hold", "x".repeat(1025), /longer than 1024/],
    ["bcrypt that compose shortened", "$2b$10$", /compose.*\$\$/],
    ["bcrypt that compose shortened behind a dot", "$2b$10.YP967yFrpQZRXFR8PpBEGYS", /compose.*\$\$/],
    ["bcrypt without its third dollar", `$2b$10${body}`, /compose.*\$\$/],
    ["bcrypt without its second dollar", `$2b10$${body}`, /compose.*\$\$/],
    ["bcrypt in a shell's double quotes", "b0.YP967yFrpQZRXFR8PpBEGYS", /lost its \$.*\$\$/],
    ["bcrypt of which a shell left two characters", "y0", /lost its \$.*\$\$/],
    ["argon2id that compose shortened", `=19=65536,t=3,p=4`, /lost its \$.*\$\$/],
    ["scrypt that compose shortened", `=15,r=8,p=1`, /lost its \$.*\$\$/],
    ["bcrypt written for compose, in a file", `$$2b$$10$$${body}`, /begins with \$\$/],
    ["bcrypt of cost 3", `$2b$03$${body}`, /cost 3/],
    ["bcrypt of cost 15, which takes two seconds", `$2b$15$${body}`, /cost 15/],
    ["bcrypt of cost 31", `$2b$31$${body}`, /cost 31/],
    ["bcrypt with a sign in its cost", `$2b$+5$${body}`, /complete bcrypt/],
    ["bcrypt with a blank behind it", `$2b$10$${body} `, /complete bcrypt/],
    ["bcrypt with a line break behind it", `$2b$10$${body}\n`, /complete bcrypt/],
    ["bcrypt whose salt has bits to spare", `$2b$10$${body.slice(0, 21)}v${body.slice(22)}`, /complete bcrypt/],
    ["bcrypt whose hash has bits to spare", `$2b$10$${body.slice(0, 52)}T`, /complete bcrypt/],
    ["bcrypt's broken predecessor", `$2x$10$${body}`, /complete bcrypt/],
    ["scrypt without parameters", `$scrypt$${salt}$${key}`, /complete scrypt/],
    ["scrypt in another order", `$scrypt$r=8,ln=10,p=2$${salt}$${key}`, /complete scrypt/],
    ["scrypt of 256 MiB", `$scrypt$ln=18,r=8,p=1$${salt}$${key}`, /128 MiB/],
    ["scrypt of two seconds", `$scrypt$ln=17,r=8,p=3$${salt}$${key}`, /too long/],
    ["scrypt that RFC 7914 forbids", `$scrypt$ln=16,r=1,p=1$${salt}$${key}`, /RFC 7914/],
    ["scrypt with padding", `$scrypt$ln=10,r=8,p=2$${salt}==$${key}=`, /complete scrypt/],
    ["scrypt with a short salt", `$scrypt$ln=10,r=8,p=2$c2FsdA$${key}`, /damaged scrypt/],
    ["scrypt with a short hash", `$scrypt$ln=10,r=8,p=2$${salt}$c2FsdA`, /damaged scrypt/],
    ["scrypt with bits to spare", `$scrypt$ln=10,r=8,p=2$${salt.slice(0, -1)}h$${key}`, /damaged scrypt/],
    ["argon2i", `$argon2i$v=19$m=256,t=2,p=1$${salt}$${key}`, /argon2i and argon2d/],
    ["argon2id of the first version", `$argon2id$m=256,t=2,p=1$${salt}$${key}`, /complete argon2id/],
    ["argon2id of 256 MiB", `$argon2id$v=19$m=262144,t=1,p=1$${salt}$${key}`, /128 MiB/],
    ["argon2id of two seconds", `$argon2id$v=19$m=131072,t=5,p=1$${salt}$${key}`, /too long/],
    ["argon2id with too little memory", `$argon2id$v=19$m=15,t=1,p=2$${salt}$${key}`, /below 8 times/],
    ["apr1 cut short", "$apr1$I6SebQrj$HtO6YzmdBt", /complete \$apr1\$/],
    ["SHA cut short", "{SHA}5en6G6MezRroT3XK", /complete \{SHA\}/],
    ["MD5 of crypt(3)", "$1$12345678$o2n/JiO/h5VviOInWJ4OQ/", /\$1\$ hash.*hash-password/],
    ["SHA-512 of crypt(3)", "$6$iSvd70rSTaubgweQ$N9YLWdvqtb3IWL8JG6PwwqJSceLHVVzh", /\$6\$ hash.*hash-password/],
    ["yescrypt", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7", /\$y\$ hash/],
    ["salted SHA of LDAP", "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", /\{SSHA\} hash/],
  ];
  for (const [name, text, reason] of rows) {
    const description = describeHash(text);
    t.match(description, { ok: false, text: reason }, name);
    if (!description.ok && text.length > 12) t.notMatch(description.text, text.slice(-8), `${name}: not repeated`);
    t.equal(await verifyHash(text, text), false, `${name}: verifies nothing`);
  }
});

t.test("a runtime without argon2 says so when the hash is read, not at the first login", async (t) => {
  const hash = `$argon2id$v=19$m=256,t=2,p=1$${salt}$${key}`;
  t.match(
    readArgon2(hash, () => false),
    { ok: false, text: /this Node cannot verify/ },
  );
  t.match(
    readArgon2(hash, () => true),
    { ok: true },
  );
});

t.test("a decoy is of the class of its hash and no password opens it", async (t) => {
  const classes = new Set<string>();
  for (const [, , hash, password] of known) {
    const decoy = decoyFor(hash) ?? "";
    const [original, description] = [describeHash(hash), describeHash(decoy)];
    t.equal(original.ok && description.ok && original.costClass === description.costClass, true, hash);
    t.not(decoy, hash);
    t.not(decoy, decoyFor(hash), "each is another");
    t.equal(await verifyHash(decoy, password), false);
    if (description.ok) classes.add(description.costClass);
  }
  t.same(
    [...classes],
    [
      "bcrypt 5",
      "bcrypt 4",
      "apr1",
      "sha1",
      "scrypt ln=10,r=8,p=2 32",
      "scrypt ln=12,r=1,p=1 64",
      "argon2id m=65536,t=2,p=1 32",
      "argon2id m=256,t=2,p=2 32",
      "plain",
    ],
  );
  t.equal(decoyFor("$2b$10$"), undefined);
});

t.test("a new hash is bcrypt of cost 10 and opens with its password alone", async (t) => {
  const longest = "ä".repeat(36);
  const hash = await hashPassword(longest);
  t.match(hash, /^\$2y\$10\$/);
  t.match(describeHash(hash), { ok: true, scheme: "bcrypt", weak: false, costClass: "bcrypt 10", longestPassword: 72 });
  t.equal(await verifyHash(hash, longest), true);
  t.equal(await verifyHash(hash, "ä".repeat(35)), false);
  t.not(await hashPassword("secret"), await hashPassword("secret"), "salted");
});

t.test("what no login could send, or bcrypt could not tell apart, is not hashed", async (t) => {
  const refused = ["", "ä".repeat(37), "a\ufffd", "a\ud800", "a\u0000", "a\tb", "a\u007f", "a\u0085", "a\u2028"];
  for (const password of refused) {
    const outcome = await hashPassword(password).catch((error: unknown) => error);
    t.match(outcome, RangeError, encodeURIComponent(password.toWellFormed()));
  }
});
