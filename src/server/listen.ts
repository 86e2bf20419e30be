import { randomBytes } from "node:crypto";
import http from "node:http";
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Logger } from "pino";
import { answerBrokenRequest, type BrokenRequest } from "./broken-request.ts";
import { ClientConnection, type Entrance, type HttpReader } from "./client-connection.ts";
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
}

/** What happens to connections, for the metrics. */
export interface ListenerEvents {
  readonly handshakeFailed?: (cause: HandshakeCause) => void;
  readonly limitMet?: OnLimit;
  readonly requestBroken?: (request: BrokenRequest) => void;
}

export interface Listener {
  readonly server: NetServer;
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
  entrance: Entrance,
  log: Logger,
  events: ListenerEvents = {},
): Listener {
  let limits = initial;
  const options = { noDelay: true, allowHalfOpen: true };
  const secure =
    tls === undefined
      ? undefined
      : createTlsServer({
          ...options,
          ...tls,
          ALPNProtocols: ["http/1.1"],
          handshakeTimeout: limits["handshake-timeout"],
        });
  const server = secure ?? createNetServer(options);
  const warn = createSeldom(log);
  const connections = trackConnections(server, () => limits, {
    limitMet: (limit, remoteAddress) => {
      events.limitMet?.(limit, remoteAddress);
      warn(limit, { remote_address: remoteAddress, connections: connections.count() }, limitTexts[limit]);
    },
    headLate: (client) => refuseBroken(Object.assign(new Error(), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), client),
  });
  const refuseBroken = (error: Error, client: Socket): void => {
    const broken = answerBrokenRequest(error, client, connections.isAnswering(client), log);
    if (broken !== undefined) events.requestBroken?.(broken);
  };
  const reader = createReader(limits["idle-timeout"], dispatch, refuseBroken);
  server.on(secure === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    if (!socket.destroyed) new ClientConnection(socket, entrance, reader, connections.track(socket));
  });
  server.on("connection", (socket: Socket) => {
    // A socket without a listener ends the process when its peer resets it before TLS has taken it over.
    socket.on("error", () => {});
  });
  if (secure !== undefined) {
    logHandshakeFailures(secure, warn, events.handshakeFailed);
    secure.on("tlsClientError", (_error, socket) => socket.destroy());
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
      reader.server.keepAliveTimeout = next["idle-timeout"];
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

/** Node's HTTP server, for connections that are given to it. The times of requests are kept by the table of connections. */
function createReader(
  idleMs: number,
  dispatch: Dispatch,
  refuseBroken: (error: Error, client: Socket) => void,
): HttpReader {
  const connections: HttpReader["connections"] = new WeakMap();
  const server = http.createServer({
    maxHeaderSize: maxHeaderBytes,
    // The whole of a request has no limit of its own: bodies are watched byte by byte (body-timeout), streams may take for ever.
    requestTimeout: 0,
    // Only said in answers.
    keepAliveTimeout: idleMs,
    insecureHTTPParser: false,
    requireHostHeader: true,
  });
  server.maxHeadersCount = 200;
  const take = (request: http.IncomingMessage, response: http.ServerResponse, expectsContinue: boolean): void => {
    const connection = connections.get(request.socket);
    if (connection === undefined) throw new Error("a request came on a connection that was not given");
    connection.began(request, response);
    dispatch(connection, request, response, expectsContinue);
  };
  server.on("request", (request, response) => take(request, response, false));
  server.on("checkContinue", (request: http.IncomingMessage, response: http.ServerResponse) =>
    take(request, response, true),
  );
  server.on("checkExpectation", (request: http.IncomingMessage, response: http.ServerResponse) =>
    take(request, response, false),
  );
  server.on("clientError", (error: Error, stream) => {
    const connection = connections.get(stream as Socket);
    if (connection === undefined) stream.destroy();
    else refuseBroken(error, connection.socket);
  });
  return { server, connections };
}

/** Binds. Rejects with the system's error (EADDRINUSE, EACCES, …). */
export function bind(server: NetServer, address: ListenAddress): Promise<void> {
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
