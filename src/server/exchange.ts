import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Forward } from "../core/decision.ts";
import type { Located } from "../core/instances.ts";
import type { Principal } from "../core/principal.ts";
import type { Target } from "../core/target.ts";
import type { Reason } from "../errors.ts";
import type { ChangeTrail } from "./change-trail.ts";

/** The part of a writer's records that is always the same, as JSON members; kept here by the access log. */
export interface CommonRecord {
  recordText: string | undefined;
}

/** One request and what became of it. Opened before any gate, so that refusals are logged too; written to the log once, at the end. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number;
  /** The socket peer; in canonical form once it was read. */
  remoteAddress: string | undefined;
  /** The peer is a trusted proxy. */
  viaTrustedProxy: boolean;
  /** Header section as it arrived, name and value in turn. `request.headers` is replaced on the way to the upstream. */
  readonly rawHeaders: readonly string[];
  /** True when the caller waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
  /** Declared length of the body in bytes; undefined when it is chunked or there is none. */
  readonly contentLength: number | undefined;
  readonly chunked: boolean;
  /** The path for the log: no query, no subscription path. */
  loggedPath: string;
  clientAddress: string | undefined;
  target: Target | undefined;
  /** The query that goes on: the client's, less credentials. */
  query: string | undefined;
  located: Located | undefined;
  principal: Principal | undefined;
  reason: Reason | undefined;
  /** What `mode = "report"` let through. */
  wouldRefuse: Forward["wouldRefuse"];
  /** What went wrong inside, for the log only. */
  cause: string | undefined;
  /** Kapacitor's Request-Id, from its answer. */
  upstreamRequestId: string | undefined;
  upstreamMs: number | undefined;
  /** What its record has in common with those of its writer; undefined: it is not a write that was admitted. */
  common: CommonRecord | undefined;
  /** For the audit log; undefined: the request changes nothing. */
  change: ChangeTrail | undefined;
  bytesIn: number;
  bytesOut: number;
}

/** Opens the record of a request. */
export function openExchange(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Exchange {
  const length = request.headers["content-length"];
  // The record, the connection table, Fastify, the forwarding and the stream's own plumbing all wait for its end: a known number, no leak.
  response.setMaxListeners(32);
  return {
    request,
    response,
    requestId: randomUUID(),
    startedAt: performance.now(),
    remoteAddress: request.socket.remoteAddress,
    viaTrustedProxy: false,
    rawHeaders: request.rawHeaders,
    expectsContinue,
    contentLength: length === undefined ? undefined : Number(length),
    chunked: request.headers["transfer-encoding"] !== undefined,
    loggedPath: "",
    clientAddress: undefined,
    target: undefined,
    query: undefined,
    located: undefined,
    principal: undefined,
    reason: undefined,
    wouldRefuse: undefined,
    cause: undefined,
    upstreamRequestId: undefined,
    upstreamMs: undefined,
    common: undefined,
    change: undefined,
    bytesIn: 0,
    bytesOut: 0,
  };
}

/** Whether a body follows the header section. */
export function hasBody(exchange: Exchange): boolean {
  return exchange.chunked || (exchange.contentLength ?? 0) > 0;
}

/** The route class for logs and metrics: a bounded set of words. */
export function classOf(exchange: Exchange): string {
  const route = exchange.located?.route;
  return route?.kind === "route" ? route.class : "unknown";
}

/** The status that the client was sent; 0: no answer began. */
export function statusOf({ response }: Exchange): number {
  return response.headersSent ? response.statusCode : 0;
}
