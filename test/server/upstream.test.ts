import { spawn } from "node:child_process";
import { createServer as createHttpsServer, request as httpsRequest } from "node:https";
import { connect, createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic, portOf, startTestGateway, testCertificate } from "../support/gateway.ts";
import { sendRaw } from "../support/raw.ts";

/** A server on a raw socket that answers every request head with what `respond` says. */
async function rawServer(
  respond: (socket: Socket, request: string, count: number) => void,
): Promise<{ url: string; heads: string[]; close: () => Promise<void> }> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) return;
      if (text.length === end + 4 && /^expect: 100-continue/im.test(text))
        socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      heads.push(text);
      const request = text;
      text = "";
      respond(socket, request, heads.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    heads,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

async function gatewayTo(t: Tap, url: string, more = "") {
  const gateway = await startTestGateway(`${adminUser}[[kapacitor]]\nurl = "${url}"\n${more}`);
  t.teardown(() => gateway.close());
  return gateway;
}

interface Tap {
  teardown(undo: () => unknown): void;
}

/** Asks once and says how the answer ended: the code of the error for one that was cut. */
function ask(
  gateway: { port: number; ca: string },
  path: string,
): Promise<{ status: number; body: string; error: string | undefined }> {
  return new Promise((resolve) => {
    let body = "";
    let status = 0;
    const settle = (error?: NodeJS.ErrnoException): void => resolve({ status, body, error: error?.code });
    const outgoing = httpsRequest(
      {
        host: "127.0.0.1",
        servername: "localhost",
        port: gateway.port,
        ca: gateway.ca,
        path,
        agent: false,
        headers: { authorization: basic(admin) },
      },
      (answer) => {
        status = answer.statusCode ?? 0;
        answer.setEncoding("latin1");
        answer.on("data", (chunk: string) => {
          body += chunk;
        });
        answer.on("end", () => settle());
        answer.on("error", settle);
      },
    );
    outgoing.on("error", settle);
    outgoing.end();
  });
}

const ping = "/kapacitor/v1/ping";

t.test("a Kapacitor that fails gets a name for it, and never a request twice", async (t) => {
  const rows: { story: string; respond: (socket: Socket) => void; status: number; reason: string }[] = [
    { story: "never answers", respond: () => {}, status: 504, reason: "upstream_timeout" },
    { story: "closes before the answer", respond: (socket) => socket.end(), status: 502, reason: "upstream_reset" },
    { story: "resets", respond: (socket) => socket.resetAndDestroy(), status: 502, reason: "upstream_reset" },
    {
      story: "answers garbage",
      respond: (socket) => socket.end("SSH-2.0-OpenSSH\r\n\r\n"),
      status: 502,
      reason: "upstream_reset",
    },
    {
      story: "answers half a head",
      respond: (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Le"),
      status: 502,
      reason: "upstream_reset",
    },
    {
      story: "answers with a bad status line",
      respond: (socket) => socket.end("HTTP/1.1 xyz OK\r\n\r\n"),
      status: 502,
      reason: "upstream_reset",
    },
    {
      story: "refuses the gateway's credentials: the client's own are not to blame",
      respond: (socket) =>
        socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n{}'),
      status: 502,
      reason: "upstream_unauthorized",
    },
  ];
  for (const row of rows) {
    await t.test(row.story, async (t) => {
      const server = await rawServer(row.respond);
      t.teardown(server.close);
      const gateway = await gatewayTo(t, server.url, 'timeout = "300ms"\n');
      const before = performance.now();
      const answer = await gateway.request("POST", "/kapacitor/v1/tasks", { login: admin, body: "{}" });
      t.equal(answer.status, row.status);
      t.match(JSON.parse(answer.body), { code: row.reason, error: String, message: String });
      t.equal(answer.headers["www-authenticate"], undefined);
      t.equal(server.heads.length, 1, "sent once");
      t.ok(performance.now() - before < 3000);
      t.match(await gateway.record((record) => record.class === "task-define"), {
        status: row.status,
        reason: row.reason,
        instance: "default",
      });
    });
  }
});

t.test("a Kapacitor that does not take connections", async (t) => {
  const server = await rawServer(() => {});
  await server.close();
  const refused = await gatewayTo(t, server.url);
  t.match(JSON.parse((await refused.request("GET", ping, { login: admin })).body), { code: "upstream_unreachable" });
  const unknownName = await gatewayTo(t, "http://does-not-exist.invalid:9092");
  t.match(JSON.parse((await unknownName.request("GET", ping, { login: admin })).body), {
    code: "upstream_unreachable",
  });

  // A stopped process with a full backlog is a black hole: its port neither refuses nor accepts.
  const script =
    'require("net").createServer().listen({port:0,host:"127.0.0.1",backlog:1},function(){console.log(this.address().port)})';
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  const port = await new Promise<number>((resolve) =>
    child.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString()))),
  );
  child.kill("SIGSTOP");
  const fill = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  t.teardown(() => {
    for (const socket of fill) socket.destroy();
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const hole = await gatewayTo(t, `http://127.0.0.1:${port}`, 'connect-timeout = "300ms"\n');
  const before = performance.now();
  const answer = await hole.request("GET", ping, { login: admin });
  t.equal(answer.status, 504);
  t.match(JSON.parse(answer.body), { code: "upstream_timeout" });
  t.ok(performance.now() - before < 3000);
});

t.test("an answer that breaks off is never delivered as a whole one", async (t) => {
  const answers = {
    length: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    chunks: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "bad chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
  };
  for (const [name, text] of Object.entries(answers)) {
    const server = await rawServer((socket) => socket.write(text, () => setTimeout(() => socket.destroy(), 50)));
    t.teardown(server.close);
    const gateway = await gatewayTo(t, server.url);
    const answer = await ask(gateway, "/kapacitor/v1/tasks");
    t.match(answer, { status: 200, body: "half", error: /ECONNRESET|HPE_/ }, name);
  }
});

t.test("a read is repeated once on a kept connection that turned out to be dead, a change never", async (t) => {
  const answer = "HTTP/1.1 204 No Content\r\n\r\n";
  for (const [method, path, expected, hits] of [
    ["GET", ping, 204, 3],
    ["PATCH", "/kapacitor/v1/tasks/x", 502, 2],
  ] as const) {
    // The first request leaves a kept connection behind; the next one on it is reset.
    const server = await rawServer((socket, _request, count) =>
      count === 2 ? socket.resetAndDestroy() : socket.write(answer),
    );
    t.teardown(server.close);
    const gateway = await gatewayTo(t, server.url);
    t.equal((await gateway.request("GET", ping, { login: admin })).status, 204);
    t.equal(
      (await gateway.request(method, path, { login: admin, ...(method === "PATCH" ? { body: "{}" } : {}) })).status,
      expected,
      method,
    );
    t.equal(server.heads.length, hits, `${method}: requests that arrived`);
  }
});

t.test("what Kapacitor answers passes unchanged", async (t) => {
  const body = gzipSync('{"tasks":[]}');
  const server = await rawServer((socket) => {
    socket.write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    socket.write(
      `HTTP/1.1 418 Short And Stout\r\nContent-Type: application/json; charset=utf-8\r\nContent-Encoding: gzip\r\nX-Kapacitor-Version: 1.5.9\r\nRequest-Id: k-1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\nTrailer: X-T\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.end(body);
  });
  t.teardown(server.close);
  const gateway = await gatewayTo(t, server.url);
  const raw = await sendRaw(
    gateway.port,
    gateway.ca,
    `GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(admin)}\r\n\r\n`,
  );
  t.match(raw.text, /^HTTP\/1\.1 418 Short And Stout\r\n/);
  t.match(raw.text, /\r\nX-Kapacitor-Version: 1\.5\.9\r\nRequest-Id: k-1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n/);
  t.notMatch(raw.text, /x-hop|trailer|timeout=1|early/i);
  t.ok(raw.text.endsWith(body.toString("latin1")), "the gzip bytes as they came");
  t.equal(raw.closed, false, "the upstream's Connection: close is not the client's");
  // A trailer field for an HTTP/1.0 client was an uncaught exception in the library's own writer.
  const old = await sendRaw(
    gateway.port,
    gateway.ca,
    `GET /kapacitor/v1/tasks HTTP/1.0\r\nAuthorization: ${basic(admin)}\r\n\r\n`,
  );
  t.equal(old.statuses[0], 418);
  t.match(await gateway.record((record) => record.status === 418), { upstream_request_id: "k-1" });
});

t.test("credentials of the upstream are sent in place of the client's, over verified TLS", async (t) => {
  const { ca, pem } = await testCertificate();
  const seen: (string | undefined)[] = [];
  const server = createHttpsServer({ cert: pem, key: pem }, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://localhost:${portOf(server.address())}`;
  const untrusting = await gatewayTo(t, url);
  const refused = JSON.parse((await untrusting.request("GET", ping, { login: admin })).body);
  t.match(refused, { code: "upstream_unreachable", error: /ssl-ca/ });
  const skipping = await gatewayTo(t, url, 'insecure-skip-verify = true\nusername = "kap"\npassword = "ü:x"\n');
  t.equal((await skipping.request("GET", ping, { login: admin })).status, 204);
  const { writeFile, mkdtemp, rm } = await import("node:fs/promises");
  const folder = await mkdtemp("/tmp/kapgate-ca-");
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(`${folder}/ca.pem`, ca);
  const trusting = await gatewayTo(t, url, `ssl-ca = "${folder}/ca.pem"\n`);
  t.equal((await trusting.request("GET", ping, { login: admin })).status, 204);
  t.same(seen, [basic("kap:ü:x"), undefined]);
});

t.test("a client that leaves ends its read at Kapacitor, but not its definition", async (t) => {
  const closed: string[] = [];
  const server = await rawServer((socket, request) => {
    socket.on("close", () => closed.push(request.split(" ", 1)[0] ?? ""));
    if (request.startsWith("PATCH"))
      setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), 400);
  });
  t.teardown(server.close);
  const gateway = await gatewayTo(t, server.url);
  const leave = async (head: string) => {
    await sendRaw(gateway.port, gateway.ca, head, { quietMs: 120, answers: 0 });
  };
  await leave(`GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(admin)}\r\n\r\n`);
  await gateway.record((record) => record.method === "GET" && record.aborted === true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.same(closed, ["GET"]);
  await leave(
    `PATCH /kapacitor/v1/tasks/x HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(admin)}\r\nContent-Length: 2\r\n\r\n{}`,
  );
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.same(closed, ["GET"], "Kapacitor's answer to the definition was awaited");
});

t.test("a log stream sends nothing of its own while Kapacitor is silent, and then each line at once", async (t) => {
  const standin = await startStandin();
  t.teardown(() => standin.close());
  const gateway = await gatewayTo(t, standin.url, 'timeout = "200ms"\n');
  const socket = sendRaw(
    gateway.port,
    gateway.ca,
    `GET /kapacitor/v1preview/logs HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(admin)}\r\n\r\n`,
    { quietMs: 900 },
  );
  while (standin.logStreams === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 500));
  standin.log("ts=1 lvl=info msg=first");
  await new Promise((resolve) => setTimeout(resolve, 300));
  standin.log("ts=2 lvl=info msg=second");
  const { text, closed } = await socket;
  t.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  t.match(text, /msg=first[\s\S]*msg=second/);
  t.equal(closed, false);
});
