import http, { type Agent, type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { addressOf, closeIdle, createAgent } from "./agent.ts";
import { type UpstreamFailure, upstreamFailure } from "./failure.ts";
import type { UpstreamOptions } from "./instance.ts";

/** One request of the write lane as it leaves. */
export interface WriteRequest {
  /** Origin-form target. */
  readonly path: string;
  /** Names and values in turn, without framing. */
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

/** How long a connection is kept that nothing is sent on. Kapacitor itself never closes an idle one. */
const keepAliveMs = 60_000;
/** A server that says nothing to a head gets the body all the same after this long (RFC 9110 section 10.1.1). */
const patienceMs = 200;
/** Node's own limit is 16 kB. */
const maxHeaderBytes = 65_536;

/**
 * Opens nothing yet. Every body waits for Kapacitor to ask for it (`Expect: 100-continue`, RFC 9110 section 10.1.1): Go sends
 * `100 Continue` when the handler begins to read. So a connection that ends before that, because Kapacitor was restarted for example, has
 * certainly stored nothing, and the request is sent again; after it, nobody knows, and it is not.
 */
export function createWriteLink(options: UpstreamOptions): WriteLink {
  const url = new URL(options.url);
  const link: Link = {
    agent: createAgent(options, keepAliveMs),
    request: url.protocol === "https:" ? https.request : http.request,
    address: addressOf(url),
    connectTimeoutMs: options.connectTimeoutMs,
    asks: true,
    closed: 0,
  };
  return {
    send: (request, events) => {
      const carriage = new Carriage(link, request, events);
      carriage.begin();
      return () => carriage.abort();
    },
    close: () => {
      link.closed += 1;
      link.agent.destroy();
    },
  };
}

/** What the requests of a link share. */
interface Link {
  readonly agent: Agent;
  readonly request: typeof http.request;
  readonly address: { readonly host: string; readonly port: number };
  readonly connectTimeoutMs: number;
  /** Cleared for a server that takes bodies without ever asking for them. */
  asks: boolean;
  /** How often it was closed: what was under way then does not begin again. */
  closed: number;
}

/** A request under way. */
class Carriage {
  readonly #link: Link;
  readonly #request: WriteRequest;
  readonly #events: WriteEvents;
  readonly #closed: number;
  #message: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The head says Expect. */
  #asked = false;
  /** It was answered with 100 Continue. */
  #wanted = false;
  /** The body has begun to leave. */
  #sent = false;
  #aborted = false;
  #over = false;

  constructor(link: Link, request: WriteRequest, events: WriteEvents) {
    this.#link = link;
    this.#closed = link.closed;
    this.#request = request;
    this.#events = events;
  }

  begin(): void {
    const { agent, request, address, asks } = this.#link;
    const { path, headers, body } = this.#request;
    const framed = [...headers];
    if (Buffer.isBuffer(body)) framed.push("content-length", String(body.length));
    this.#asked = asks && !(Buffer.isBuffer(body) && body.length === 0);
    if (this.#asked) framed.push("expect", "100-continue");
    let message: ClientRequest;
    try {
      message = request({ ...address, agent, method: "POST", path, headers: framed, maxHeaderSize: maxHeaderBytes });
    } catch (error) {
      // What cannot be put into a head fails again, however often it is tried.
      process.nextTick(() => this.#fail(error, false));
      return;
    }
    this.#message = message;
    message.on("socket", (socket) => this.#connect(socket));
    message.on("continue", () => {
      this.#wanted = true;
      this.#sendBody();
    });
    message.on("response", (response) => this.#answer(response));
    message.on("error", (error) => this.#broken(error));
    message.on("close", () => {
      if (!this.#over) this.#broken(new Error("the connection was closed"));
    });
  }

  abort(): void {
    this.#aborted = true;
    const error = new Error("given up");
    this.#message?.destroy(error);
    // Of an answer that is complete, the connection may be gone already.
    this.#response?.destroy(error);
  }

  #connect(socket: Socket): void {
    if (!socket.connecting) {
      this.#connected();
      return;
    }
    const { connectTimeoutMs } = this.#link;
    this.#timer = setTimeout(() => {
      this.#message?.destroy(Object.assign(new Error("connect-timeout"), { code: "ECONNECT_TIMEOUT" }));
    }, connectTimeoutMs);
    socket.once("encrypted" in socket ? "secureConnect" : "connect", () => {
      clearTimeout(this.#timer);
      this.#connected();
    });
  }

  #connected(): void {
    if (!this.#asked) this.#sendBody();
    else this.#timer = setTimeout(() => this.#sendBody(), patienceMs);
  }

  #sendBody(): void {
    const message = this.#message;
    if (message === undefined || this.#sent || this.#over) return;
    clearTimeout(this.#timer);
    this.#sent = true;
    this.#events.sent();
    // Whoever was told may have given it up.
    if (message.destroyed) return;
    const { body } = this.#request;
    if (Buffer.isBuffer(body)) {
      message.end(body);
      return;
    }
    // A part never passes for the whole. Its client may have left long ago, and nothing more is heard of a body that is gone.
    if (body.destroyed) message.destroy(body.errored ?? new Error("the body is gone"));
    else body.on("error", (error) => message.destroy(error)).pipe(message);
  }

  #answer(response: IncomingMessage): void {
    clearTimeout(this.#timer);
    const { statusCode: status = 0, statusMessage: text = "", rawHeaders } = response;
    // 101 without Upgrade: nobody asked for another protocol.
    if (status < 200) {
      this.#message?.destroy(new Error("an answer of no use"));
      return;
    }
    // A refusal of what it did not read does not tell that it would have taken it unasked.
    const isUnasked = status < 300 || (status === 417 && !this.#sent);
    if (!this.#wanted && this.#asked && isUnasked) this.#link.asks = false;
    if (!this.#sent && isUnasked && this.#asked) {
      // It accepts what it has not seen, or does not know Expect: nothing is stored, and it has to see it.
      this.#again();
      return;
    }
    if (!this.#sent) {
      // A refusal needs no body.
      this.#sent = true;
      this.#events.sent();
    }
    this.#response = response;
    response.on("error", (error) => this.#fail(error, false));
    response.on("close", () => this.#fail(new Error("the connection was closed"), false));
    this.#events.head(status, text, rawHeaders, response);
    response.on("data", (chunk: Buffer) => {
      if (!this.#over) this.#events.data(chunk, response);
    });
    response.on("end", () => {
      if (this.#over) return;
      this.#over = true;
      // A connection that has not taken the whole body can carry nothing else.
      if (this.#message?.writableFinished === false) this.#message.destroy();
      this.#events.end();
    });
  }

  /** The connection ended before the answer did. */
  #broken(error: Error): void {
    // What comes after a complete answer, or ends the connection, does not undo it: its end is still to be read.
    if (this.#over || (this.#response?.complete === true && !this.#response.destroyed)) return;
    const mayRepeat = !this.#sent && !this.#aborted && this.#closed === this.#link.closed;
    if (mayRepeat && this.#message?.reusedSocket === true) {
      // Kapacitor is gone or has a new process; what was kept is of the old one. A new connection tells which.
      closeIdle(this.#link.agent);
      this.#again();
    } else this.#fail(error, !this.#sent);
  }

  #fail(error: unknown, unsent: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#events.fail({ ...upstreamFailure(error), unsent });
  }

  /** Tries once more, and hears no more of the try before. */
  #again(): void {
    clearTimeout(this.#timer);
    this.#message?.removeAllListeners().on("error", () => {});
    this.#message?.destroy();
    this.begin();
  }
}
