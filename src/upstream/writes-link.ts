import net from "node:net";
import type { Readable } from "node:stream";
import tls from "node:tls";
import { type UpstreamFailure, upstreamFailure } from "./failure.ts";
import { Http1Connection, type OutgoingEvents, type OutgoingRequest } from "./http1-connection.ts";
import type { UpstreamOptions } from "./instance.ts";

/** One request of the write lane as it leaves. */
export interface WriteRequest {
  /** Origin-form target. */
  readonly path: string;
  /** Names and values in turn, without Host and framing. */
  readonly headers: readonly string[];
  /** Whole, or as a stream that is not read before Kapacitor asks for it. */
  readonly body: Buffer | Readable;
}

/** How the receiver of an answer slows it down. */
export interface Pace {
  pause(): void;
  resume(): void;
}

/** What becomes of a request, in this order; `end` or `fail` comes last, exactly once. */
export interface WriteEvents {
  /** Kapacitor takes the request, and its body leaves now. */
  sent(): void;
  /** Status and header section of the answer: names and values in turn, as they came. */
  head(status: number, statusText: string, headers: readonly string[], pace: Pace): void;
  data(chunk: Buffer, pace: Pace): void;
  end(): void;
  /** `unsent` is exact: true when no byte of the body left, so that Kapacitor cannot have stored anything. */
  fail(failure: UpstreamFailure): void;
}

/** The connections of the write lane to one Kapacitor. */
export interface WriteLink {
  /** Sends a request once; what comes back cuts its connection, whereupon `fail` comes. */
  send(request: WriteRequest, events: WriteEvents): () => void;
  /** Cuts every connection. What is sent later opens new ones. */
  close(): void;
}

/** How long a connection is kept that nothing is sent on, in milliseconds, and how many. Kapacitor itself never closes an idle one. */
const keepIdleMs = 60_000;
const mostIdle = 64;
/** A peer that is gone without a word is noticed by then, in milliseconds. */
const probeMs = 30_000;

/**
 * The connections of one Kapacitor: made when they are needed and kept (no proxy environment variables are read). Every body waits for Kapacitor
 * to ask for it (`Expect: 100-continue`, RFC 9110 section 10.1.1): Go sends `100 Continue` when the handler begins to read. So a connection
 * that ends before that, because Kapacitor was restarted for example, has certainly stored nothing, and the request is sent again.
 */
export function createWriteLink(options: UpstreamOptions): WriteLink {
  const { protocol, hostname, port } = new URL(options.url);
  const secure = protocol === "https:";
  const address = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port === "" ? (secure ? 443 : 80) : port),
  };
  const open = new Set<net.Socket>();
  /** The one that was used last is used next. */
  const idle: Http1Connection[] = [];
  let session: Buffer | undefined;
  /** A server that takes bodies without asking for them is not asked again. */
  let asks = true;

  const connect = (): net.Socket => {
    if (!secure) return net.connect(address);
    const socket = tls.connect({
      ...address,
      ...(net.isIP(address.host) === 0 ? { servername: address.host } : {}),
      rejectUnauthorized: !options.insecureSkipVerify,
      ALPNProtocols: ["http/1.1"],
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(session === undefined ? {} : { session }),
    });
    socket.on("session", (next) => {
      session = next;
    });
    return socket;
  };

  /** Opens a connection; exactly one of the two is called. Returns its socket. */
  const openConnection = (ready: (connection: Http1Connection) => void, failed: (error: Error) => void): net.Socket => {
    const socket = connect();
    open.add(socket);
    let failure: Error | undefined;
    const fail = (error: Error): void => {
      failure ??= error;
    };
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error("connect-timeout"), { code: "ECONNECT_TIMEOUT" }));
    }, options.connectTimeoutMs);
    const gone = (): void => failed(failure ?? new Error("the connection was closed before it was there"));
    socket.on("error", fail);
    socket.once("close", () => {
      clearTimeout(timer);
      open.delete(socket);
    });
    socket.once("close", gone);
    socket.once(secure ? "secureConnect" : "connect", () => {
      clearTimeout(timer);
      socket.off("error", fail);
      socket.off("close", gone);
      socket.setKeepAlive(true, probeMs);
      const connection = new Http1Connection(socket, {
        idle: () => rest(connection),
        wasSilent: () => {
          asks = false;
        },
      });
      socket.once("close", () => {
        const place = idle.indexOf(connection);
        if (place !== -1) idle.splice(place, 1);
      });
      ready(connection);
    });
    return socket;
  };

  const rest = (connection: Http1Connection): void => {
    connection.idleSince = performance.now();
    idle.push(connection);
    const [oldest] = idle;
    if (oldest !== undefined && (idle.length > mostIdle || connection.idleSince - oldest.idleSince > keepIdleMs)) {
      idle.shift();
      oldest.socket.destroy();
    }
  };

  return {
    send: (request, events) => {
      let given = false;
      let socket: net.Socket | undefined;
      const fail = (error: Error, unsent: boolean): void => events.fail({ ...upstreamFailure(error), unsent });
      const message = outgoing(request, asks);
      if (message === undefined) {
        fail(new Error("a header field that cannot be sent"), false);
        return () => {};
      }
      const carry = (connection: Http1Connection, isFresh: boolean): void => {
        socket = connection.socket;
        connection.send(
          message,
          carriageOf(events, socket, (error, unsent) => {
            // Kept connections end when Kapacitor does; whether there is another one, a new connection tells.
            if (unsent && !isFresh && !given) attempt();
            else fail(error, unsent);
          }),
        );
      };
      const attempt = (): void => {
        socket = openConnection(
          (connection) => carry(connection, true),
          (error) => fail(error, true),
        );
      };
      const kept = idle.pop();
      if (kept === undefined) attempt();
      else carry(kept, false);
      return () => {
        given = true;
        socket?.destroy(new Error("given up"));
      };
    },
    close: () => {
      for (const socket of open) socket.destroy(new Error("closed"));
    },
  };
}

/** What a request on a connection tells of itself, told to the queue. */
function carriageOf(events: WriteEvents, socket: net.Socket, failed: OutgoingEvents["failed"]): OutgoingEvents {
  const pace: Pace = { pause: () => socket.pause(), resume: () => socket.resume() };
  let isSent = false;
  const send = (): void => {
    if (!isSent) events.sent();
    isSent = true;
  };
  return {
    bodyLeaves: send,
    head: ({ status, statusText, headers }) => {
      send();
      events.head(status, statusText, headers, pace);
    },
    data: (chunk) => events.data(chunk, pace),
    done: () => events.end(),
    failed,
  };
}

/**
 * The request as it is sent; undefined where a part of its head would be read as more than it is, which no client can bring about.
 * @param asks bodies wait until they are asked for
 */
function outgoing({ path, headers, body }: WriteRequest, asks: boolean): OutgoingRequest | undefined {
  if (/[\s\0]/.test(path) || headers.some((text) => /[\r\n\0]/.test(text))) return undefined;
  const isWhole = Buffer.isBuffer(body);
  let hasLength = isWhole;
  let head = `POST ${path} HTTP/1.1\r\n`;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = "", value = ""] = [headers[at], headers[at + 1]];
    if (name === "content-length") hasLength = true;
    head += `${name}: ${value}\r\n`;
  }
  if (isWhole) head += `content-length: ${body.length}\r\n`;
  else if (!hasLength) head += "transfer-encoding: chunked\r\n";
  const isAsked = asks && !(isWhole && body.length === 0);
  if (isAsked) head += "expect: 100-continue\r\n";
  return { head: `${head}\r\n`, body, isChunked: !hasLength, asks: isAsked };
}
