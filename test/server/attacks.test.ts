import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic, startTestGateway } from "../support/gateway.ts";
import { sendRaw } from "../support/raw.ts";

const auth = `Authorization: ${basic(admin)}\r\n`;
const head = (line: string, ...fields: string[]) =>
  `${line} HTTP/1.1\r\nHost: localhost\r\n${auth}${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
const smuggled = "GET /kapacitor/v1/SMUGGLED HTTP/1.1\r\nHost: x\r\n\r\n";
const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

/**
 * Each row is one way in which a proxy and the server behind it have disagreed about where a request ends, which path it is for, or which
 * headers it has. `reaches` lists what may arrive at the upstream; whatever else does is a bypass.
 */
interface Row {
  readonly story: string;
  readonly bytes: string;
  readonly statuses: readonly number[];
  readonly reaches?: readonly string[];
  readonly closes?: boolean;
}

const rows: readonly Row[] = [
  {
    story:
      "http-proxy-3 turned a chunked DELETE into one without a length and still piped the body: a second request nobody judged",
    bytes: head("DELETE /kapacitor/v1/tasks/x", "Transfer-Encoding: chunked") + chunked(smuggled),
    statuses: [400],
    closes: true,
  },
  {
    story: "the same with OPTIONS",
    bytes: head("OPTIONS /kapacitor/v1/tasks/x", "Transfer-Encoding: chunked") + chunked(smuggled),
    statuses: [400],
    closes: true,
  },
  {
    story: "node's client adds no framing to a GET: its chunked body would arrive as raw bytes",
    bytes: head("GET /kapacitor/v1/ping", "Transfer-Encoding: chunked") + chunked(smuggled),
    statuses: [400],
    closes: true,
  },
  {
    story: "a DELETE with a length is one request with a body",
    bytes: head("DELETE /kapacitor/v1/tasks/x", `Content-Length: ${smuggled.length}`) + smuggled,
    statuses: [204],
    reaches: ["DELETE /kapacitor/v1/tasks/x"],
  },
  {
    story: "a GET with a length is one request with a body",
    bytes: head("GET /kapacitor/v1/ping", `Content-Length: ${smuggled.length}`) + smuggled,
    statuses: [204],
    reaches: ["GET /kapacitor/v1/ping"],
  },
  {
    story: "node takes `gzip, chunked`; who reads the outer coding only sees another body",
    bytes: head("POST /write?db=d", "Transfer-Encoding: gzip, chunked") + chunked("m v=1"),
    statuses: [400],
    closes: true,
  },
  {
    story: "length and chunks at once",
    bytes: head("POST /write?db=d", "Content-Length: 4", "Transfer-Encoding: chunked") + chunked(smuggled),
    statuses: [400],
    closes: true,
  },
  {
    story: "two lengths",
    bytes: `${head("POST /write?db=d", "Content-Length: 5", "Content-Length: 6")}m v=1\n`,
    statuses: [400],
    closes: true,
  },
  {
    story: "a signed length",
    bytes: `${head("POST /write?db=d", "Content-Length: +5")}m v=1`,
    statuses: [400],
    closes: true,
  },
  {
    story: "chunked twice",
    bytes: head("POST /write?db=d", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + chunked("m v=1"),
    statuses: [400],
    closes: true,
  },
  {
    story: "xchunked",
    bytes: head("POST /write?db=d", "Transfer-Encoding: xchunked") + chunked("m v=1"),
    statuses: [400],
    closes: true,
  },
  {
    story: "a space before the colon",
    bytes: head("POST /write?db=d", "Transfer-Encoding : chunked") + chunked("m v=1"),
    statuses: [400],
    closes: true,
  },
  {
    story: "a folded header",
    bytes: head("GET /kapacitor/v1/ping", "X-A: 1\r\n Transfer-Encoding: chunked"),
    statuses: [400],
    closes: true,
  },
  {
    story: "a bad chunk size after a good chunk: the broken body never arrives as a whole one",
    bytes: `${head("POST /kapacitor/v1/tasks", "Transfer-Encoding: chunked")}2\r\n{}\r\nzz\r\n`,
    statuses: [400],
    closes: true,
  },
  {
    story: "bare LF line ends",
    bytes: `GET /kapacitor/v1/ping HTTP/1.1\nHost: x\n${auth}\n`,
    statuses: [400],
    closes: true,
  },
  { story: "HTTP/0.9", bytes: "GET /kapacitor/v1/ping\r\n\r\n", statuses: [400], closes: true },
  {
    story: "HTTP/1.0 with chunks",
    bytes: `POST /write?db=d HTTP/1.0\r\n${auth}Transfer-Encoding: chunked\r\n\r\n${chunked("m v=1")}`,
    statuses: [400],
    closes: true,
  },
  { story: "two Host headers", bytes: head("GET /kapacitor/v1/ping", "Host: other"), statuses: [400] },
  { story: "no Host header", bytes: `GET /kapacitor/v1/ping HTTP/1.1\r\n${auth}\r\n`, statuses: [400], closes: true },
  {
    story: "two Authorization headers",
    bytes: head("GET /kapacitor/v1/ping", "Authorization: Basic eDp5"),
    statuses: [400],
  },
  { story: "a NUL in a header", bytes: head("GET /kapacitor/v1/ping", "X-A: a\0b"), statuses: [400], closes: true },
  {
    story: "the absolute form, whose host decides with some servers",
    bytes: head("GET http://evil/kapacitor/v1/ping"),
    statuses: [400],
  },
  {
    story: "dot segments that the library resolved after the check",
    bytes: head("GET /kapacitor/v1/write/%2e%2e/ping"),
    statuses: [400],
  },
  {
    story: "a backslash that the library turned into a slash",
    bytes: head("GET /kapacitor\\v1\\ping"),
    statuses: [400],
  },
  { story: "OPTIONS *", bytes: head("OPTIONS *"), statuses: [400] },
  {
    story: "Kapacitor routes the decoded path, so it is judged decoded and sent as it came",
    bytes: head("GET /kapacitor/v1/p%69ng"),
    statuses: [204],
    reaches: ["GET /kapacitor/v1/p%69ng"],
  },
  {
    story: "an Upgrade to h2c is not honoured and not passed on",
    bytes: head(
      "GET /kapacitor/v1/ping",
      "Connection: Upgrade, HTTP2-Settings",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
    ),
    statuses: [204],
    reaches: ["GET /kapacitor/v1/ping"],
  },
  {
    story: "two requests in one packet are two requests, each judged",
    bytes: head("GET /kapacitor/v1/ping") + head("GET /nowhere"),
    statuses: [204, 404],
    reaches: ["GET /kapacitor/v1/ping"],
  },
  {
    story: "a refused body is not read as the next request",
    bytes: `POST /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}${head("GET /kapacitor/v1/ping")}`,
    statuses: [401, 204],
    reaches: ["GET /kapacitor/v1/ping"],
  },
  {
    story:
      "with Expect the client sends its body only after 100 Continue; a refusal comes without it and ends the connection",
    bytes: `POST /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${smuggled.length}\r\n\r\n`,
    statuses: [401],
  },
  {
    story:
      "Expect switched off the hook in which headers were to be stripped; the upstream must see neither it nor the credentials",
    bytes: `${head("POST /write?db=d", "Expect: 100-CONTINUE", "Content-Length: 6")}m v=1\n`,
    statuses: [100, 204],
    reaches: ["POST /write?db=d"],
  },
  {
    story: "CONNECT makes no tunnel",
    bytes: `CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n${auth}\r\n`,
    statuses: [],
    closes: true,
  },
  { story: "TRACE does not show headers", bytes: head("TRACE /kapacitor/v1/ping"), statuses: [405] },
  { story: "an unknown method", bytes: head("PROPFIND /kapacitor/v1/tasks/x"), statuses: [405] },
  {
    story: "a header section larger than the limit",
    bytes: head("GET /kapacitor/v1/ping", `X-A: ${"a".repeat(70_000)}`),
    statuses: [431],
    closes: true,
  },
];

t.test("nothing reaches Kapacitor that was not judged", async (t) => {
  const standin = await startStandin();
  const gateway = await startTestGateway(`${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`);
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
  });
  for (const row of rows) {
    const before = standin.requests.length;
    const answer = await sendRaw(gateway.port, gateway.ca, row.bytes, { answers: row.statuses.length });
    const arrived = standin.requests.slice(before);
    t.same(answer.statuses, row.statuses, `${row.story}: answers`);
    t.same(
      arrived.map((request) => `${request.method} ${request.target}`),
      row.reaches ?? [],
      `${row.story}: what arrived`,
    );
    if (row.closes === true) t.equal(answer.closed, true, `${row.story}: closes`);
    for (const request of arrived) {
      const names = request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
      // The write lane asks for itself, in its own letters.
      const expects = request.rawHeaders.filter((_, index, all) => all[index - 1]?.toLowerCase() === "expect");
      t.same(expects, row.bytes.startsWith("POST /write") ? ["100-continue"] : [], `${row.story}: expectations`);
      for (const name of ["authorization", "upgrade", "te", "http2-settings", "proxy-authorization"]) {
        t.notOk(names.includes(name), `${row.story}: ${name} did not pass`);
      }
      t.equal(request.complete, true, `${row.story}: arrived whole`);
    }
  }
});
