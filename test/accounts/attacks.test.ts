import t, { type Test } from "tap";
import { type Standin, startStandin } from "../../src/standin/server.ts";
import { basic, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { sendRaw } from "../support/raw.ts";
import { password, reasonOf, userToml } from "./clients.ts";

async function start(
  t: Test,
  users: string,
  instance = "",
  http = "",
): Promise<{ gateway: TestGateway; standin: Standin }> {
  const standin = await startStandin();
  const gateway = await startTestGateway(`${users}[[kapacitor]]\nurl = "${standin.url}"\n${instance}`, { http });
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
  });
  return { gateway, standin };
}

t.test("a name is who it is byte by byte", async (t) => {
  const { gateway, standin } = await start(t, userToml("admin", "admin") + userToml("jürgen", "viewer"));
  const ok = async (header: string) =>
    (await gateway.request("GET", "/kapacitor/v1/ping", { headers: { authorization: header } })).status;
  t.equal(await ok(basic(`admin:${password}`)), 204);
  t.equal(await ok(basic(`jürgen:${password}`)), 204);
  const names = [
    ...["Admin", "ADMIN", " admin", "admin ", "admin\t", "admin\0", "\0admin", "admin\n", "admin\r", "adm\u00adin"],
    // Cyrillic, full width, a ligature of combining marks, zero width, right to left, dotless, long s.
    ...["аdmin", "ａｄｍｉｎ", "admi\u0301n", "admin\u200b", "\u202eadmin", "admın", "\ufeffadmin", "admin\u00a0"],
    ...["ju\u0308rgen", "J\u00fcrgen", "j\u00fcrgen\u0000", "jurgen", "j\ufffdrgen"],
    ...["", "*", "~subscriber", "anonymous", "root", "admin\u007f", "admin\u2028", "../admin", "admin%00"],
  ];
  for (const name of names) t.equal(await ok(basic(`${name}:${password}`)), 401, encodeURIComponent(name));
  const encoded = (text: string) => Buffer.from(text, "latin1").toString("base64");
  const headers: readonly string[] = [
    basic(`admin`),
    basic(`:${password}`),
    basic(`admin::${password}`),
    basic(`admin:${password}:`),
    basic(`admin:x:${password}`),
    `Basic ${encoded(`j\xfcrgen:${password}`)}`,
    `Basic  ${encoded(`admin:${password}`)}`,
    `Basic ${encoded(`admin:${password}`)},`,
    `Basic ${encoded(`admin:${password}`)} x`,
    `Bearer ${encoded(`admin:${password}`)}`,
    `Digest username="admin"`,
    encoded(`admin:${password}`),
    "Basic",
    "",
  ];
  for (const header of headers) t.equal(await ok(header), 401, JSON.stringify(header));
  t.equal(standin.requests.length, 2, "nothing of that arrived");
  t.match(
    gateway.records.filter(({ status }) => status === 401).map(({ principal }) => principal ?? null),
    names.map(() => null),
  );
});

t.test("a user whose name holds what ends a name cannot be configured", async (t) => {
  for (const name of ["a:b", "~subscriber", "~x", "a\\u0000b", "a\\nb", "a\\u2028b"])
    await t.rejects(startTestGateway(userToml(name, "admin")), name);
});

t.test("the database that is judged is the database that is written", async (t) => {
  const { gateway, standin } = await start(
    t,
    userToml("team", "writer", 'databases = ["mine", "with space", "a&b"]\n'),
  );
  const rows: readonly [query: string, outcome: string][] = [
    ["db=mine", "204"],
    ["db=with+space", "204"],
    ["db=with%20space", "204"],
    ["db=a%26b", "204"],
    ["%64b=mine", "204"],
    ["db=mine&rp=x&precision=s", "204"],
    ["db=other", "403 role_denied"],
    ["db=MINE", "403 role_denied"],
    ["db=mine%20", "403 role_denied"],
    ["db=mine%00", "403 role_denied"],
    ["db=mine,other", "403 role_denied"],
    ["db=", "403 role_denied"],
    ["", "403 role_denied"],
    ["DB=mine", "403 role_denied"],
    ["db[]=mine", "403 role_denied"],
    ["db=mine&db=other", "400 bad_target"],
    ["db=other&db=mine", "400 bad_target"],
    ["db=mine&db=mine", "400 bad_target"],
    ["db=mine&%64b=other", "400 bad_target"],
    ["%64%62=mine&db=other", "400 bad_target"],
    ["db=mine&d%62", "400 bad_target"],
    ["db=mine;db=other", "400 bad_target"],
    ["db=mine%3Bdb=other", "403 role_denied"],
    ["db=mine&x=1;db=other", "400 bad_target"],
    ["db=mine&db%=other", "400 bad_target"],
    ["db=mine&x=%zz", "400 bad_target"],
    ["db=%ff", "400 bad_target"],
    ["db=mine&rp=a&rp=b", "400 bad_target"],
    ["db=mine&u=team&u=x", "400 bad_target"],
    ["db=mine&%70=a&p=b", "400 bad_target"],
  ];
  for (const [query, outcome] of rows) {
    for (const path of ["/write", "/kapacitor/v1/write", "/kapacitor/v1preview/write"]) {
      const before = standin.points.length;
      const { status, body } = await gateway.request("POST", `${path}?${query}`, {
        login: `team:${password}`,
        body: "m v=1 1\n",
      });
      t.equal(`${status} ${reasonOf(body)}`.trim(), outcome, `${path}?${query}`);
      t.equal(standin.points.length - before, outcome === "204" ? 1 : 0);
    }
  }
  t.strictSame(new Set(standin.points.map(({ db }) => db)), new Set(["mine", "with space", "a&b"]));
});

