import { type Deny, deny } from "../core/decision.ts";
import { type Exchange, hasBody } from "./exchange.ts";

/**
 * Watches a body that is still arriving: when no byte came for `timeoutMs` although we are willing to take one, calls `onStall` once.
 * Ends by itself with the body or the connection.
 */
export function watchBody(exchange: Exchange, timeoutMs: number, onStall: () => void): void {
  const { request } = exchange;
  if (request.complete || timeoutMs === 0) return;
  const socket = request.socket;
  let seen = socket.bytesRead;
  const timer = setInterval(() => {
    if (request.complete || request.destroyed) stop();
    else if (socket.bytesRead !== seen || request.isPaused() || request.readableLength > 0) seen = socket.bytesRead;
    else {
      stop();
      onStall();
    }
  }, timeoutMs).unref();
  const stop = (): void => clearInterval(timer);
  request.once("end", stop);
  request.once("close", stop);
}

/** A whole body, a refusal, or a client that left while sending. */
export type BodyResult = { readonly kind: "body"; readonly bytes: Buffer } | Deny | { readonly kind: "gone" };

/**
 * Reads a whole body of at most `limit` bytes, with at most `timeoutMs` between bytes. Never throws; a body that is longer is refused
 * as soon as that is known, by its Content-Length or by what arrived.
 */
export function readBody(exchange: Exchange, limit: number, timeoutMs: number): Promise<BodyResult> {
  const { request, response } = exchange;
  const tooLarge = (): Deny => deny("body_too_large", `the request body is larger than ${limit} bytes`);
  if ((exchange.contentLength ?? 0) > limit) return Promise.resolve(tooLarge());
  if (!hasBody(exchange)) return Promise.resolve({ kind: "body", bytes: Buffer.alloc(0) });
  if (exchange.expectsContinue) response.writeContinue();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (result: BodyResult): void => {
      request.off("data", take);
      request.off("end", finish);
      request.off("close", leave);
      resolve(result);
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > limit) settle(tooLarge());
    };
    const finish = (): void => {
      exchange.bytesIn = length;
      const bytes = chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks, length);
      if (exchange.change !== undefined) exchange.change.body = bytes;
      settle({ kind: "body", bytes });
    };
    const leave = (): void => settle({ kind: "gone" });
    request.on("data", take);
    request.once("end", finish);
    request.once("close", leave);
    watchBody(exchange, timeoutMs, () => settle(deny("request_timeout", "the request body did not arrive in time")));
  });
}
