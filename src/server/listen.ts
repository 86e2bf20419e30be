import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import { answerBrokenRequest } from "./broken-request.ts";
import { type ConnectionLimits, type Connections, trackConnections } from "./connections.ts";
import type { Dispatch } from "./dispatch.ts";
import { logHandshakeFailures } from "./handshake-failures.ts";
import type { TlsContext } from "./tls.ts";

/** Where to listen: an address, or a socket that systemd opened. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly fd: number };

/** Times in milliseconds. */
export interface ListenerLimits extends ConnectionLimits {
  readonly "handshake-timeout": number;
  readonly "header-timeout": number;
  readonly "idle-timeout": number;
}

export interface Listener {
  readonly server: http.Server;
  /** New handshakes get this context; open connections live on. Every option has to be given again. */
  readonly setTlsContext: (context: TlsContext) => void;
  readonly connections: Connections;
}

/** Node's own limit on a header section, in bytes; more is 431. */
const maxHeaderBytes = 65_536;

/**
 * Makes the listener's server; it does not listen yet. HTTP/1.1 only: HTTP/2 is not offered in ALPN, and Upgrade is not honoured.
 * The strict parser stays on (`insecureHTTPParser` off): what it refuses is answered here, in the gateway's own words.
 */
export function createListener(
  tls: TlsContext | undefined,
  limits: ListenerLimits,
  dispatch: Dispatch,
  log: Logger,
): Listener {
  const options: http.ServerOptions = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: limits["header-timeout"],
    // The whole of a request has no limit of its own: bodies are watched byte by byte (body-timeout), streams may take for ever.
    requestTimeout: 0,
    keepAliveTimeout: limits["idle-timeout"],
    connectionsCheckingInterval: 1000,
    noDelay: true,
    insecureHTTPParser: false,
    requireHostHeader: true,
  };
  const secure =
    tls === undefined
      ? undefined
      : https.createServer({ ...options, ...tls, handshakeTimeout: limits["handshake-timeout"] });
  const server = secure ?? http.createServer(options);
  const connections = trackConnections(server, limits);
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
  server.on("clientError", (error: Error, socket: Socket) =>
    answerBrokenRequest(error, socket, connections.isAnswering(socket), log),
  );
  server.on("connection", (socket: Socket) => {
    // A socket without a listener ends the process when its peer resets it before TLS has taken it over.
    socket.on("error", () => {});
  });
  if (tls !== undefined) logHandshakeFailures(server, log);
  server.maxHeadersCount = 200;
  return { server, connections, setTlsContext: (context) => secure?.setSecureContext(context) };
}

/** Binds. Rejects with the system's error (EADDRINUSE, EACCES, …). */
export function bind(server: http.Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const done = (): void => {
      server.off("error", reject);
      resolve();
    };
    if ("fd" in address) server.listen({ fd: address.fd }, done);
    else server.listen({ port: address.port, ...(address.host === "" ? {} : { host: address.host }) }, done);
  });
}