t.test("Kapacitor is told who it is, by the gateway alone", async (t) => {
  const users = userToml("ann", "admin") + userToml("jürgen 50%", "admin");
  const { gateway, standin } = await start(
    t,
    users,
    'principal-header = "X-Kapgate-User"\nusername = "gateway"\npassword = "its own"\n',
  );
  const fields = (): readonly [name: string, value: string][] => {
    const raw = standin.requests.at(-1)?.rawHeaders ?? [];
    return raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ""]] : [])) as [];
  };
  const spellings = ["X-Kapgate-User", "x-kapgate-user", "X_Kapgate_User", "X-KAPGATE_USER", "x_kapgate-user"];
  for (const [user, shown] of [
    ["ann", "ann"],
    ["jürgen 50%", "j%C3%BCrgen%2050%25"],
  ] as const) {
    const authorization = basic(`${user}:${password}`);
    for (const [method, path] of [
      ["GET", "/kapacitor/v1/tasks"],
      ["POST", "/write?db=db"],
      ["POST", "/kapacitor/v1/loglevel"],
    ] as const) {
      const forged = spellings.map((name) => `${name}: boss\r\n`).join("");
      const body = method === "POST" ? "m v=1 1\n" : "";
      const before = standin.requests.length;
      const connection = method === "GET" ? "close, x-kapgate-user" : "close";
      await sendRaw(
        gateway.port,
        gateway.ca,
        `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n${forged}Connection: ${connection}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      t.equal(standin.requests.length, before + 1);
      const named = fields().filter(([name]) => name.replaceAll("_", "-") === "x-kapgate-user");
      t.strictSame(named, [["x-kapgate-user", shown]], `${user} ${method} ${path}`);
      t.strictSame(
        fields().filter(([name]) => name === "authorization"),
        [["authorization", basic("gateway:its own")]],
        "its own credentials in place of the client's",
      );
      t.notMatch(JSON.stringify(fields()), /boss|correct/);
    }
  }
});

/** Sends 24 writes of three users at a time and returns what reached Kapacitor, which answers slowly. */
async function writeTogether(
  t: Test,
  instance: string,
): Promise<readonly { user: string | undefined; authors: Set<string>; lines: number }[]> {
  const users = ["a", "b", "c"];
  const waiting: (() => void)[] = [];
  const standin = await startStandin({
    intercept: (_, response) => {
      waiting.push(() => response.writeHead(204).end());
      return true;
    },
  });
  const gateway = await startTestGateway(
    `${users.map((name) => userToml(name, "writer")).join("")}[[kapacitor]]\nurl = "${standin.url}"\n${instance}`,
  );
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
  });
  let done = false;
  const all = Promise.all(
    Array.from({ length: 24 }, (_, index) => {
      const user = users[index % 3] ?? "";
      const body = `m,by=${user} v=${index}i 1\n`;
      return gateway.request("POST", "/write?db=db", { login: `${user}:${password}`, body });
    }),
  ).then((answers) => {
    done = true;
    return answers;
  });
  while (!done) {
    for (const answer of waiting.splice(0)) answer();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.ok((await all).every(({ status }) => status === 204));
  return standin.requests.map(({ rawHeaders, body }) => {
    const at = rawHeaders.findIndex((name) => name.toLowerCase() === "x-user");
    const text = body.toString();
    return {
      user: at === -1 ? undefined : rawHeaders[at + 1],
      authors: new Set([...text.matchAll(/by=(\w)/g)].map(([, author = ""]) => author)),
      lines: text.trim().split("\n").length,
    };
  });
}

t.test("writes that leave as one are all of one principal where Kapacitor is told who it is", async (t) => {
  const requests = await writeTogether(t, 'principal-header = "X-User"\n');
  for (const { user, authors } of requests) t.strictSame([...authors], [user], "one author, and it is named");
  t.equal(
    requests.reduce((sum, { lines }) => sum + lines, 0),
    24,
  );
});

t.test("writes of different users leave as one where Kapacitor is not told", async (t) => {
  const requests = await writeTogether(t, "");
  t.ok(
    requests.some(({ authors }) => authors.size > 1),
    "so that many users cost what one costs",
  );
  t.ok(requests.every(({ user }) => user === undefined));
  t.equal(
    requests.reduce((sum, { lines }) => sum + lines, 0),
    24,
  );
});

t.test("credentials in the query are taken where they are allowed, removed, and nowhere else", async (t) => {
  const { gateway, standin } = await start(t, userToml("ann", "admin"), "", 'query-credentials = "writes"\n');
  const login = `u=ann&p=${encodeURIComponent(password)}`;
  const one = async (method: string, path: string, authorization?: string) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const body = method === "POST" ? { body: "m v=1 1\n" } : {};
    const answer = await gateway.request(method, path, { headers, ...body });
    return `${answer.status} ${reasonOf(answer.body)}`.trim();
  };
  t.equal(await one("POST", `/write?db=db&${login}`), "204");
  t.equal(await one("POST", `/write?%75=ann&db=db&%70=correct+horse`), "204");
  t.equal(
    await one("POST", `/write?db=db&${login}`, basic("ann:wrong")),
    "401 credentials_invalid",
    "the header decides alone",
  );
  t.equal(await one("POST", `/write?db=db&${login}`, "Bearer x"), "401 credentials_invalid");
  t.equal(await one("POST", `/write?db=db&u=ann`), "401 credentials_required");
  t.equal(await one("GET", `/kapacitor/v1/tasks?${login}`), "401 credentials_required");
  t.ok(standin.requests.every(({ target }) => target === "/write?db=db"));
  t.equal(standin.requests.length, 2);
});
