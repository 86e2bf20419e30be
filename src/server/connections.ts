import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { connectionName } from "./connection-name.ts";

export interface ConnectionLimits {
  /** Connections at once; when one more comes, one that serves nothing goes; when every one serves something, the new one goes. */
  readonly "max-connections": number;
  /** Connections at once from one peer address; 0: no limit. A new one past it is closed. */
  readonly "max-connections-per-address": number;
}

/** A limit that was met, with what to do about it. */
export const limitTexts = {
  connections: "max-connections is reached: a connection that served nothing, or a new one, was closed",
  address: "max-connections-per-address is reached: new connections from this address are closed",
  stalled: "a client that took nothing of its answer for five minutes was cut",
} as const;

/** Told of a connection that a limit cost. */
export type OnLimit = (limit: keyof typeof limitTexts, remoteAddress: string | undefined) => void;

export interface Connections {
  /** Open connections, handshakes included. */
  count(): number;
  /** Counts a request until its response is closed. */
  requestBegan(socket: Socket, response: ServerResponse): void;
  /** Whether an answer on this connection has begun and not ended. */
  isAnswering(socket: Socket): boolean;
  /**
   * Answers what is under way and closes: every answer that has not begun says `Connection: close`. A connection that was used within the
   * last `graceMs` is left that long for a request that is on its way already, because a client cannot tell whether one that meets a closed
   * connection was taken; the others close now.
   */
  drain(graceMs: number): void;
  /** Cuts every connection. */
  destroyAll(): void;
  /** Resolves when every response there is has been closed, and so accounted for. */
  settled(): Promise<void>;
}

interface Entry {
  readonly socket: Socket;
  /** In the order of their requests. A Set that is in steady use would hold on to old ones until its old tables are collected. */
  readonly responses: ServerResponse[];
  /** When it was opened or became idle, in milliseconds of performance.now(). */
  idleSince: number;
  /** Bytes that the peer had taken when they were looked at last, and since when there is no more. */
  taken: number;
  takenAt: number;
}

export interface ConnectionTimes {
  /** A new connection may take so long to send a request before it is the first to go. */
  readonly newcomerMs: number;
  /** A client may take nothing of an answer that waits for it for so long. */
  readonly stalledMs: number;
  readonly sweepMs: number;
}

/**
 * The kernel takes more of an answer only when a third of its buffer has room again: of one grown to 4 MB, a client that reads 10 kB/s makes
 * as much in 130 s, and it is none that has stopped.
 */
const defaultTimes: ConnectionTimes = { newcomerMs: 2000, stalledMs: 300_000, sweepMs: 5000 };

/**
 * Tracks the connections of a listener from TCP accept on and holds the limits. A TLS server shows the TCP socket when it accepts and the
 * TLS socket with a request; {@link connectionName} is the same for both.
 * @param limits asked for every new connection, so that they may change
 */
