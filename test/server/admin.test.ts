import { createServer } from "node:http";
import { connect } from "node:net";
import t from "tap";
import { request } from "undici";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, portOf, startTestGateway, type TestGateway } from "../support/gateway.ts";

function adminUrl(gateway: TestGateway, path: string): string {
  return `http://127.0.0.1:${gateway.gateway.adminAddress?.port}${path}`;
}

async function ask(
  gateway: TestGateway,
  path: string,
  method: "GET" | "HEAD" | "POST" | "DELETE" = "GET",
  host?: string,
) {
  const headers = host === undefined ? {} : { host };
  const answer = await request(adminUrl(gateway, path), { method, headers, reset: true });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
}

/** Sends bytes to the admin listener and resolves with everything that comes back until it closes. */
function sendRaw(gateway: TestGateway, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(gateway.gateway.adminAddress?.port ?? 0, "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      answer += text;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

t.test("health and readiness are told, by GET and HEAD alone, whatever Host says", async (t) => {
  const standin = await startStandin({});
  const gateway = await startTestGateway(`${adminUser}[[kapacitor]]\nname = "one"\nurl = "${standin.url}"\n`);
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
  });
  t.match(await ask(gateway, "/-/healthy"), { status: 200, body: "ok\n", headers: { "cache-control": "no-store" } });
  t.match(await ask(gateway, "/-/ready"), { status: 200, body: "ready\n" });
  t.match(await ask(gateway, "/-/ready?instance=one"), { status: 200, body: "ready\n" });
  t.match(await ask(gateway, "/-/ready?instance=two"), { status: 404 });
  t.match(await ask(gateway, "/-/ready?instance=one&instance=two"), { status: 400 });
  t.match(await ask(gateway, "/-/healthy", "HEAD"), { status: 200, body: "", headers: { "content-length": "3" } });
  t.match(await ask(gateway, "/-/healthy", "GET", "elsewhere.test"), { status: 200 });
  for (const method of ["POST", "DELETE"] as const)
    t.match(await ask(gateway, "/-/healthy", method), { status: 405, headers: { allow: "GET, HEAD" } });
  for (const path of ["/", "/-/", "/metrics/", "//metrics", "/kapacitor/v1/ping", "/write"])
    t.match(await ask(gateway, path), { status: 404 }, path);
  const absolute = await sendRaw(
    gateway,
    "GET http://elsewhere.test/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  );
  t.match(absolute, /^HTTP\/1\.1 404 /, "no proxy");
});

t.test(
  "a Kapacitor that is gone, or only a failing proxy before it, fails the readiness of its instance alone",
  async (t) => {
    const failing = createServer((_request, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => failing.listen(0, "127.0.0.1", resolve));
    const standin = await startStandin({});
    await standin.close();
    const gateway = await startTestGateway(
      `${adminUser}[[kapacitor]]\nname = "gone"\nurl = "${standin.url}"\n[[kapacitor]]\nname = "failing"\nurl = "http://127.0.0.1:${portOf(failing.address())}"\nhosts = ["two.test"]\n`,
    );
    t.teardown(async () => {
      await gateway.close();
      failing.close();
    });
    for (const name of ["gone", "failing"])
      t.match(
        await ask(gateway, `/-/ready?instance=${name}`),
        { status: 503, body: "Kapacitor does not answer\n" },
        name,
      );
    t.match(await ask(gateway, "/-/ready"), { status: 200 });
    const { body } = await ask(gateway, "/metrics");
    t.match(body, 'kapgate_upstream_up{instance="gone"} 0');
    t.match(body, 'kapgate_upstream_up{instance="failing"} 0');
  },
);

t.test("allow-cidrs goes by the address of the socket, on every path, and follows a reload", async (t) => {
  const gateway = await startTestGateway(adminUser, { admin: 'allow-cidrs = ["192.0.2.0/24"]' });
  t.teardown(() => gateway.close());
  for (const path of ["/metrics", "/-/healthy", "/-/ready", "/-/status", "/none"]) {
    const answer = await request(adminUrl(gateway, path), {
      headers: { "x-forwarded-for": "192.0.2.1", forwarded: "for=192.0.2.1" },
      reset: true,
    });
    t.equal(answer.statusCode, 403, path);
    t.match(await answer.body.text(), "allow-cidrs");
  }
  await gateway.reload(adminUser, { admin: 'allow-cidrs = ["127.0.0.0/8"]' });
  t.match(await ask(gateway, "/-/healthy"), { status: 200 });
});

/** Found by an attack: 256 connections of anybody filled the listener, and the probes of an orchestrator failed, which restarts the gateway. */
t.test("addresses that are not allowed cannot take all the places", async (t) => {
  const gateway = await startTestGateway(adminUser, { admin: 'allow-cidrs = ["192.0.2.0/24"]' });
  const port = gateway.gateway.adminAddress?.port ?? 0;
  const sockets = Array.from({ length: 300 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await gateway.close();
  });
  let closed = 0;
  await new Promise<void>((resolve) => {
    for (const socket of sockets)
      socket.resume().once("close", () => {
        closed += 1;
        if (closed === 300 - 16) resolve();
      });
  });
  await gateway.reload(adminUser, { admin: 'allow-cidrs = ["127.0.0.0/8"]' });
  t.match(await ask(gateway, "/-/healthy"), { status: 200 });
});

t.test("what no client of it sends costs the connection and nothing else", async (t) => {
  const gateway = await startTestGateway(adminUser);
  t.teardown(() => gateway.close());
  const end = "Host: x\r\nConnection: close\r\n\r\n";
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["no HTTP", "\x16\x03\x01\x02\0\x01", /^(?:HTTP\/1\.1 400 |$)/],
    ["a long head", `GET /metrics HTTP/1.1\r\nX: ${"x".repeat(9000)}\r\n${end}`, /^HTTP\/1\.1 431 /],
    ["no host", "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["a tunnel", `CONNECT 127.0.0.1:9092 HTTP/1.1\r\n${end}`, /^$/],
    [
      "a body that never ends",
      `GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`,
      /^HTTP\/1\.1 200 /,
    ],
    [
      "an upgrade",
      `GET /-/healthy HTTP/1.1\r\nUpgrade: websocket\r\nConnection: close, Upgrade\r\nHost: x\r\n\r\n`,
      /^HTTP\/1\.1 200 /,
    ],
  ];
  for (const [what, bytes, expected] of cases) t.match(await sendRaw(gateway, bytes), expected, what);
  t.match(await ask(gateway, "/-/healthy"), { status: 200 });
});

t.test("a gateway that is stopping is not ready, but alive", async (t) => {
  const gateway = await startTestGateway(adminUser, { http: 'shutdown-delay = "1s"' });
  const url = adminUrl(gateway, "");
  const stopped = gateway.close();
  const ready = await request(`${url}/-/ready`, { reset: true });
  const healthy = await request(`${url}/-/healthy`, { reset: true });
  t.strictSame([ready.statusCode, await ready.body.text()], [503, "stopping\n"]);
  t.equal(healthy.statusCode, 200);
  await healthy.body.dump();
  await stopped;
});

t.test("without an address there is no admin listener", async (t) => {
  const gateway = await startTestGateway(adminUser, { admin: "", adminAddress: "" });
  t.teardown(() => gateway.close());
  t.equal(gateway.gateway.adminAddress, undefined);
  t.equal((await gateway.request("GET", "/-/healthy", { login: admin })).status, 404, "nor on the other one");
});
