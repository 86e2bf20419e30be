import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import { type Reason, statusOf, textOf } from "../errors.ts";

const reasonByCode: Readonly<Record<string, Reason>> = {
  HPE_HEADER_OVERFLOW: "headers_too_large",
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "body_too_large",
};

/** What is known of a request that could not be read. */
export interface BrokenRequest {
  readonly requestId: string;
  readonly reason: Reason;
  readonly status: number;
  readonly remoteAddress: string | undefined;
}

/** How long the peer may take to read the answer and close; one that does not is cut. */
const lingerMs = 2000;

/**
 * Answers what node's parser could not read as HTTP/1.1, with the same body as every refusal, and closes: after bytes with no certain
 * meaning nothing on that connection can be trusted. The record says what was wrong, never what was sent. Returns what was refused, if
 * there was an answer.
 * @param isAnswering an answer has begun on that connection: it is cut instead, or this one would be read as a part of it
 */
export function answerBrokenRequest(
  error: Error,
  socket: Socket,
  isAnswering: boolean,
  log: Logger,
): BrokenRequest | undefined {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (!socket.writable || code === "ECONNRESET" || code === "EPIPE" || isAnswering) {
    socket.destroy();
    return undefined;
  }
  const reason = reasonByCode[code] ?? "bad_request";
  // A connection that was opened ahead of need, as browsers do: there is no request that an answer could belong to.
  if (reason === "request_timeout" && socket.bytesRead === 0) {
    socket.destroy();
    return undefined;
  }
  const requestId = randomUUID();
  const text = textOf(reason);
  const body = `${JSON.stringify({ error: text, message: text, code: reason })}\n`;
  const status = statusOf(reason);
  log.warn(
    {
      request_id: requestId,
      class: "unknown",
      status,
      reason,
      remote_address: socket.remoteAddress,
      bytes_in: socket.bytesRead,
      cause: code,
    },
    "request",
  );
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\nRequest-Id: ${requestId}\r\n` +
      `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once("close", () => clearTimeout(timer));
  return { requestId, reason, status, remoteAddress: socket.remoteAddress };
}