export function trackConnections(
  server: Server,
  limits: () => ConnectionLimits,
  onLimit: OnLimit = () => {},
  times: ConnectionTimes = defaultTimes,
): Connections {
  const open = new Map<string, Entry>();
  /** Connections without a request so far, and those that serve nothing any more; each in the order in which they came to it. */
  const newcomers = new Set<Entry>();
  const idle = new Set<Entry>();
  const perAddress = new Map<string, number>();
  const known = new WeakMap<Socket, Entry>();
  let unanswered = 0;
  const waiting: (() => void)[] = [];
  /** "grace": idle connections get a last chance. */
  let draining: "no" | "grace" | "yes" = "no";

  /**
   * A flood of connections that never ask for anything must not push out those that do, nor may old idle ones keep new ones from ever asking:
   * the oldest newcomer goes when it had its time, else the one that is idle for longest.
   */
  const makeRoom = (): boolean => {
    const [newcomer] = newcomers;
    const [oldest] = idle;
    const overdue = newcomer !== undefined && performance.now() - newcomer.idleSince > times.newcomerMs;
    const victim = overdue ? newcomer : (oldest ?? newcomer);
    if (victim === undefined) return false;
    newcomers.delete(victim);
    idle.delete(victim);
    victim.socket.destroy();
    return true;
  };

  server.on("connection", (socket: Socket) => {
    const { "max-connections": most, "max-connections-per-address": mostPerAddress } = limits();
    const address = socket.remoteAddress ?? "";
    const fromHere = (perAddress.get(address) ?? 0) + 1;
    if (mostPerAddress > 0 && fromHere > mostPerAddress) {
      onLimit("address", socket.remoteAddress);
      return void socket.destroy();
    }
    if (open.size >= most) {
      onLimit("connections", socket.remoteAddress);
      if (!makeRoom()) return void socket.destroy();
    }
    const key = connectionName(socket);
    const now = performance.now();
    const entry: Entry = { socket, responses: [], idleSince: now, taken: 0, takenAt: now };
    open.set(key, entry);
    newcomers.add(entry);
    perAddress.set(address, fromHere);
    socket.once("close", () => {
      if (open.get(key) === entry) open.delete(key);
      newcomers.delete(entry);
      idle.delete(entry);
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
  });

  const find = (socket: Socket): Entry | undefined => {
    const entry = known.get(socket) ?? open.get(connectionName(socket));
    if (entry !== undefined) known.set(socket, entry);
    return entry;
  };

  const rest = (entry: Entry, socket: Socket): void => {
    if (entry.responses.length > 0 || socket.destroyed) return;
    if (draining === "yes") {
      socket.destroySoon();
      return;
    }
    entry.idleSince = performance.now();
    idle.add(entry);
  };

  const closeIdle = (unusedMs: number): void => {
    const now = performance.now();
    for (const entry of [...newcomers, ...idle]) if (now - entry.idleSince >= unusedMs) entry.socket.destroy();
  };

  const sweep = (): void => {
    const now = performance.now();
    for (const entry of open.values()) {
      if (!isStalled(entry, now, times.stalledMs)) continue;
      onLimit("stalled", entry.socket.remoteAddress);
      entry.socket.destroy();
    }
  };
  server.once("listening", () => {
    const timer = setInterval(sweep, times.sweepMs).unref();
    server.once("close", () => clearInterval(timer));
  });

  return {
    count: () => open.size,
    requestBegan: (socket, response) => {
      unanswered += 1;
      const entry = find(socket);
      response.once("close", () => {
        if (entry !== undefined) {
          entry.responses.splice(entry.responses.indexOf(response), 1);
          rest(entry, socket);
        }
        unanswered -= 1;
        if (unanswered === 0) for (const resolve of waiting.splice(0)) resolve();
      });
      if (entry === undefined) return;
      entry.responses.push(response);
      newcomers.delete(entry);
      idle.delete(entry);
      if (draining !== "no") response.shouldKeepAlive = false;
    },
    isAnswering: (socket) => {
      for (const response of find(socket)?.responses ?? [])
        if (response.headersSent && !response.writableFinished) return true;
      return false;
    },
    drain: (graceMs) => {
      draining = graceMs > 0 ? "grace" : "yes";
      for (const entry of open.values()) {
        // Those before it on the same connection have to leave it open.
        const last = entry.responses.at(-1);
        if (last !== undefined && !last.headersSent) last.shouldKeepAlive = false;
      }
      closeIdle(graceMs);
      if (draining === "yes") return;
      setTimeout(() => {
        draining = "yes";
        closeIdle(0);
      }, graceMs).unref();
    },
    settled: () => (unanswered === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    destroyAll: () => {
      for (const entry of open.values()) entry.socket.destroy();
    },
  };
}

/** Whether a part of an answer waits that the peer has taken nothing of for too long. */
function isStalled(entry: Entry, now: number, stalledMs: number): boolean {
  const [response] = entry.responses;
  const socket = response?.socket;
  const waits = socket?.writableLength ?? 0;
  const taken = (socket?.bytesWritten ?? 0) - waits;
  if (waits === 0 || taken !== entry.taken) {
    entry.taken = taken;
    entry.takenAt = now;
    return false;
  }
  return now - entry.takenAt >= stalledMs;
}
