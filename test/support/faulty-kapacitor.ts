import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { portOf } from "./gateway.ts";

/** What becomes of a write that arrived whole. */
const faults = [
  "stores",
  "stores slowly",
  "stores, answers half, and is gone",
  "stores and is gone",
  "is gone",
  "says 500",
  "hangs",
  "says 400 before the end",
] as const;
export type Fault = (typeof faults)[number];

/** A Kapacitor that misbehaves, and remembers what it stored. */
export interface FaultyKapacitor {
  readonly url: string;
  /** Lines in the order in which they were stored. */
  readonly stored: readonly string[];
  /** How often each fault was met. */
  readonly met: ReadonlyMap<Fault, number>;
  /** Cuts every connection and accepts none for a while. */
  restart(downMs: number): Promise<void>;
  close(): Promise<void>;
}

/** @param choose what becomes of the next write */
export async function startFaultyKapacitor(choose: () => Fault): Promise<FaultyKapacitor> {
  const stored: string[] = [];
  const met = new Map<Fault, number>();
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  let closing = false;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { socket } = request;
    const fault = choose();
    met.set(fault, (met.get(fault) ?? 0) + 1);
    if (fault === "says 400 before the end") {
      response.writeHead(400, { Connection: "close" }).end("too early\n");
      request.resume();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const store = (): void => {
      for (const line of Buffer.concat(chunks).toString("latin1").split("\n")) if (line !== "") stored.push(line);
    };
    switch (fault) {
      case "hangs":
        return;
      case "is gone":
        socket.destroy();
        return;
      case "says 500":
        response.writeHead(500).end("closed\n");
        return;
      case "stores slowly":
        await sleep(15);
        break;
      case "stores and is gone":
        store();
        socket.destroy();
        return;
      case "stores, answers half, and is gone":
        store();
        response.writeHead(200, { "Content-Length": "100" }).write("half");
        setImmediate(() => socket.destroy());
        return;
      case "stores":
    }
    store();
    response.writeHead(204).end();
  };

  const listen = async (): Promise<void> => {
    server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      // A request that breaks off is none.
      serve(request, response).catch(() => {});
    });
    closing = false;
    server.on("connection", (socket) => {
      // Accepted just before the end.
      if (closing) socket.resetAndDestroy();
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
    port = portOf(server.address());
  };
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      closing = true;
      server.close(() => resolve());
      for (const socket of sockets) socket.resetAndDestroy();
    });

  await listen();
  return {
    url: `http://127.0.0.1:${port}`,
    stored,
    met,
    restart: async (downMs) => {
      await close();
      await sleep(downMs);
      await listen();
    },
    close,
  };
}

/** Every so many writes one fault, all of them in turn; the writes between are just stored. */
export function faultEvery(count: number): () => Fault {
  let writes = 0;
  return () => {
    writes += 1;
    return writes % count === 0 ? (faults[(writes / count) % faults.length] ?? "stores") : "stores";
  };
}
