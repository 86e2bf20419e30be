import t from "tap";
import { framingProblem, parseHost, requestHeaders, responseHeaders } from "../../src/core/headers.ts";

const context = {
  upstreamHost: "127.0.0.1:9092",
  remoteAddress: "10.0.0.9",
  forwardedFor: undefined,
  scheme: "https",
  host: "gate.test:9443",
  authorization: undefined,
  bodyLength: undefined,
} as const;

t.test("the upstream sees neither credentials nor connection fields nor forwarding claims", async (t) => {
  const sent = requestHeaders(
    [
      ["Host", "gate.test:9443"],
      ["Authorization", "Basic c2VjcmV0"],
      ["Proxy-Authorization", "Basic c2VjcmV0"],
      ["Connection", "close, X-Drop, Accept"],
      ["X-Drop", "1"],
      ["X_Drop", "1"],
      ["Accept", "named by Connection"],
      ["Keep-Alive", "timeout=5"],
      ["TE", "trailers"],
      ["Trailer", "x"],
      ["Transfer-Encoding", "chunked"],
      ["Upgrade", "h2c"],
      ["Expect", "100-continue"],
      ["X-Forwarded-For", "1.2.3.4"],
      ["X_Forwarded_For", "1.2.3.4"],
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-User", "root"],
      ["Forwarded", "for=1.2.3.4"],
      ["X-Real-IP", "1.2.3.4"],
      ["Via", "1.1 x"],
      ["Proxy", "http://evil"],
      ["Request-Id", "mine"],
      ["User-Agent", "KapacitorClient"],
      ["Accept-Encoding", "gzip"],
      ["Cookie", "a=1"],
      ["Cookie", "b=2"],
      ["Content-Length", "5"],
      ["Content-Type", ""],
    ].flat(),
    context,
  );
  t.same(
    { ...sent },
    {
      "user-agent": "KapacitorClient",
      "accept-encoding": "gzip",
      cookie: ["a=1", "b=2"],
      "content-type": "",
      "content-length": "5",
      host: "127.0.0.1:9092",
      "x-forwarded-for": "10.0.0.9",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "gate.test:9443",
    },
  );
});

t.test(
  "a length that Connection names is not lost, a judged body has its own length, configured credentials are set",
  async (t) => {
    const raw = ["Connection", "content-length", "Content-Length", "5"];
    t.equal(requestHeaders(raw, context)["content-length"], "5");
    const judged = requestHeaders(raw, {
      ...context,
      bodyLength: 7,
      authorization: "Basic eDp5",
      forwardedFor: "1.1.1.1, 2.2.2.2",
    });
    t.match(judged, {
      "content-length": "7",
      authorization: "Basic eDp5",
      "x-forwarded-for": "1.1.1.1, 2.2.2.2, 10.0.0.9",
    });
  },
);

t.test("what Kapacitor answers passes, connection fields do not", async (t) => {
  const raw = [
    "Content-Type",
    "a",
    "X-Kapacitor-Version",
    "1",
    "Connection",
    "close, X-Hop",
    "X-Hop",
    "1",
    "Keep-Alive",
    "timeout=3",
    "Transfer-Encoding",
    "chunked",
    "Trailer",
    "t",
    "Set-Cookie",
    "a",
    "Set-Cookie",
    "b",
  ];
  t.same(responseHeaders(raw), ["Content-Type", "a", "X-Kapacitor-Version", "1", "Set-Cookie", "a", "Set-Cookie", "b"]);
});

t.test("framings with two readings are named", async (t) => {
  const rows: [method: string, version: string, raw: string[], problem: RegExp | undefined][] = [
    ["POST", "1.1", ["Host", "a", "Transfer-Encoding", "chunked"], undefined],
    ["DELETE", "1.1", ["Host", "a", "Content-Length", "5"], undefined],
    ["GET", "1.0", [], undefined],
    ["GET", "0.9", [], /0\.9/],
    ["GET", "2.0", [], /2\.0/],
    ["POST", "1.0", ["Transfer-Encoding", "chunked"], /HTTP\/1\.0/],
    ["POST", "1.1", ["Transfer-Encoding", "gzip, chunked"], /only transfer coding/],
    ["POST", "1.1", ["Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"], /twice/],
    ["DELETE", "1.1", ["Transfer-Encoding", "chunked"], /chunked body on DELETE/],
    ["OPTIONS", "1.1", ["transfer-encoding", "chunked"], /chunked body on OPTIONS/],
    ["GET", "1.1", ["Transfer-Encoding", "chunked"], /chunked body on GET/],
    ["GET", "1.1", ["Host", "a", "host", "b"], /host is sent twice/],
    ["GET", "1.1", ["Authorization", "a", "AUTHORIZATION", "b"], /authorization is sent twice/],
    ["POST", "1.1", ["Content-Encoding", "gzip", "Content-Encoding", "gzip"], /twice/],
    ["POST", "1.1", ["Expect", "200-ok"], /expectation/],
    ["POST", "1.1", ["Expect", "100-Continue"], undefined],
    ["GET", "1.1", ["Host", "a/b"], /plain host/],
    ["GET", "1.1", ["Host", "user@a"], /plain host/],
    ["GET", "1.1", ["Host", "a b"], /plain host/],
  ];
  for (const [method, version, raw, problem] of rows) {
    const got = framingProblem(method, version, raw);
    if (problem === undefined) t.equal(got, undefined, `${method} ${version} ${raw}`);
    else t.match(got, problem, `${method} ${version} ${raw}`);
  }
});

t.test("host names compare without port, case and trailing dot", async (t) => {
  const rows: [string, string | undefined][] = [
    ["Gate.Test:9443", "gate.test"],
    ["gate.test.", "gate.test"],
    ["gate.test.:9443", "gate.test"],
    ["127.0.0.1", "127.0.0.1"],
    ["[::1]:9443", "::1"],
    ["", ""],
    ["a:b", undefined],
    ["a,b", undefined],
    ["[::1", undefined],
    ["-a", undefined],
  ];
  for (const [value, expected] of rows) t.equal(parseHost(value), expected, value);
});
