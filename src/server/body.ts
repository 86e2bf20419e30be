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

/** Bytes of bodies that are in memory whole, of all requests. */
export interface BodyBudget {
  /** Takes bytes for a request until its response is closed; false: there is no room. */
  take(exchange: Exchange, bytes: number): boolean;
}

/** @param most bytes; a single body may be longer, alone */
export function createBodyBudget(most: number): BodyBudget {
  const held = new WeakMap<Exchange, number>();
  let total = 0;
  return {
    take: (exchange, bytes) => {
      if (exchange.response.destroyed) return false;
      const mine = held.get(exchange) ?? 0;
      if (total + bytes > most && total > mine) return false;
      if (mine === 0)
        exchange.response.once("close", () => {
          total -= held.get(exchange) ?? 0;
          held.delete(exchange);
        });
      held.set(exchange, mine + bytes);
      total += bytes;
      return true;
    },
  };
}

/** What node keeps for a piece of a body, however small. */
const pieceOverheadBytes = 512;
/** Of the process: thousands of connections with a body of max-body-size each would end it. */
const processBudget = createBodyBudget(268_435_456);
const overloaded = deny("overloaded", "too many request bodies are being read; try again", { retryAfterSeconds: 1 });

/** A whole body, a refusal, or a client that left while sending. */
export type BodyResult = { readonly kind: "body"; readonly bytes: Buffer } | Deny | { readonly kind: "gone" };

/**
 * Reads a whole body of at most `limit` bytes, with at most `timeoutMs` between bytes. Never throws; a body that is longer is refused
 * as soon as that is known, by its Content-Length or by what arrived, and one for which there is no room when that is met.
 */
export function readBody(
  exchange: Exchange,
  limit: number,
  timeoutMs: number,
  budget: BodyBudget = processBudget,
): Promise<BodyResult> {
  const { request, response } = exchange;
  const tooLarge = (): Deny => deny("body_too_large", `the request body is larger than ${limit} bytes`);
  if ((exchange.head.contentLength ?? 0) > limit) return Promise.resolve(tooLarge());
  if (!hasBody(exchange)) return Promise.resolve({ kind: "body", bytes: Buffer.alloc(0) });
  if (exchange.head.expectsContinue) response.writeContinue();
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
      else if (!budget.take(exchange, chunk.length + pieceOverheadBytes)) settle(overloaded);
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
