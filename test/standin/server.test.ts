import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { type StandinOptions, startStandin } from "../../src/standin/server.ts";

async function start(test: { teardown(end: () => Promise<void>): void }, options: StandinOptions = {}) {
  const standin = await startStandin(options);
  test.teardown(() => standin.close());
  return standin;
}

t.test("what arrives is recorded as it came, with its connection", async (t) => {
  const standin = await start(t);
  await fetch(`${standin.url}/write?db=%64b`, { method: "POST", body: "cpu v=1", headers: { "X-Odd": "é" } });
  t.match(standin.requests, [{ method: "POST", target: "/write?db=%64b", complete: true, connection: 1 }]);
  t.equal(standin.requests[0]?.body.toString(), "cpu v=1");
  t.ok(standin.requests[0]?.rawHeaders.includes("é"));
  t.equal(standin.connections, 1);
});

t.test("only the newest requests and points are kept", async (t) => {
  const standin = await start(t, { requestLimit: 2, pointLimit: 3 });
  for (const value of [1, 2, 3]) {
    await fetch(`${standin.url}/write?db=db`, { method: "POST", body: `a v=${value}i\nb v=${value}i` });
  }
  t.equal(standin.requests.length, 2);
  t.strictSame(
    standin.points.map((point) => point.line),
    ["b v=2i", "a v=3i", "b v=3i"],
  );
});

t.test("a request that breaks off is recorded as incomplete and not answered", async (t) => {
  const standin = await start(t);
  const socket = connect(standin.port, "127.0.0.1");
  socket.write("POST /write?db=db HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ncpu v=1\n");
  while (standin.connections === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  socket.destroy();
  while (standin.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  t.match(standin.requests, [{ complete: false }]);
  t.strictSame(standin.points, []);
});

t.test("an intercept may answer instead", async (t) => {
  const standin = await start(t, {
    intercept: (request, response) => {
      if (!request.target.startsWith("/write")) return false;
      response.writeHead(503).end("no");
      return true;
    },
  });
  const refused = await fetch(`${standin.url}/write?db=db`, { method: "POST", body: "cpu v=1" });
  t.equal(refused.status, 503);
  t.strictSame(standin.points, []);
  t.equal((await fetch(`${standin.url}/kapacitor/v1/ping`)).status, 204);
});

t.test("the log stream has no end, and no header before its first line", async (t) => {
  const standin = await start(t);
  const socket = connect(standin.port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.write("GET /kapacitor/v1preview/logs?task=x HTTP/1.1\r\nHost: x\r\n\r\n");
  while (standin.logStreams === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(socket.read(), null);
  standin.log("lvl=info msg=hello");
  const [data] = (await once(socket, "data")) as [Buffer];
  t.match(data.toString(), /^HTTP\/1\.1 200 OK\r\n/);
  t.match(data.toString(), /Content-Type: application\/logfmt\r\n/);
  t.match(data.toString(), /Transfer-Encoding: chunked\r\n/);
  t.match(data.toString(), /\r\n13\r\nlvl=info msg=hello\n\r\n$/);
});

t.test("close ends every socket at once and frees the port", async (t) => {
  const standin = await startStandin();
  const socket = connect(standin.port, "127.0.0.1");
  socket.write("GET /kapacitor/v1preview/logs HTTP/1.1\r\nHost: x\r\n\r\n");
  while (standin.logStreams === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const closed = once(socket, "close");
  await standin.close();
  await closed;
  await t.rejects(fetch(standin.url));
});
