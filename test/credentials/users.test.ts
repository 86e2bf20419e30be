import t from "tap";
import { parseHtpasswd } from "../../src/credentials/htpasswd.ts";
import { compileUsers, type UserEntry } from "../../src/credentials/users.ts";
import { formatProblem } from "../../src/problem.ts";

const bcrypt = "$2y$05$5C4Yv6438iFQIbRbdRLfUu0MyBjpV.YP967yFrpQZRXFR8PpBEGYS";
const stronger = `$2b$10${bcrypt.slice(6)}`;
const apr1 = "$apr1$I6SebQrj$HtO6YzmdBt/znQMup/UDP.";
const sha1 = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";

t.test("an htpasswd file is read as Apache and nginx read it", async (t) => {
  const text = `\ufeff# users\r\n\r\nann:${bcrypt}\r\n  # more\n  \nbob jones:${bcrypt}:a comment\nünal:${bcrypt} \nlast:${bcrypt}`;
  t.same(parseHtpasswd(text, "users.htpasswd"), {
    entries: [
      { name: "ann", hash: bcrypt, line: 3 },
      { name: "bob jones", hash: bcrypt, line: 6 },
      { name: "ünal", hash: bcrypt, line: 7 },
      { name: "last", hash: bcrypt, line: 8 },
    ],
    problems: [],
  });
  t.same(parseHtpasswd("", "users.htpasswd"), { entries: [], problems: [] });
});

t.test("weak hashes are used with a warning that names line and remedy", async (t) => {
  const { entries, problems } = parseHtpasswd(`ann:${apr1}\nbob:${sha1}\n`, "users.htpasswd");
  t.same(
    entries.map(({ name }) => name),
    ["ann", "bob"],
  );
  t.same(problems.map(formatProblem), [
    "users.htpasswd:1: warning: the hash of ann (apr1) is weak; make a bcrypt one: htpasswd -B FILE USER, or kapgate hash-password",
    "users.htpasswd:2: warning: the hash of bob (sha1) is weak; make a bcrypt one: htpasswd -B FILE USER, or kapgate hash-password",
  ]);
});

t.test("a line that cannot be used is an error with its number, and nobody can log in by it", async (t) => {
  const rows: readonly [name: string, line: string, text: RegExp][] = [
    ["no colon", "ann", /no colon/],
    ["no name", `:${bcrypt}`, /name is empty/],
    ["no hash", "ann:", /hash of ann is empty.*htpasswd -B/],
    ["a control character in the name", `a\tnn:${bcrypt}`, /control character/],
    ["NUL in the name", `a\u0000nn:${bcrypt}`, /control character/],
    ["a name in Latin-1", `a\ufffdnn:${bcrypt}`, /UTF-8/],
    ["a name of 256 bytes", `${"a".repeat(256)}:${bcrypt}`, /longer than 255/],
    ["the name of subscription tokens", `~subscriber:${bcrypt}`, /subscription tokens/],
    ["crypt (htpasswd -d)", "ann:mtmVUQUlrjak2", /crypt or plain text.*htpasswd -B/],
    ["plain text (htpasswd -p)", "ann:secret", /crypt or plain text.*htpasswd -B/],
    ["SHA-256 (htpasswd -2)", "ann:$5$Y3geLxsFNhNz0yNr$yceDb7rHOse6JSLXhFiqnuvrafBF8IG3", /\$5\$ hash.*htpasswd -B/],
    ["SHA-512 (htpasswd -5)", "ann:$6$iSvd70rSTaubgweQ$N9YLWdvqtb3IWL8JG6PwwqJSceLHVVzh", /\$6\$ hash.*htpasswd -B/],
    ["a bcrypt hash cut short", `ann:${bcrypt.slice(0, -1)}`, /complete bcrypt/],
  ];
  for (const [name, line, text] of rows) {
    const { entries, problems } = parseHtpasswd(`# first\n${line}\nlast:${bcrypt}\n`, "u");
    t.match(problems, [{ severity: "error", source: "u", line: 2, text }], name);
    t.equal(problems.length, 1, name);
    t.same(entries, [{ name: "last", hash: bcrypt, line: 3 }], `${name}: the other lines are read`);
  }
});

t.test("a name that stands twice in a file is an error, and its first line counts", async (t) => {
  const { entries, problems } = parseHtpasswd(`ann:${bcrypt}\nAnn:${bcrypt}\nann:${stronger}\n`, "u");
  t.same(
    entries.map(({ name, line }) => [name, line]),
    [
      ["ann", 1],
      ["Ann", 2],
    ],
  );
  t.match(problems, [{ severity: "error", line: 3, text: /stands twice: first on line 1/ }]);
});

