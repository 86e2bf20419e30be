import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface ConnectionLimits {
  /** Connections at once; when one more comes, the longest idle one goes; when none is idle, the new one goes. */
  readonly "max-connections": number;
  /** Connections at once from one peer address; 0: no limit. A new one past it is closed. */
  readonly "max-connections-per-address": number;
}

export interface Connections {
  /** Open connections, handshakes included. */
  count(): number;
  /** Counts a request until its response is closed. */
  requestBegan(socket: Socket, response: ServerResponse): void;
  /** Whether an answer on this connection has begun and not ended. */
  isAnswering(socket: Socket): boolean;
  /** Closes the connections that serve nothing right now, and every other one after its current request. */
  drain(): void;
  /** Cuts every connection. */
  destroyAll(): void;
  /** Resolves when every response there is has been closed, and so accounted for. */
  settled(): Promise<void>;
}

interface Entry {
  readonly socket: Socket;
  readonly responses: Set<ServerResponse>;
}

/**
 * Tracks the connections of a listener from TCP accept on and holds the limits. A TLS server shows the TCP socket when it accepts and the
 * TLS socket with a request; both have the peer's address and port, which name an open connection.
 */
export function trackConnections(server: Server, limits: ConnectionLimits): Connections {
  const open = new Map<string, Entry>();
  /** Connections that serve nothing, in the order in which they became idle. */
  const idle = new Set<Entry>();
  const perAddress = new Map<string, number>();
  const known = new WeakMap<Socket, Entry>();
  const responses = new Set<ServerResponse>();
  const waiting: (() => void)[] = [];
  let draining = false;

  const makeRoom = (): boolean => {
    const [oldest] = idle;
    if (oldest === undefined) return false;
    idle.delete(oldest);
    oldest.socket.destroy();
    return true;
  };

  server.on("connection", (socket: Socket) => {
    const { "max-connections": most, "max-connections-per-address": mostPerAddress } = limits;
    const address = socket.remoteAddress ?? "";
    const fromHere = (perAddress.get(address) ?? 0) + 1;
    if (mostPerAddress > 0 && fromHere > mostPerAddress) return void socket.destroy();
    if (open.size >= most && !makeRoom()) return void socket.destroy();
    const key = nameOf(socket);
    const entry: Entry = { socket, responses: new Set() };
    open.set(key, entry);
    idle.add(entry);
    perAddress.set(address, fromHere);
    socket.once("close", () => {
      if (open.get(key) === entry) open.delete(key);
      idle.delete(entry);
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
  });

  const find = (socket: Socket): Entry | undefined => {
    const entry = known.get(socket) ?? open.get(nameOf(socket));
    if (entry !== undefined) known.set(socket, entry);
    return entry;
  };

  return {
    count: () => open.size,
    requestBegan: (socket, response) => {
      responses.add(response);
      response.once("close", () => {
        responses.delete(response);
        if (responses.size === 0) for (const resolve of waiting.splice(0)) resolve();
      });
      const entry = find(socket);
      if (entry === undefined) return;
      entry.responses.add(response);
      idle.delete(entry);
      if (draining) response.shouldKeepAlive = false;
      response.once("close", () => {
        entry.responses.delete(response);
        if (entry.responses.size > 0 || socket.destroyed) return;
        if (draining) socket.end();
        else idle.add(entry);
      });
    },
    isAnswering: (socket) => {
      for (const response of find(socket)?.responses ?? [])
        if (response.headersSent && !response.writableFinished) return true;
      return false;
    },
    drain: () => {
      draining = true;
      for (const entry of idle) entry.socket.destroy();
    },
    settled: () => (responses.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    destroyAll: () => {
      for (const entry of open.values()) entry.socket.destroy();
    },
  };
}

function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
