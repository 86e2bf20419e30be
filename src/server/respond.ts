import type { IncomingMessage } from "node:http";
import type { Challenge, Deny } from "../core/decision.ts";
import { statusOf } from "../errors.ts";
import { type Exchange, hasBody } from "./exchange.ts";

/** Bodies up to this size are read and thrown away after a refusal so that the connection lives on; larger ones cost the connection. */
const drainableBytes = 1_048_576;
/** How long a refused caller may go on sending before the connection is cut, so that it has a chance to read the answer (lingering close). */
const lingerMs = 2000;

/**
 * Answers with a refusal, once: JSON in Kapacitor's shape on the API lane, one line of text on the write lane (influxd logs it).
 * Does nothing when an answer has begun already; then the connection is cut so that the client sees a broken answer.
 */
export function refuse(exchange: Exchange, refusal: Deny | Challenge, realm: string): void {
  const { response, request } = exchange;
  exchange.reason = refusal.reason;
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const headers: Record<string, string> = { "Request-Id": exchange.requestId, "Cache-Control": "no-store" };
  if (refusal.kind === "challenge") headers["WWW-Authenticate"] = `Basic realm="${realm}", charset="UTF-8"`;
  if (refusal.kind === "deny" && refusal.allow !== undefined) headers.Allow = refusal.allow.join(", ");
  if (refusal.kind === "deny" && refusal.retryAfterSeconds !== undefined)
    headers["Retry-After"] = String(refusal.retryAfterSeconds);
  const body = isWriteShaped(exchange)
    ? `kapgate ${refusal.reason} ${exchange.requestId}: ${refusal.text.replace(/\s*\n\s*/g, " ")}\n`
    : `${JSON.stringify({ error: refusal.text, message: refusal.text, code: refusal.reason })}\n`;
  headers["Content-Type"] = isWriteShaped(exchange) ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
  headers["Content-Length"] = String(Buffer.byteLength(body));
  if (!isDrainable(exchange) || refusal.reason === "request_timeout") {
    response.shouldKeepAlive = false;
    linger(request);
  }
  response.writeHead(statusOf(refusal.reason), headers);
  response.end(request.method === "HEAD" ? undefined : body);
  exchange.bytesOut = Buffer.byteLength(body);
}

/** Whether the answer is for a writer: known from the lane, or, before the lane is known, from the look of the request. */
function isWriteShaped(exchange: Exchange): boolean {
  if (exchange.located !== undefined) return exchange.located.lane === "write";
  return exchange.head.method === "POST" && /\/write(?:\?|$)/.test(exchange.head.url);
}

function isDrainable(exchange: Exchange): boolean {
  if (exchange.isComplete || !hasBody(exchange)) return true;
  // A caller that waits for 100 Continue may or may not send its body now: only a new connection is in a known state.
  return (
    !exchange.head.expectsContinue && !exchange.head.chunked && (exchange.head.contentLength ?? 0) <= drainableBytes
  );
}

/** Reads on for a while after an answer that came before the end of its request, then cuts the connection; the answer has to say `close`. */
export function linger(request: IncomingMessage): void {
  const socket = request.socket;
  request.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}
