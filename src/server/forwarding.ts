import type { IncomingMessage } from "node:http";
import { PassThrough, pipeline } from "node:stream";
import { deny, type Forward } from "../core/decision.ts";
import { headerValues, requestHeaders, responseHeaders } from "../core/headers.ts";
import { classInfo } from "../core/routes.ts";
import type { Upstream } from "../upstream/instance.ts";
import { callUpstream } from "../upstream/stream.ts";
import { readBody, watchBody } from "./body.ts";
import { type Exchange, hasBody } from "./exchange.ts";
import { principalField } from "./principal-header.ts";
import { refuse } from "./respond.ts";
import type { GatewayState } from "./state.ts";

/** What became of a request that was sent. */
export interface Sent {
  /** Resolves when Kapacitor's answer has ended, or will not come; how fast the client takes it does not matter. */
  readonly done: Promise<void>;
}

const over: Sent = { done: Promise.resolve() };

/** Bytes of an answer to a definition that wait here for a slow client, so that Kapacitor's part of it ends when Kapacitor is done. */
const answerBuffer = 8_388_608;

/**
 * Carries out a decision to forward on the API lane: sends the plan, streams the answer back, and accounts for it in the exchange.
 * Resolves when the answer has begun or has been refused; the rest streams on by itself.
 * @param judged the body, where it was read already
 */
export async function forward(state: GatewayState, exchange: Exchange, plan: Forward, judged?: Buffer): Promise<Sent> {
  const upstream = state.upstreams.get(plan.instance);
  const route = exchange.located?.route;
  const realm = state.config.http.realm;
  if (upstream === undefined || route?.kind !== "route") {
    refuse(exchange, deny("internal_error"), realm);
    return over;
  }
  const info = classInfo(route.class);
  let body = judged;
  if (info.definition && body === undefined) {
    const read = await readBody(exchange, state.config.http["max-body-size"], state.config.http["body-timeout"]);
    if (read.kind === "gone") return over;
    if (read.kind === "deny") {
      refuse(exchange, read, realm);
      return over;
    }
    body = read.bytes;
  }
  const startedAt = performance.now();
  const call = callUpstream(upstream, exchange.request, {
    method: plan.method,
    path: plan.path,
    headers: headersFor(state, exchange, upstream, body),
    body,
    firstByteMs: info.stream ? undefined : upstream.options.timeoutMs,
    isAwaited: info.definition === true,
  });
  // A definition is never given up half way: what Kapacitor stored must be what it was told (rule 5 of docs/decisions).
  if (info.definition !== true) {
    exchange.response.once("close", () => {
      if (!exchange.response.writableFinished) call.abort();
    });
  }
  if (body === undefined && hasBody(exchange)) {
    if (exchange.head.expectsContinue) exchange.response.writeContinue();
    exchange.request.on("data", (chunk: Buffer) => {
      exchange.bytesIn += chunk.length;
    });
    watchBody(exchange, state.config.http["body-timeout"], () => {
      refuse(exchange, deny("request_timeout", "the request body did not arrive in time"), realm);
      call.abort();
    });
  }
  const { change } = exchange;
  const ended = Promise.withResolvers<void>();
  if (change !== undefined) change.sent = ended.promise;
  const outcome = await call.outcome;
  exchange.upstreamMs = performance.now() - startedAt;
  if (outcome.kind === "failure") {
    ended.resolve();
    exchange.cause = outcome.cause;
    if (!exchange.response.destroyed && !exchange.response.headersSent) refuse(exchange, outcome.decision, realm);
    return { done: call.over };
  }
  const { message } = outcome;
  message.once("close", ended.resolve);
  if (change !== undefined) {
    change.upstreamStatus = message.statusCode;
    message.on("data", (chunk: Buffer) => change.noteAnswer(chunk));
  }
  answer(exchange, message, realm, info.definition === true);
  return { done: ended.promise };
}

/** Methods that node frames with an empty chunked body when nothing says that there is none. */
const takesBody = new Set(["POST", "PUT", "PATCH"]);

function headersFor(
  state: GatewayState,
  exchange: Exchange,
  upstream: Upstream,
  body: Buffer | undefined,
): Record<string, string | string[]> {
  const forwardedFor = exchange.viaTrustedProxy ? headerValues(exchange.rawHeaders, "x-forwarded-for").join(", ") : "";
  return requestHeaders(exchange.rawHeaders, {
    upstreamHost: upstream.host,
    remoteAddress: exchange.remoteAddress ?? "",
    forwardedFor: forwardedFor === "" ? undefined : forwardedFor,
    scheme: state.config.http["https-enabled"] ? "https" : "http",
    host: headerValues(exchange.rawHeaders, "host")[0] ?? "",
    authorization: upstream.authorization,
    principal: principalField(upstream.options.principalHeader, exchange.principal),
    bodyLength: body?.length ?? (hasBody(exchange) || !takesBody.has(exchange.head.method ?? "") ? undefined : 0),
  });
}

/** Hands Kapacitor's answer to the client, unchanged but for hop-by-hop headers, as it arrives. */
function answer(exchange: Exchange, message: IncomingMessage, realm: string, isDefinition: boolean): void {
  const { response } = exchange;
  const status = message.statusCode ?? 502;
  exchange.upstreamRequestId = message.headers["request-id"]?.toString();
  if (response.destroyed || response.headersSent) {
    // A definition whose sender left: its answer is read to the end, so that the next one is judged on what Kapacitor has by then.
    message.resume();
    return;
  }
  if (status === 401) {
    message.resume();
    refuse(exchange, deny("upstream_unauthorized"), realm);
    return;
  }
  const headers = responseHeaders(message.rawHeaders);
  if (exchange.upstreamRequestId === undefined) headers.push("Request-Id", exchange.requestId);
  try {
    response.writeHead(status, message.statusMessage, headers);
  } catch (error) {
    message.destroy();
    exchange.cause = error instanceof Error ? error.message : String(error);
    refuse(exchange, deny("upstream_reset", "Kapacitor's answer is not valid HTTP"), realm);
    return;
  }
  response.flushHeaders();
  message.on("data", (chunk: Buffer) => {
    exchange.bytesOut += chunk.length;
  });
  // A truncated answer ends as a broken connection, never as a complete answer: pipeline destroys the response.
  const onEnd = (error?: Error | null): void => {
    if (error !== undefined && error !== null) exchange.cause ??= error.message;
  };
  // Node, Fastify, the pipeline and the gateway all wait for its end: more than ten are no leak.
  response.setMaxListeners(20);
  if (isDefinition) pipeline(message, new PassThrough({ highWaterMark: answerBuffer }), response, onEnd);
  else pipeline(message, response, onEnd);
}
