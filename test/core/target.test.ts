import fc from "fast-check";
import t from "tap";
import { readQueryCredentials, readWriteQuery } from "../../src/core/query.ts";
import { parseTarget } from "../../src/core/target.ts";

t.test("targets with one reading", async (t) => {
  const rows: [raw: string, decoded: string, query?: string][] = [
    ["/", "/"],
    ["/kapacitor/v1/ping", "/kapacitor/v1/ping"],
    ["/kapacitor/v1/tasks/", "/kapacitor/v1/tasks/"],
    ["/%6bapacitor/v1/tasks", "/kapacitor/v1/tasks"],
    ["/kapacitor/v1/tasks/my%20task", "/kapacitor/v1/tasks/my task"],
    ["/kapacitor/v1/tasks/%e2%82%ac", "/kapacitor/v1/tasks/€"],
    // Raw UTF-8 bytes, as node shows them: one unit per byte.
    ["/kapacitor/v1/tasks/\xe2\x82\xac", "/kapacitor/v1/tasks/€"],
    ["/kapacitor/v1/alerts/topics/main:cpu:alert2", "/kapacitor/v1/alerts/topics/main:cpu:alert2"],
    ["/kapacitor/v1/tasks/%253f", "/kapacitor/v1/tasks/%3f"],
    ["/kapacitor/v1/tasks/a%3fb?x=1", "/kapacitor/v1/tasks/a?b", "x=1"],
    ["/a..b/.c/d.", "/a..b/.c/d."],
    ["/write?", "/write", ""],
    ["/write?db=a?b", "/write", "db=a?b"],
  ];
  for (const [raw, decodedPath, query] of rows) {
    const result = parseTarget(raw);
    t.match(result, { ok: true, target: { path: raw.split("?", 1)[0], decodedPath, query } }, JSON.stringify(raw));
  }
});

t.test("targets that two readers could read differently are refused", async (t) => {
  const rows = [
    "",
    "*",
    "kapacitor",
    "http://evil/kapacitor/v1/tasks",
    "foo:/kapacitor/v1/tasks",
    "//evil/kapacitor",
    "/kapacitor//v1/tasks",
    "/kapacitor/v1/tasks//",
    "/kapacitor/./v1/tasks",
    "/kapacitor/v1/write/../headers",
    "/kapacitor/v1/write/%2e%2e/headers",
    "/kapacitor/v1/write/.%2E/headers",
    "/kapacitor/v1/%2e",
    "/kapacitor/v1/..",
    "/kapacitor%2fv1/tasks",
    "/kapacitor%2Fv1/tasks",
    "/kapacitor\\v1\\tasks",
    "/kapacitor/v1/tasks/a%5cb",
    "/kapacitor/v1/tasks/%00",
    "/kapacitor/v1/tasks/%0a",
    "/kapacitor/v1/tasks/%7f",
    "/kapacitor/v1/tasks/%c2%85",
    "/kapacitor/v1/tasks/%",
    "/kapacitor/v1/tasks/%6",
    "/kapacitor/v1/tasks/%zz",
    "/kapacitor/v1/tasks/%ff",
    "/kapacitor/v1/tasks/%c0%af",
    "/kapacitor/v1/tasks/%ed%a0%80",
    "/kapacitor/v1/tasks#x",
    "/kapacitor/v1/tasks?a#b",
    "/kapacitor/v1/tasks?a b",
    "/kapacitor/v1/tasks/\u20ac",
  ];
  for (const raw of rows) t.match(parseTarget(raw), { ok: false }, JSON.stringify(raw));
});

t.test("no accepted path holds a second segment reading, whatever it was made of", async () => {
  const piece = fc.constantFrom(
    "/",
    "//",
    ".",
    "..",
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "\\",
    "a",
    "kapacitor",
    "%6b",
    "%",
    "%00",
    ";",
    ":",
    "%c3%a9",
    "\xe9",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const result = parseTarget(`/${pieces.join("")}`);
      if (!result.ok) return true;
      const { decodedPath, path } = result.target;
      const segments = decodedPath.slice(1).split("/");
      const empty = segments.slice(0, -1).includes("");
      return (
        path === `/${pieces.join("")}` &&
        !empty &&
        !segments.includes(".") &&
        !segments.includes("..") &&
        !/[\\\0]/.test(decodedPath)
      );
    }),
    { numRuns: 20_000 },
  );
});

t.test("credentials in the query are found and removed by their decoded name, all other bytes stay", async (t) => {
  const login = { user: "bob", password: "s3 cret" };
  const rows: [query: string | undefined, credentials: typeof login | undefined, rest: string | undefined][] = [
    [undefined, undefined, undefined],
    ["", undefined, ""],
    ["pattern=a%2Fb&fields=x", undefined, "pattern=a%2Fb&fields=x"],
    ["u=bob&p=s3+cret", login, undefined],
    ["a=1&u=bob&b=%20&p=s3%20cret&c", login, "a=1&b=%20&c"],
    ["%75=bob&%70=s3%20cret&x", login, "x"],
    ["u=bob", undefined, undefined],
    ["u=bob&p=", undefined, undefined],
    ["u=bob&p=s3+cret&u=eve", undefined, undefined],
    ["x=1;u=bob;p=s3+cret;y=2", login, "x=1;y=2"],
    ["u=%zz&p=x&y=%zz", undefined, "y=%zz"],
    ["U=bob&P=x", undefined, "U=bob&P=x"],
  ];
  for (const [query, credentials, rest] of rows) {
    t.same(readQueryCredentials(query), { credentials, rest }, String(query));
  }
});

t.test("a write's query has one reading or is refused", async (t) => {
  const ok = { ok: true, query: { db: "d", rp: "autogen", precision: "ns", consistency: "" } };
  t.match(readWriteQuery("consistency=&db=d&precision=ns&rp=autogen"), {
    ...ok,
    query: { ...ok.query, rest: "consistency=&db=d&precision=ns&rp=autogen" },
  });
  t.match(readWriteQuery("db=d&precision=ns&rp=autogen&u=a&p=b"), {
    ok: true,
    query: { credentials: { user: "a", password: "b" }, rest: "db=d&precision=ns&rp=autogen" },
  });
  t.match(readWriteQuery(undefined), { ok: true, query: { db: "", rest: undefined } });
  t.match(readWriteQuery("d%62=x"), { ok: true, query: { db: "x" } });
  t.match(readWriteQuery("u=a&p=b"), { ok: true, query: { rest: undefined } });
  const refused = [
    "db=a&db=b",
    "db=a;db=b",
    "db=a&%64b=b",
    "db=%zz",
    "%zz=1",
    "db=%ff",
    "u=a&u=b",
    "p=a&p=b",
    "rp=a&rp=",
    "precision=s&precision=n",
    "consistency=&consistency=",
    "db=a;",
  ];
  for (const query of refused) t.match(readWriteQuery(query), { ok: false }, query);
});
