import { createServer, type Socket } from "node:net";
import { Readable } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import t from "tap";
import type { UpstreamOptions } from "../../src/upstream/instance.ts";
import { createWriteLink, type WriteRequest } from "../../src/upstream/writes-link.ts";
import { portOf, testCertificate } from "../support/gateway.ts";

const proceed = "HTTP/1.1 100 Continue\r\n\r\n";
const accepted = "HTTP/1.1 204 No Content\r\n\r\n";

/** What the server does when it has read so much: of the head, and then of the body. */
interface Script {
  head(socket: Socket, connection: number, request: number): void;
  body?(socket: Socket, connection: number): void;
}

interface Tap {
  teardown(undo: () => unknown): void;
}

/** A server that follows a script, and a link to it. */
async function start(t: Tap, script: Script, secure = false, trusts = true) {
  const { ca: authority, pem } = await testCertificate();
  const ca = trusts ? authority : undefined;
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const serve = (socket: Socket): void => {
    sockets.push(socket);
    const connection = sockets.length;
    let text = "";
    socket.on("error", () => {});
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      const hadHead = text.includes("\r\n\r\n");
      text += chunk;
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) return;
      if (!hadHead) script.head(socket, connection, requests.length + 1);
      const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? -1);
      const isWhole = length === -1 ? text.endsWith("0\r\n\r\n") : text.length === end + 4 + length;
      if (!isWhole) return;
      requests.push(text);
      text = "";
      (script.body ?? ((it) => it.write(accepted)))(socket, connection);
    });
  };
  const server = secure ? createTlsServer({ cert: pem, key: pem }, serve) : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const options: UpstreamOptions = {
    name: "k",
    url: `${secure ? "https" : "http"}://127.0.0.1:${portOf(server.address())}`,
    ca,
    insecureSkipVerify: false,
    username: "",
    password: "",
    principalHeader: "",
    connectTimeoutMs: 2000,
    timeoutMs: 2000,
    groupCommit: true,
    writeHoldMs: 0,
    writeTimeoutMs: 2000,
  };
  const link = createWriteLink(options);
  t.teardown(async () => {
    link.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const send = (body: WriteRequest["body"] = Buffer.from("m v=1\n"), headers: string[] = []): Promise<string> =>
    new Promise((resolve) => {
      const seen: string[] = [];
      link.send(
        { path: "/write?db=d", headers: ["host", "k", ...headers], body },
        {
          sent: () => seen.push("sent"),
          head: (status) => seen.push(String(status)),
          data: (chunk) => seen.push(chunk.toString()),
          end: () => resolve([...seen, "end"].join(" ")),
          fail: ({ unsent, decision }) => resolve([...seen, unsent ? "unsent" : "failed", decision.reason].join(" ")),
        },
      );
    });
  return { send, requests, sockets, link };
}

const polite = (socket: Socket): void => void socket.write(proceed);

t.test("a body waits until it is asked for, and connections are kept", async (t) => {
  const { send, requests, sockets } = await start(t, { head: polite });
  t.equal(await send(), "sent 204 end");
  t.equal(await send(Buffer.alloc(0)), "sent 204 end");
  t.equal(await send(Readable.from([Buffer.from("a"), Buffer.from("bc")])), "sent 204 end");
  t.equal(await send(Readable.from([Buffer.from("abc")]), ["content-length", "3"]), "sent 204 end");
  t.equal(sockets.length, 1);
  const kept = "Connection: keep-alive\r\n";
  t.equal(
    requests[0],
    `POST /write?db=d HTTP/1.1\r\nhost: k\r\ncontent-length: 6\r\nexpect: 100-continue\r\n${kept}\r\nm v=1\n`,
  );
  t.equal(
    requests[1],
    `POST /write?db=d HTTP/1.1\r\nhost: k\r\ncontent-length: 0\r\n${kept}\r\n`,
    "nothing to ask for",
  );
  t.match(requests[2], /expect: 100-continue\r\n[\s\S]*Transfer-Encoding: chunked\r\n[\s\S]*a[\s\S]*bc\r\n0\r\n\r\n$/);
  t.match(requests[3], /content-length: 3\r\nexpect: 100-continue\r\n[\s\S]*\r\n\r\nabc$/);
});

t.test("over TLS, and not to whom no authority knows", async (t) => {
  const { send } = await start(t, { head: polite }, true);
  t.equal(await send(), "sent 204 end");
  t.equal(await send(), "sent 204 end");
  const stranger = await start(t, { head: polite }, true, false);
  t.equal(await stranger.send(), "unsent upstream_unreachable");
});

t.test("a kept connection that ends before it asks for the body costs nothing: another one is tried", async (t) => {
  const { send, requests, sockets } = await start(t, {
    head: (socket, connection, request) => {
      if (connection === 1 && request === 2) socket.resetAndDestroy();
      else polite(socket);
    },
  });
  t.equal(await send(), "sent 204 end");
  t.equal(await send(), "sent 204 end");
  t.equal(sockets.length, 2);
  t.equal(requests.length, 2, "no body was sent twice");
});

t.test("the kept connections of a process that is gone are not tried one after another", async (t) => {
  const { send, requests, sockets } = await start(t, {
    head: (socket, _connection, request) => {
      if (request > 4) {
        for (const other of sockets.slice(0, 4)) other.destroy();
        if (sockets.indexOf(socket) < 4) return;
      }
      polite(socket);
    },
  });
  t.same(await Promise.all(Array.from({ length: 4 }, () => send())), Array(4).fill("sent 204 end"));
  t.same(await Promise.all(Array.from({ length: 4 }, () => send())), Array(4).fill("sent 204 end"));
  t.equal(requests.length, 8, "no body was sent twice");
});

t.test("who closes a new connection without asking has certainly taken nothing", async (t) => {
  const { send, sockets } = await start(t, { head: (socket) => void socket.end() });
  t.equal(await send(), "unsent upstream_reset");
  t.equal(sockets.length, 1);
});

t.test("who ends after it asked may have taken it", async (t) => {
  const { send, sockets } = await start(t, { head: polite, body: (socket) => void socket.resetAndDestroy() });
  t.equal(await send(), "sent failed upstream_reset");
  t.equal(sockets.length, 1, "it is not sent again");
});

t.test(
  "a kept connection that ends after it asked is no reason to send again: the body may have been taken",
  async (t) => {
    const taken: number[] = [];
    const { send } = await start(t, {
      head: polite,
      body: (socket, connection) => {
        taken.push(connection);
        if (taken.length === 2) socket.resetAndDestroy();
        else socket.write(accepted);
      },
    });
    t.equal(await send(), "sent 204 end");
    t.equal(await send(), "sent failed upstream_reset");
    t.same(taken, [1, 1], "it was taken once");
  },
);

t.test("who never asks gets the body after a while, and the next one at once", async (t) => {
  const { send, requests } = await start(t, { head: () => {} });
  t.equal(await send(), "sent 204 end");
  t.equal(await send(), "sent 204 end");
  t.match(requests[0], /expect: 100-continue/);
  t.notMatch(requests[1], /expect/);
});

t.test("who accepts a body without having seen it gets it before it can do that again", async (t) => {
  const { send, requests, sockets } = await start(t, {
    head: (socket, connection) => {
      if (connection === 1) socket.write(accepted);
    },
  });
  t.equal(await send(), "sent 204 end");
  t.equal(requests.length, 1);
  t.notMatch(requests[0], /expect/);
  t.equal(await send(), "sent 204 end");
  t.equal(sockets.length, 2);
});

t.test("a refusal may come without asking", async (t) => {
  for (const [answer, expected] of [
    ["HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", "sent 401 no end"],
    ["HTTP/1.1 401", "unsent upstream_reset"],
    ["garbage\r\n\r\n", "unsent upstream_reset"],
  ] as const) {
    const { send, sockets } = await start(t, { head: (socket) => void socket.end(answer) });
    t.equal(await send(), expected, answer);
    t.equal(sockets.length, 1);
  }
});

t.test("an answer that breaks off is none", async (t) => {
  const { send } = await start(t, {
    head: polite,
    body: (socket) => void socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
  });
  t.equal(await send(), "sent 200 half failed upstream_reset");
});

t.test("a body that breaks off is none", async (t) => {
  const { send, requests } = await start(t, { head: polite });
  const body = new Readable({
    read: () => {
      body.push("a part");
      setImmediate(() => body.destroy(new Error("the client left")));
    },
  });
  t.equal(await send(body), "sent failed upstream_reset");
  t.equal(requests.length, 0);
});

t.test("a head that would be read as more than it is, is not sent", async (t) => {
  const { send, sockets } = await start(t, { head: polite });
  t.equal(await send(undefined, ["x", "a\r\nb: c"]), "failed upstream_reset");
  t.equal(sockets.length, 0);
});
