import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Forward } from "../core/decision.ts";
import type { Located } from "../core/instances.ts";
import type { Principal } from "../core/principal.ts";
import type { Target } from "../core/target.ts";
import type { Reason } from "../errors.ts";
import type { ChangeTrail } from "./change-trail.ts";
import type { HeadBytes } from "./known-heads.ts";

/** The part of a writer's records that is always the same, as JSON members; kept here by the access log. */
export interface CommonRecord {
  recordText: string | undefined;
}

/** The head of a request as node read it. */
export interface ExchangeHead {
  readonly method: string;
  /** The request target as it arrived, one UTF-16 unit per byte. */
  readonly url: string;
  /** Names and values in turn, as they arrived. */
  readonly rawHeaders: readonly string[];
  /** True when the caller waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
  /** Declared length of the body in bytes; undefined when it is chunked or there is none. */
  readonly contentLength: number | undefined;
  readonly chunked: boolean;
  /** The bytes that it was read from, where they are known. */
  readonly bytes: HeadBytes | undefined;
}

/** One request and what became of it. Opened before any gate, so that refusals are logged too; written to the log once, at the end. */
export abstract class Exchange {
  readonly requestId = randomUUID();
  /** Milliseconds on the monotonic clock. */
  readonly startedAt = performance.now();
  /** The client's end of the connection. */
  readonly socket: Socket;
  readonly head: ExchangeHead;
  /** The socket peer; in canonical form once it was read. */
  remoteAddress: string | undefined;
  /** The peer is a trusted proxy. */
  viaTrustedProxy = false;
  /** The path for the log: no query, no subscription path. */
  loggedPath = "";
  clientAddress: string | undefined = undefined;
  target: Target | undefined = undefined;
  /** The query that goes on: the client's, less credentials. */
  query: string | undefined = undefined;
  located: Located | undefined = undefined;
  principal: Principal | undefined = undefined;
  reason: Reason | undefined = undefined;
  /** What `mode = "report"` let through. */
  wouldRefuse: Forward["wouldRefuse"] = undefined;
  /** What went wrong inside, for the log only. */
  cause: string | undefined = undefined;
  /** Kapacitor's Request-Id, from its answer. */
  upstreamRequestId: string | undefined = undefined;
  upstreamMs: number | undefined = undefined;
  /** What its record has in common with those of its writer; undefined: it is not a write that was admitted. */
  common: CommonRecord | undefined = undefined;
  /** For the audit log; undefined: the request changes nothing. */
  change: ChangeTrail | undefined = undefined;
  bytesIn = 0;
  bytesOut = 0;

  constructor(socket: Socket, head: ExchangeHead) {
    this.socket = socket;
    this.head = head;
    this.remoteAddress = socket.remoteAddress;
  }

  abstract get request(): IncomingMessage;
  abstract get response(): ServerResponse;
  /** The whole body has arrived. */
  abstract get isComplete(): boolean;
  /** Nobody is there for an answer any more. */
  abstract get isGone(): boolean;
  /** The status that the client was sent; 0: no answer began. */
  abstract get status(): number;
  /** The system has taken the whole of the answer. */
  abstract get isDelivered(): boolean;

  get rawHeaders(): readonly string[] {
    return this.head.rawHeaders;
  }
}

/** A request that node read. */
export class HttpExchange extends Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;

  /** @param bytes those that the head was read from, where they are known */
  constructor(
    socket: Socket,
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
    bytes: HeadBytes | undefined,
  ) {
    const { method = "", url = "", rawHeaders } = request;
    const length = request.headers["content-length"];
    const chunked = request.headers["transfer-encoding"] !== undefined;
    const contentLength = length === undefined ? undefined : Number(length);
    super(socket, { method, url, rawHeaders, expectsContinue, contentLength, chunked, bytes });
    this.request = request;
    this.response = response;
    // The record, the connection table, Fastify, the forwarding and the stream's own plumbing all wait for its end: a known number, no leak.
    response.setMaxListeners(32);
  }

  get isComplete(): boolean {
    return this.request.complete;
  }

  get isGone(): boolean {
    return this.response.destroyed;
  }

  get status(): number {
    return this.response.headersSent ? this.response.statusCode : 0;
  }

  get isDelivered(): boolean {
    return this.response.writableFinished;
  }
}

/** Whether a body follows the header section. */
export function hasBody(exchange: Exchange): boolean {
  return exchange.head.chunked || (exchange.head.contentLength ?? 0) > 0;
}

/** The route class for logs and metrics: a bounded set of words. */
export function classOf(exchange: Exchange): string {
  const route = exchange.located?.route;
  return route?.kind === "route" ? route.class : "unknown";
}
