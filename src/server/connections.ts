import type { ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import { connectionName } from "./connection-name.ts";

export interface ConnectionLimits {
  /** Connections at once; when one more comes, one that serves nothing goes; when every one serves something, the new one goes. */
  readonly "max-connections": number;
  /** Connections at once from one peer address; 0: no limit. A new one past it is closed. */
  readonly "max-connections-per-address": number;
  /** Milliseconds for the head of a request, and for a connection that serves nothing; 0: no limit. */
  readonly "header-timeout": number;
  readonly "idle-timeout": number;
}

/** An answer, as far as its connection is concerned. */
export type Answer = Pick<ServerResponse, "headersSent" | "writableFinished" | "shouldKeepAlive">;

/** A connection in the table. */
export interface Tracked {
  /** Something came that belongs to no request so far. */
  received(): void;
  /** Counts a request until its answer has ended. */
  began(answer: Answer): void;
  ended(answer: Answer): void;
}

/** A limit that was met, with what to do about it. */
export const limitTexts = {
  connections: "max-connections is reached: a connection that served nothing, or a new one, was closed",
  address: "max-connections-per-address is reached: new connections from this address are closed",
  stalled: "a client that took nothing of its answer for five minutes was cut",
} as const;

/** Told of a connection that a limit cost. */
export type OnLimit = (limit: keyof typeof limitTexts, remoteAddress: string | undefined) => void;

export interface ConnectionEvents {
  readonly limitMet?: OnLimit;
  /** Told of a client whose request has begun and does not come to the end of its head; without this it is cut. */
  readonly headLate?: (client: Socket) => void;
}

export interface Connections {
  /** Open connections, handshakes included. */
  count(): number;
  /** The place in the table of a connection that is open; `client` is the TCP socket that was accepted, or the TLS socket on it. */
  track(client: Socket): Tracked;
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
  /** What the client's requests come from; undefined before TLS is there, which has a time of its own (handshake-timeout). */
  client: Socket | undefined;
  /** In the order of their requests. A Set that is in steady use would hold on to old ones until its old tables are collected. */
  readonly answers: Answer[];
  /** When it was opened or became idle, in milliseconds of performance.now(). */
  idleSince: number;
  /** Something of a request has come. Bytes of the socket do not tell: those of a handshake count. */
  hasBegun: boolean;
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
  /** How often it is looked whose time is over. */
  readonly lateMs: number;
}

/** A client counts its idle connection from the answer's arrival, and a request may be on its way (as node's keepAliveTimeoutBuffer). */
const idleGraceMs = 1000;
/**
 * The kernel takes more of an answer only when a third of its buffer has room again: of one grown to 4 MB, a client that reads 10 kB/s makes
 * as much in 130 s, and it is none that has stopped.
 */
const defaultTimes: ConnectionTimes = { newcomerMs: 2000, stalledMs: 300_000, sweepMs: 5000, lateMs: 100 };

/**
 * Tracks the connections of a listener from TCP accept on and holds the limits. A TLS server shows the TCP socket when it accepts and the
 * TLS socket with a request; {@link connectionName} is the same for both.
 * @param limits asked for every new connection, so that they may change
 */
export function trackConnections(
  server: Server,
  limits: () => ConnectionLimits,
  events: ConnectionEvents = {},
  times: ConnectionTimes = defaultTimes,
): Connections {
  const open = new Map<string, Entry>();
  const { limitMet: onLimit = () => {}, headLate = (client: Socket) => void client.destroy() } = events;
  /** Connections that wait for the head of a request, and those that serve nothing any more; each in the order in which they came to it. */
  const newcomers = new Set<Entry>();
  const idle = new Set<Entry>();
  const perAddress = new Map<string, number>();
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
    const entry: Entry = {
      socket,
      client: undefined,
      answers: [],
      idleSince: now,
      hasBegun: false,
      taken: 0,
      takenAt: now,
    };
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

  const rest = (entry: Entry): void => {
    if (entry.answers.length > 0 || entry.socket.destroyed) return;
    if (draining === "yes") {
      (entry.client ?? entry.socket).destroySoon();
      return;
    }
    entry.idleSince = performance.now();
    entry.hasBegun = false;
    idle.add(entry);
  };

  const track = (client: Socket): Tracked => {
    const entry = open.get(connectionName(client));
    if (entry !== undefined) entry.client = client;
    // The time for a head begins when TLS is there.
    if (entry !== undefined && newcomers.delete(entry)) awaitHead(entry);
    return {
      received: () => {
        if (entry === undefined) return;
        entry.hasBegun = true;
        if (!idle.delete(entry)) return;
        awaitHead(entry);
      },
      began: (answer) => {
        unanswered += 1;
        if (entry === undefined) return;
        entry.answers.push(answer);
        newcomers.delete(entry);
        idle.delete(entry);
        if (draining !== "no") answer.shouldKeepAlive = false;
      },
      ended: (answer) => {
        if (entry !== undefined) {
          entry.answers.splice(entry.answers.indexOf(answer), 1);
          rest(entry);
        }
        unanswered -= 1;
        if (unanswered === 0) for (const resolve of waiting.splice(0)) resolve();
      },
    };
  };

  const awaitHead = (entry: Entry): void => {
    entry.idleSince = performance.now();
    newcomers.add(entry);
  };

  /** Ends what has waited for too long, the oldest first. */
  const endLate = (): void => {
    const now = performance.now();
    const { "header-timeout": headMs, "idle-timeout": idleMs } = limits();
    for (const entry of newcomers) {
      if (entry.client === undefined) continue;
      if (headMs === 0 || now - entry.idleSince < headMs) break;
      newcomers.delete(entry);
      // A connection that was opened ahead of need: an answer would belong to no request.
      if (entry.hasBegun) headLate(entry.client);
      else entry.socket.destroy();
    }
    for (const entry of idle) {
      if (idleMs === 0 || now - entry.idleSince < idleMs + idleGraceMs) break;
      entry.socket.destroy();
    }
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
    const timers = [setInterval(sweep, times.sweepMs), setInterval(endLate, times.lateMs)];
    for (const timer of timers) timer.unref();
    server.once("close", () => timers.forEach(clearInterval));
  });

  return {
    count: () => open.size,
    track,
    isAnswering: (socket) =>
      open
        .get(connectionName(socket))
        ?.answers.some(({ headersSent, writableFinished }) => headersSent && !writableFinished) ?? false,
    drain: (graceMs) => {
      draining = graceMs > 0 ? "grace" : "yes";
      for (const entry of open.values()) {
        // Those before it on the same connection have to leave it open.
        const last = entry.answers.at(-1);
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
  const { writableLength: waits, bytesWritten } = entry.client ?? entry.socket;
  const taken = bytesWritten - waits;
  if (waits === 0 || taken !== entry.taken) {
    entry.taken = taken;
    entry.takenAt = now;
    return false;
  }
  return now - entry.takenAt >= stalledMs;
}
