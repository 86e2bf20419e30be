import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { Server as NetServer, type Socket } from "node:net";
import type { Logger } from "pino";
import { answerBrokenRequest, type BrokenRequest } from "./broken-request.ts";
import { type ConnectionLimits, type Connections, limitTexts, type OnLimit, trackConnections } from "./connections.ts";
import type { Dispatch } from "./dispatch.ts";
import { type HandshakeCause, logHandshakeFailures } from "./handshake-failures.ts";
import { createSeldom } from "./seldom.ts";
import type { TlsContext } from "./tls.ts";

/** Where to listen: an address, or a socket that systemd opened. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly fd: number };

/** Times in milliseconds. */
export interface ListenerLimits extends ConnectionLimits {
  readonly "handshake-timeout": number;
  readonly "header-timeout": number;
  readonly "idle-timeout": number;
}

/** What happens to connections, for the metrics. */
export interface ListenerEvents {
  readonly handshakeFailed?: (cause: HandshakeCause) => void;
  readonly limitMet?: OnLimit;
  readonly requestBroken?: (request: BrokenRequest) => void;
}

export interface Listener {
  readonly server: http.Server;
  readonly connections: Connections;
  /**
   * New handshakes get this context, and whether they are asked for a certificate; open connections live on, and cannot be resumed with
   * another context than theirs.
   */
  setTlsContext(context: TlsContext): void;
  /** Takes new limits, all but handshake-timeout, which is of the start. */
  setLimits(limits: ListenerLimits): void;
  /** Accepts no more connections. Those there are stay as they are, until `connections` closes them. Resolves when the last one is closed. */
  close(): Promise<void>;
}

/** Node's own limit on a header section, in bytes; more is 431. */
const maxHeaderBytes = 65_536;
/** Connections that wait in the kernel to be accepted; it takes the smaller of this and its own net.core.somaxconn. */
const backlog = 4096;
/** A ticket key that never changes would open the TLS 1.2 sessions of years to who finds it. */
const ticketKeyMs = 12 * 3_600_000;

/**
 * Makes the listener's server; it does not listen yet. HTTP/1.1 only: HTTP/2 is not offered in ALPN, and Upgrade is not honoured.
 * The strict parser stays on (`insecureHTTPParser` off): what it refuses is answered here, in the gateway's own words.
 */
export function createListener(
  tls: TlsContext | undefined,
  initial: ListenerLimits,
  dispatch: Dispatch,
  log: Logger,
  events: ListenerEvents = {},
): Listener {
  let limits = initial;
  const options: http.ServerOptions = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: limits["header-timeout"],
    // The whole of a request has no limit of its own: bodies are watched byte by byte (body-timeout), streams may take for ever.
    requestTimeout: 0,
    keepAliveTimeout: limits["idle-timeout"],
    // Thousands of slow clients are then cut a few at a time, and not in one go that all others wait for.
    connectionsCheckingInterval: 100,
    noDelay: true,
    insecureHTTPParser: false,
    requireHostHeader: true,
  };
  const secure =
    tls === undefined
      ? undefined
      : https.createServer({ ...options, ...tls, handshakeTimeout: limits["handshake-timeout"] });
  const server = secure ?? http.createServer(options);
  const warn = createSeldom(log);
  const connections = trackConnections(
    server,
    () => limits,
    (limit, remoteAddress) => {
      events.limitMet?.(limit, remoteAddress);
      warn(limit, { remote_address: remoteAddress, connections: connections.count() }, limitTexts[limit]);
    },
  );
  const take = (request: http.IncomingMessage, response: http.ServerResponse, expectsContinue: boolean): void => {
    connections.requestBegan(request.socket, response);
    dispatch(request, response, expectsContinue);
  };
  server.on("request", (request, response) => take(request, response, false));
  server.on("checkContinue", (request: http.IncomingMessage, response: http.ServerResponse) =>
    take(request, response, true),
  );
  server.on("checkExpectation", (request: http.IncomingMessage, response: http.ServerResponse) =>
    take(request, response, false),
  );
  const secured = new WeakSet<Socket>();
  server.on("secureConnection", (socket: Socket) => secured.add(socket));
  server.on("clientError", (error: Error, socket: Socket) => {
    // A handshake that failed comes here as well, and nobody else cuts it: an answer would wait for its end for ever.
    if (secure !== undefined && !secured.has(socket)) {
      socket.destroy();
      return;
    }
    const broken = answerBrokenRequest(error, socket, connections.isAnswering(socket), log);
    if (broken !== undefined) events.requestBroken?.(broken);
  });
  server.on("connection", (socket: Socket) => {
    // A socket without a listener ends the process when its peer resets it before TLS has taken it over.
    socket.on("error", () => {});
  });
  server.maxHeadersCount = 200;
  if (secure !== undefined) {
    logHandshakeFailures(server, warn, events.handshakeFailed);
    const timer = setInterval(() => secure.setTicketKeys(randomBytes(48)), ticketKeyMs).unref();
    server.once("close", () => clearInterval(timer));
  }
  return {
    server,
    connections,
    setTlsContext: (context) => {
      if (secure === undefined) return;
      secure.setSecureContext(context);
      // It does not set these two, which node reads from the server at every handshake.
      Object.assign(secure, { requestCert: context.requestCert, rejectUnauthorized: context.rejectUnauthorized });
    },
    setLimits: (next) => {
      limits = next;
      server.headersTimeout = next["header-timeout"];
      server.keepAliveTimeout = next["idle-timeout"];
    },
    close: () =>
      new Promise((resolve) => {
        // http's own close also cuts idle connections, whatever is on its way on them, and stops the clock of header-timeout.
        NetServer.prototype.close.call(server, () => {
          server.close(() => {});
          resolve();
        });
      }),
  };
}

/** Binds. Rejects with the system's error (EADDRINUSE, EACCES, …). */
export function bind(server: http.Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const done = (): void => {
      server.off("error", reject);
      resolve();
    };
    if ("fd" in address) server.listen({ fd: address.fd, backlog }, done);
    else server.listen({ port: address.port, backlog, ...(address.host === "" ? {} : { host: address.host }) }, done);
  });
}

/** The first socket that systemd passes. */
const firstPassed = 3;

/**
 * Why a socket that an address names was not passed to this process, by the rules of sd_listen_fds(3); undefined when it was, and for
 * addresses that are opened here. Without this the descriptor may be one of the runtime's own.
 */
export function passedSocketProblem(
  address: ListenAddress | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): string | undefined {
  if (address === undefined || !("fd" in address)) return undefined;
  const { LISTEN_FDS: count = "", LISTEN_PID: owner } = environment;
  const name = `fd:${address.fd}`;
  if (!/^\d{1,4}$/.test(count) || (owner !== undefined && owner !== String(pid)))
    return `${name} is for a socket that systemd passes, and none was passed (LISTEN_FDS): start kapgate.socket, which starts the service`;
  if (address.fd < firstPassed || address.fd >= firstPassed + Number(count))
    return `${name} was not passed: there is ${count === "1" ? "fd:3 only" : `fd:3 to fd:${firstPassed + Number(count) - 1}`}`;
  return undefined;
}
