import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import t, { type Test } from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { openTls } from "../support/raw.ts";

/** Collects what comes until the peer closes. */
async function untilClosed(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  // A reset behind the answer is a way to close.
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

/** Sends the bytes one by one for as long as the connection is there. */
function drip(t: Test, socket: Socket, bytes: string, everyMs: number): void {
  let next = 0;
  const timer = setInterval(() => {
    if (next < bytes.length && socket.writable) socket.write(bytes[next++] ?? "");
  }, everyMs);
  socket.once("close", () => clearInterval(timer));
  t.teardown(() => clearInterval(timer));
}

const auth = `Host: x\r\nAuthorization: ${basic(admin)}\r\n`;
const standin = await startStandin();
const config = `${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n[alerts]\ndisable-handlers = ["exec"]\n`;
t.teardown(() => standin.close());
/** One short limit at a time: on a busy machine another one would be met first. */
async function limited(t: Test, http: string): Promise<TestGateway> {
  const gateway = await startTestGateway(config, { http });
  t.teardown(() => gateway.close());
  return gateway;
}
const gateway = await limited(t, 'header-timeout = "1s"\nidle-timeout = "300ms"\n');
const { port, ca } = gateway;

t.test("headers that take their time are answered with 408, however they trickle", async (t) => {
  const slow = await openTls(port, ca);
  drip(t, slow, `GET /kapacitor/v1/ping HTTP/1.1\r\n${auth}X-Long: ${"a".repeat(100_000)}`, 20);
  const text = await untilClosed(slow);
  t.match(text, /^HTTP\/1\.1 408 [\s\S]*Connection: close\r\n[\s\S]*"code":"request_timeout"/);
  t.match(
    gateway.records.findLast(({ reason }) => reason === "request_timeout"),
    { status: 408, class: "unknown" },
  );
});

t.test("the second request of a connection has no more time than the first", async (t) => {
  const socket = await openTls(port, ca);
  socket.write(`GET /kapacitor/v1/ping HTTP/1.1\r\n${auth}\r\n`);
  await once(socket, "data");
  socket.write("GET /kapacitor/v1/ping HTTP/1.1\r\nX-Slow: ");
  t.match(await untilClosed(socket), /^HTTP\/1\.1 408 /);
});

t.test("a connection that was opened ahead of need and says nothing is closed without a word", async (t) => {
  const before = gateway.records.filter(({ reason }) => reason === "request_timeout").length;
  t.equal(await untilClosed(await openTls(port, ca)), "");
  t.equal(gateway.records.filter(({ reason }) => reason === "request_timeout").length, before, "and without a record");
});

t.test("an idle connection is closed", async (t) => {
  const socket = await openTls(port, ca);
  socket.write(`GET /kapacitor/v1/ping HTTP/1.1\r\n${auth}\r\n`);
  t.match(await untilClosed(socket), /^HTTP\/1\.1 204 /);
});

t.test("who is told to go and keeps his end open is cut", async (t) => {
  const raw = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const socket = connectTls({ socket: raw, ca, servername: "localhost" });
  t.teardown(() => raw.destroy());
  raw.on("error", () => {});
  socket.once("secureConnect", () => socket.write("no request\r\n\r\n"));
  socket.on("error", () => {});
  const [answer] = await once(socket, "data");
  t.match(String(answer), /^HTTP\/1\.1 400 /);
  // Bytes that come for a socket that is closed are answered with a reset, those for one that is half open are not.
  const timer = setInterval(() => raw.write("x"), 50);
  t.teardown(() => clearInterval(timer));
  await new Promise((resolve) => raw.once("close", resolve));
});

t.test("a handshake that is not finished is closed, however it trickles, and logged with the fix", async (t) => {
  const impatient = await limited(t, 'handshake-timeout = "300ms"\nheader-timeout = "100ms"\n');
  const silent = connect(impatient.port, "127.0.0.1");
  const trickling = connect(impatient.port, "127.0.0.1");
  // The head of a TLS record that is longer than what ever comes.
  drip(t, trickling, `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${"r".repeat(400)}`, 20);
  await Promise.all([untilClosed(silent), untilClosed(trickling)]);
  t.match(
    impatient.records.find(({ reason }) => reason === "handshake_timeout"),
    { msg: /handshake-timeout/, remote_address: "127.0.0.1" },
  );
  t.notOk(
    impatient.records.some(({ cause }) => /HANDSHAKE/.test(String(cause))),
    "once, and not as a request",
  );
});

t.test("a body that stops is answered with 408 on every lane, and Kapacitor has nothing of it", async (t) => {
  const rows: readonly (readonly [what: string, head: string])[] = [
    ["a write", "POST /write?db=d HTTP/1.1\r\nContent-Length: 100"],
    ["a large write, which passes through", "POST /write?db=d HTTP/1.1\r\nContent-Length: 300000"],
    ["a write in chunks", "POST /write?db=d HTTP/1.1\r\nTransfer-Encoding: chunked"],
    ["a definition", "POST /kapacitor/v1/tasks HTTP/1.1\r\nContent-Length: 100"],
    ["another request with a body", "POST /kapacitor/v1/recordings/stream HTTP/1.1\r\nContent-Length: 100"],
  ];
  const { port } = await limited(t, 'body-timeout = "300ms"\n');
  const points = standin.points.length;
  await Promise.all(
    rows.map(async ([what, head]) => {
      const socket = await openTls(port, ca);
      socket.write(`${head}\r\n${auth}\r\n${head.includes("chunked") ? "6\r\nm v=1\n\r\n" : "m v=1\n"}`);
      t.match(await untilClosed(socket), /^HTTP\/1\.1 408 [\s\S]*request_timeout/, what);
    }),
  );
  t.equal(standin.points.length, points);
  t.strictSame(
    standin.requests
      .filter(({ complete }) => complete)
      .map(({ method }) => method)
      .filter((m) => m === "POST"),
    [],
  );
});

t.test("a body that trickles within body-timeout arrives", async (t) => {
  const { port } = await limited(t, 'body-timeout = "1s"\n');
  const socket = await openTls(port, ca);
  const body = "m v=1 1\n";
  socket.write(`POST /write?db=d HTTP/1.1\r\n${auth}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  drip(t, socket, body, 150);
  t.match(await untilClosed(socket), /^HTTP\/1\.1 204 /, "it takes longer than body-timeout as a whole");
});

t.test("a limit changes with a reload, for a head that is on its way as well", async (t) => {
  const changing = await startTestGateway(config, { http: 'header-timeout = "60s"' });
  t.teardown(() => changing.close());
  const early = await openTls(changing.port, ca);
  early.write("GET /kapacitor/v1/ping HTTP/1.1\r\nX-Slow: ");
  await changing.reload(config, { http: 'header-timeout = "300ms"' });
  t.match(await untilClosed(early), /^HTTP\/1\.1 408 /);
});
