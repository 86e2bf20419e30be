import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import t, { type Test } from "tap";
import { type ConnectionLimits, type ConnectionTimes, trackConnections } from "../../src/server/connections.ts";
import { fileLimitProblem } from "../../src/server/file-limit.ts";
import { portOf } from "../support/gateway.ts";

const times: ConnectionTimes = { newcomerMs: 60_000, stalledMs: 60_000, sweepMs: 10, lateMs: 10 };
const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** A client's end: what came, and its close. */
interface Peer {
  readonly socket: Socket;
  readonly text: () => string;
  readonly closed: () => boolean;
  readonly gone: Promise<unknown>;
  /** Sends a request and waits for the whole of its answer. */
  ask(): Promise<void>;
}

/** A plain server with tracked connections. It answers `ok`, unless `serve` does. */
async function track(
  t: Test,
  limits: Partial<ConnectionLimits>,
  more: { times?: Partial<ConnectionTimes>; serve?: (request: IncomingMessage, response: ServerResponse) => void } = {},
) {
  const met: string[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 });
  const connections = trackConnections(
    server,
    () => ({
      "max-connections": 100,
      "max-connections-per-address": 0,
      "header-timeout": 0,
      "idle-timeout": 0,
      ...limits,
    }),
    { limitMet: (limit) => met.push(limit) },
    { ...times, ...more.times },
  );
  server.on("request", (request, response) => {
    const tracked = connections.track(request.socket);
    tracked.began(response);
    response.once("close", () => tracked.ended(response));
    if (more.serve === undefined) response.end("ok");
    else more.serve(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    connections.destroyAll();
    server.close();
  });
  const open = async (): Promise<Peer> => {
    const socket = connect(portOf(server.address()), "127.0.0.1");
    t.teardown(() => socket.destroy());
    let text = "";
    let closed = false;
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => {});
    const gone = once(socket, "close").then(() => {
      closed = true;
    });
    await once(socket, "connect");
    const ask = async (): Promise<void> => {
      text = "";
      socket.write(get);
      while (!text.includes("\r\n\r\nok") && !closed) await new Promise((resolve) => setTimeout(resolve, 2));
    };
    return { socket, text: () => text, closed: () => closed, gone, ask };
  };
  /** The server accepts a moment after the client has connected. */
  const count = async (wanted: number): Promise<void> => {
    while (connections.count() !== wanted) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  return { server, connections, met, open, count };
}

t.test("past max-connections the one that is idle for longest goes", async (t) => {
  const { open, count, met } = await track(t, { "max-connections": 3 });
  const [first, second, third] = [await open(), await open(), await open()];
  for (const peer of [first, second, third]) await peer.ask();
  await first.ask();
  await count(3);
  const fourth = await open();
  await fourth.ask();
  await second.gone;
  t.strictSame([first.closed(), third.closed(), fourth.closed()], [false, false, false]);
  t.match(fourth.text(), /200 OK/);
  t.strictSame(met, ["connections"]);
});

t.test("when every one serves something the new one goes, and nothing happens to the others", async (t) => {
  const held: ServerResponse[] = [];
  const { open, met } = await track(t, { "max-connections": 2 }, { serve: (_, response) => held.push(response) });
  const busy = [await open(), await open()];
  for (const { socket } of busy) socket.write(get);
  while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  const late = await open();
  await late.gone;
  t.strictSame(met, ["connections"]);
  for (const response of held) response.end("done");
  for (const peer of busy) while (!peer.text().includes("done")) await once(peer.socket, "data");
  t.pass("both got their answers");
});

t.test("a flood that asks for nothing pushes out itself, and old idle ones keep no new one out", async (t) => {
  const { open, count } = await track(t, { "max-connections": 3 }, { times: { newcomerMs: 0 } });
  const regular = await open();
  await regular.ask();
  const silent = [await open(), await open()];
  await count(3);
  await new Promise((resolve) => setTimeout(resolve, 2));
  await open();
  await silent[0]?.gone;
  t.equal(regular.closed(), false, "newcomers that had their time go before it, although it is idle for longer");

  const patient = await track(t, { "max-connections": 2 });
  const old = [await patient.open(), await patient.open()];
  for (const peer of old) await peer.ask();
  const fresh = await patient.open();
  await old[0]?.gone;
  const fresher = await patient.open();
  await old[1]?.gone;
  await fresh.ask();
  await fresher.ask();
  t.match([fresh.text(), fresher.text()], [/200 OK/, /200 OK/], "each had its time to ask");
});

t.test("an address may have so many, and others are not its concern", async (t) => {
  const { open, count, met } = await track(t, { "max-connections-per-address": 2 });
  const kept = [await open(), await open()];
  for (const peer of kept) await peer.ask();
  const third = await open();
  await third.gone;
  t.strictSame(met, ["address"]);
  kept[0]?.socket.destroy();
  await count(1);
  const next = await open();
  await next.ask();
  t.match(next.text(), /200 OK/, "when one is closed there is room");
});

t.test("a client that takes nothing of its answer is cut, one that waits for it is not", async (t) => {
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    request.socket.setNoDelay(true);
    response.writeHead(200);
    // More than the buffers of both systems hold.
    if (request.url === "/") Readable.from(Array(512).fill(Buffer.alloc(65_536))).pipe(response);
    else response.write("a silent stream");
  };
  const { open, met, count } = await track(t, {}, { times: { stalledMs: 400 }, serve });
  const waiting = await open();
  waiting.socket.write(get.replace("/", "/stream"));
  const reading = await open();
  reading.socket.write(get);
  const stalled = await open();
  stalled.socket.pause();
  stalled.socket.write(get);
  await count(2);
  t.strictSame(met, ["stalled"]);
  while (reading.text().length < 512 * 65_536) await once(reading.socket, "data");
  t.equal(waiting.closed(), false);
});

t.test(
  "a drain closes what is idle, lets the rest finish and says so, and gives the last request its chance",
  async (t) => {
    const held: ServerResponse[] = [];
    const { open, connections, count } = await track(
      t,
      {},
      {
        serve: (request, response) => {
          if (request.headers.host === "x") response.end("ok");
          else held.push(response);
        },
      },
    );
    const idle = await open();
    await idle.ask();
    await new Promise((resolve) => setTimeout(resolve, 1050));
    const recent = await open();
    await recent.ask();
    const busy = await open();
    busy.socket.write(get.replace("Host: x", "Host: held"));
    while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    connections.drain(1000);
    await idle.gone;
    t.equal(recent.closed(), false, "it was in use a moment ago");
    await recent.ask();
    t.match(recent.text(), /Connection: close\r\n[\s\S]*ok$/i);
    await recent.gone;
    held[0]?.end("ok");
    await busy.gone;
    t.match(busy.text(), /Connection: close\r\n[\s\S]*ok$/i, "an answer that had not begun says that it is the last");
    await count(0);
    const quiet = await open();
    await quiet.ask();
    await quiet.gone;
    t.match(quiet.text(), /Connection: close/i, "whoever still comes is served, once");
  },
);

t.test("too few files for the connections are told of", async (t) => {
  const limits = (soft: string) =>
    t.testdir({
      limits: `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}                 4096                 files\n`,
    });
  t.match(await fileLimitProblem(1000, `${limits("1024")}/limits`), /needs about 1512 open files, .* may have 1024/);
  t.equal(await fileLimitProblem(1000, `${limits("2048")}/limits`), undefined);
  t.equal(await fileLimitProblem(1000, `${limits("unlimited")}/limits`), undefined);
  t.equal(await fileLimitProblem(1000, "/nowhere"), undefined);
});
