import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { compileCidrs, parseAddress } from "../core/cidr.ts";
import type { AdminAnswer, AdminAnswers } from "./admin-answers.ts";
import { bind, type ListenAddress } from "./listen.ts";

export interface AdminOptions {
  /** When not empty, only these addresses are answered. */
  readonly "allow-cidrs": readonly string[];
}

export interface Admin {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

const mostConnections = 256;
/** Of those, connections of addresses that are not allowed: they must not take the places of Prometheus and of the probes. */
const mostStrangers = 16;
/** The whole of a request, which has no body to speak of. */
const requestMs = 10_000;
/** How long a reader may take nothing of its answer. */
const stalledMs = 30_000;
const maxHeaderBytes = 8192;

const forbidden: AdminAnswer = { status: 403, text: "forbidden: this address is not in [admin] allow-cidrs\n" };
const failed: AdminAnswer = { status: 500, text: "internal error: see the log\n" };

/**
 * The listener for operators: plain HTTP, own address, GET and HEAD only, never proxied. Addresses outside `allow-cidrs` (when it is set), and
 * those that cannot be read, get 403; what a request says of itself, as in Host or X-Forwarded-For, is not believed.
 * @param options asked with every request, so that they may change
 * @param onFault told of a failure of the gateway's own
 */
export async function startAdmin(
  bindAddress: ListenAddress | undefined,
  options: () => AdminOptions,
  answers: AdminAnswers,
  onFault: (error: unknown) => void,
): Promise<Admin | undefined> {
  if (bindAddress === undefined) return undefined;
  const isAllowed = createAllowed(options);
  const server = http.createServer(
    { requestTimeout: requestMs, headersTimeout: requestMs, maxHeaderSize: maxHeaderBytes, keepAliveTimeout: 60_000 },
    (request, response) => {
      // Without a listener a broken connection would end the process.
      request.on("error", () => {});
      response.on("error", () => {});
      if (!isAllowed(request)) return send(request, response, forbidden);
      answers(request).then(
        (answer) => send(request, response, answer),
        (error: unknown) => {
          onFault(error);
          send(request, response, failed);
        },
      );
    },
  );
  server.maxConnections = mostConnections;
  server.maxHeadersCount = 100;
  server.setTimeout(stalledMs);
  let strangers = 0;
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    if (isAllowed({ socket })) return;
    strangers += 1;
    socket.once("close", () => {
      strangers -= 1;
    });
    if (strangers > mostStrangers) socket.destroy();
  });
  await bind(server, bindAddress);
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the admin listener has no address");
  return {
    address: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Judges by the address of the socket alone. Fails closed. */
function createAllowed(options: () => AdminOptions): (request: Pick<IncomingMessage, "socket">) => boolean {
  let cidrs: readonly string[] | undefined;
  let contains = (_address: string): boolean => false;
  return ({ socket }) => {
    const { "allow-cidrs": now } = options();
    if (now !== cidrs) {
      contains = now.length === 0 ? () => true : compileCidrs(now);
      cidrs = now;
    }
    const address = parseAddress(socket.remoteAddress ?? "");
    return address !== undefined && contains(address);
  };
}

function send(request: IncomingMessage, response: ServerResponse, answer: AdminAnswer): void {
  if (response.destroyed) return;
  const body = Buffer.from(answer.text, "utf8");
  // Nothing that is answered here takes a body: one that is still arriving costs the connection.
  if (!request.complete) response.shouldKeepAlive = false;
  response.writeHead(answer.status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Length": String(body.length),
    ...answer.headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
