import { createServer, type Socket } from "node:net";
import { Readable } from "node:stream";
import t from "tap";
import { createWriteLink, type Pace, type WriteRequest } from "../../src/upstream/writes-link.ts";
import { portOf } from "../support/gateway.ts";

const proceed = "HTTP/1.1 100 Continue\r\n\r\n";
const accepted = "HTTP/1.1 204 No Content\r\n\r\n";

interface Tap {
  teardown(undo: () => unknown): void;
}

interface Script {
  /** A head has come. */
  head(socket: Socket, connection: number): void;
  /** It has come with all of its body. */
  body?(socket: Socket, connection: number): void;
}

/** A Kapacitor that has been taken over, and a link to it. */
async function start(t: Tap, { head, body = (socket) => void socket.write(accepted) }: Script) {
  const sockets: Socket[] = [];
  const bodies: string[] = [];
  const heads: string[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const connection = sockets.length;
    let text = "";
    let hadHead = false;
    // Else the kernel keeps what is sent unasked until the client says something.
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) return;
      if (!hadHead) {
        hadHead = true;
        heads.push(text.slice(0, end));
        head(socket, connection);
      }
      if (text.length < end + 4 + Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? Number.POSITIVE_INFINITY))
        return;
      bodies.push(text.slice(end + 4));
      text = "";
      hadHead = false;
      body(socket, connection);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const link = createWriteLink({
    name: "k",
    url: `http://127.0.0.1:${portOf(server.address())}`,
    ca: undefined,
    insecureSkipVerify: false,
    username: "",
    password: "",
    principalHeader: "",
    connectTimeoutMs: 2000,
    timeoutMs: 2000,
    groupCommit: true,
    writeHoldMs: 0,
    writeTimeoutMs: 2000,
  });
  t.teardown(async () => {
    link.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  /** What is seen of a request, and its end; whatever comes after that is seen as well. */
  const send = (
    payload: WriteRequest["body"] = Buffer.from("m v=1\n"),
    headers: string[] = [],
    onHead = (_: Pace): void => {},
  ) => {
    const seen: string[] = [];
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const finish = (text: string): void => {
      seen.push(text);
      resolve();
    };
    const abort = link.send(
      { path: "/write?db=d", headers: ["host", "k", ...headers], body: payload },
      {
        sent: () => seen.push("sent"),
        head: (status, _text, _headers, pace) => {
          seen.push(String(status));
          onHead(pace);
        },
        data: (chunk) => seen.push(chunk.toString()),
        end: () => finish("end"),
        fail: ({ unsent }) => finish(unsent ? "unsent" : "failed"),
      },
    );
    return { seen, over, abort };
  };
  const outcome = async (...args: Parameters<typeof send>): Promise<string> => {
    const { seen, over } = send(...args);
    await over;
    // A second end would come with the same bytes or with the end of the connection.
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return seen.join(" ");
  };
  return { link, send, outcome, sockets, bodies, heads };
}

const polite = (socket: Socket): void => void socket.write(proceed);

t.test("a client that leaves before its body is asked for leaves no request behind that waits for ever", async (t) => {
  const body = new Readable({ read: () => {} });
  body.on("error", () => {});
  const { outcome, sockets } = await start(t, {
    head: (socket) => {
      body.destroy(new Error("the client left"));
      setImmediate(() => polite(socket));
    },
  });
  t.equal(await outcome(body, ["content-length", "9"]), "sent failed");
  t.equal(sockets.length, 1);
  const gone = new Readable({ read: () => {} });
  gone.destroy();
  t.equal(await outcome(gone, ["content-length", "9"]), "sent failed", "it had left while it was held");
});

t.test("bytes behind an answer do not end the request twice", async (t) => {
  const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  for (const extra of ["garbage\r\n\r\n", whole, proceed, "\0"]) {
    const { outcome, sockets } = await start(t, { head: polite, body: (socket) => void socket.write(whole + extra) });
    t.equal(await outcome(), "sent 200 ok end", JSON.stringify(extra));
    t.equal(await outcome(), "sent 200 ok end");
    t.equal(sockets.length, 2, "the connection is not used again");
  }
});

t.test(
  "an answer that is complete is one, however slowly its client takes it and whatever ends meanwhile",
  async (t) => {
    const { send } = await start(t, {
      head: polite,
      body: (socket) => void socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nokay"),
    });
    let pace: Pace | undefined;
    const taken = send(undefined, [], (it) => {
      pace = it;
      it.pause();
      setTimeout(() => it.resume(), 50);
    });
    await taken.over;
    t.equal(taken.seen.join(" "), "sent 200 okay end");
    t.ok(pace);
    const given = send(undefined, [], (it) => {
      it.pause();
      setTimeout(() => given.abort(), 50);
    });
    await given.over;
    t.equal(given.seen.join(" "), "sent 200 failed", "it can still be given up");
  },
);

t.test(
  "an answer on an idle connection, with nothing asked for before it, is not that of the next write",
  async (t) => {
    const late = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    for (const extra of [late, `${late}${late}`, proceed + late, proceed]) {
      const { outcome, sockets } = await start(t, { head: polite });
      t.equal(await outcome(), "sent 204 end");
      sockets[0]?.write(extra);
      await new Promise((resolve) => setTimeout(resolve, 20));
      t.equal(await outcome(), "sent 204 end", JSON.stringify(extra));
      t.equal(sockets.length, 2, "the connection is not used again");
    }
  },
);

t.test("interim answers of every kind are not the answer", async (t) => {
  const interim = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  const { outcome, sockets, bodies } = await start(t, {
    head: (socket) => void socket.write(interim + proceed + interim + proceed + proceed),
    body: (socket) => void socket.write(interim + proceed + accepted),
  });
  for (let time = 0; time < 3; time += 1) t.equal(await outcome(), "sent 204 end");
  t.equal(sockets.length, 1);
  t.same(bodies, Array(3).fill("m v=1\n"));
});

t.test("a connection that turns into something else has answered nothing", async (t) => {
  for (const upgrade of [
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.1 101 X\r\n\r\n",
  ]) {
    const before = await start(t, { head: (socket) => void socket.write(upgrade) });
    t.equal(await before.outcome(), "unsent");
    const after = await start(t, { head: polite, body: (socket) => void socket.write(upgrade) });
    t.equal(await after.outcome(), "sent failed");
    t.equal(after.sockets.length, 1, "it is not sent again");
  }
});

t.test("who refuses late, and unread, is still asked the next time", async (t) => {
  const { outcome, heads } = await start(t, {
    head: () => {},
    body: (socket) => void socket.write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
  });
  t.equal(await outcome(), "sent 503 end", "after the patience");
  t.equal(await outcome(), "sent 503 end");
  t.match(heads[1], /expect: 100-continue/);
});

t.test("who does not know Expect gets the request without it", async (t) => {
  const { outcome, bodies } = await start(t, {
    head: (socket, connection) => {
      if (connection === 1) socket.write("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
    },
  });
  t.equal(await outcome(), "sent 204 end");
  t.same(bodies, ["m v=1\n"]);
});

t.test("an answer before the end of a body closes the connection, and the next write gets its own", async (t) => {
  const refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno";
  const { outcome, sockets } = await start(t, {
    head: (socket, connection) => void socket.write(connection === 1 ? proceed + refusal : proceed),
  });
  const endless = new Readable({ read: () => {} });
  endless.push("a part");
  t.equal(await outcome(endless, ["content-length", "99"]), "sent 400 no end");
  t.equal(await outcome(), "sent 204 end");
  t.equal(sockets.length, 2);
});

t.test("answers in every framing, and their connections", async (t) => {
  for (const [answer, expected, connections] of [
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n", "sent 200 ok end", 1],
    ["HTTP/1.0 204 No Content\r\n\r\n", "sent 204 end", 2],
    ["HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "sent 204 end", 2],
    ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", "sent failed", 2],
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "sent failed", 2],
  ] as const) {
    const { outcome, sockets, bodies } = await start(t, { head: polite, body: (socket) => void socket.write(answer) });
    t.equal(await outcome(), expected, JSON.stringify(answer));
    t.equal(await outcome(), expected);
    t.equal(sockets.length, connections);
    t.equal(bodies.length, 2, "each body once");
  }
});

t.test("a link that was closed does not begin again what waited on a kept connection", async (t) => {
  let count = 0;
  const { link, send, outcome, sockets } = await start(t, {
    head: (socket) => {
      count += 1;
      if (count === 1) polite(socket);
      else link.close();
    },
  });
  t.equal(await outcome(), "sent 204 end");
  const cut = send();
  await cut.over;
  t.equal(cut.seen.join(" "), "unsent");
  t.equal(sockets.length, 1);
});

t.test("a request can be given up at every moment, and ends once", async (t) => {
  const { outcome, send, sockets } = await start(t, { head: polite });
  const early = send();
  early.abort();
  early.abort();
  await early.over;
  t.equal(early.seen.join(" "), "unsent", "before it has a connection");
  t.equal(await outcome(), "sent 204 end");
  const kept = send();
  kept.abort();
  await kept.over;
  t.equal(kept.seen.join(" "), "unsent", "on a kept connection, and it is not tried again");
  t.equal(await outcome(), "sent 204 end");
  const late = send();
  await late.over;
  late.abort();
  t.equal(late.seen.join(" "), "sent 204 end", "after its end");
  t.ok(sockets.length <= 3);
});