const entry: UserEntry = {
  name: "ann",
  hash: stronger,
  role: "editor",
  instances: ["one"],
  databases: ["telegraf"],
  source: "kapgate.toml",
  line: 7,
  key: "user[0]",
};

t.test("users become frozen principals with the secret that they are verified against", async (t) => {
  const { users, problems } = compileUsers([entry, { ...entry, name: "bob", hash: undefined }]);
  t.same(problems, []);
  t.same(users.users.get("ann"), {
    principal: { name: "ann", role: "editor", instances: ["one"], databases: ["telegraf"] },
    secret: { hash: stronger, costClass: "bcrypt 10", longestPassword: 72 },
  });
  t.equal(users.users.get("bob")?.secret, undefined, "a user with a certificate alone has no password");
  const principal = users.users.get("ann")?.principal;
  t.ok(Object.isFrozen(principal) && Object.isFrozen(principal?.instances) && Object.isFrozen(principal?.databases));
});

t.test("every class of hashes in use has one decoy", async (t) => {
  const hashes = [bcrypt, stronger, `$2a$05${bcrypt.slice(6)}`, apr1, sha1];
  const { users } = compileUsers(hashes.map((hash, index) => ({ ...entry, name: `user ${index}`, hash })));
  t.same(
    users.decoys.map(({ costClass }) => costClass),
    ["bcrypt 5", "bcrypt 10", "apr1", "sha1"],
  );
  t.equal(users.decoys.filter(({ hash }) => hashes.includes(hash)).length, 0, "no decoy is somebody's hash");
  t.same(compileUsers([]).users.decoys, []);
});

t.test("an entry that is in doubt is an error with its place, and cannot log in", async (t) => {
  const rows: readonly [name: string, change: Partial<UserEntry>, text: RegExp][] = [
    ["no name", { name: "" }, /name is empty/],
    ["a colon", { name: "a:b" }, /colon/],
    ["NUL", { name: "a\u0000" }, /control character/],
    ["the name of subscription tokens", { name: "~subscriber" }, /subscription tokens/],
    ["plain text for a hash", { hash: "secret" }, /hash of ann is none.*hash-password.*\$\$/],
    ["plain text in an htpasswd file", { hash: "secret", given: "htpasswd" }, /hash of ann is none/],
    ["a mangled hash", { hash: "$2b$10$" }, /complete bcrypt.*compose.*\$\$/],
    ["a mangled hash for a password", { hash: "b0.YP967yFrpQZR", given: "password" }, /password of ann.*\$\$/],
    ["an empty password", { hash: "", given: "password" }, /password of ann is empty/],
    ["a user name without a password", { hash: undefined, given: "password" }, /ann has no password/],
  ];
  for (const [name, change, text] of rows) {
    const { users, problems } = compileUsers([{ ...entry, ...change }]);
    t.match(problems, [{ severity: "error", source: "kapgate.toml", line: 7, key: "user[0]", text }], name);
    t.equal(problems.length, 1, name);
    t.equal(users.users.size, 0, name);
    t.notMatch(problems[0]?.text, change.hash || "nothing", `${name}: the secret is not repeated`);
  }
});

t.test("a weak secret warns once, with a remedy", async (t) => {
  const rows: readonly [change: Partial<UserEntry>, texts: readonly string[]][] = [
    [
      { hash: "secret", given: "password" },
      ["the password of ann is plain text; kapgate hash-password makes a better one"],
    ],
    [
      { hash: sha1, given: "password" },
      ["the password of ann is a weak hash (sha1); kapgate hash-password makes a better one"],
    ],
    [{ hash: apr1 }, ["the hash of ann is a weak hash (apr1); kapgate hash-password makes a better one"]],
    [{ hash: apr1, given: "htpasswd" }, []],
    [{ hash: bcrypt, given: "password" }, []],
  ];
  for (const [change, texts] of rows) {
    const { users, problems } = compileUsers([{ ...entry, ...change }]);
    t.same(
      problems.map(({ severity, text }) => [severity, text]),
      texts.map((text) => ["warning", text]),
    );
    t.equal(users.users.get("ann")?.secret?.hash, change.hash);
  }
});

t.test("the same user twice is an error that names the first place, and the first one counts", async (t) => {
  const { users, problems } = compileUsers([
    { ...entry, role: "viewer" },
    { ...entry, role: "admin", source: "users.htpasswd", line: 2 },
    { name: "ann", hash: bcrypt, role: "admin", instances: [], databases: [] },
  ]);
  t.same(problems, [
    {
      severity: "error",
      source: "users.htpasswd",
      line: 2,
      key: "user[0]",
      text: "the user name ann stands twice: first at kapgate.toml:7:user[0]",
    },
    { severity: "error", text: "the user name ann stands twice: first at kapgate.toml:7:user[0]" },
  ]);
  t.equal(users.users.get("ann")?.principal.role, "viewer");
});
