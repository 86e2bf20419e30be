import type { Readable } from "node:stream";
import { type Dispatcher, Pool } from "undici";
import { type UpstreamFailure, upstreamFailure } from "./failure.ts";
import type { UpstreamOptions } from "./instance.ts";

/** One request of the write lane as it leaves. */
export interface WriteRequest {
  /** Origin-form target. */
  readonly path: string;
  /** Names and values in turn, without Host and framing. */
  readonly headers: readonly string[];
  /** Whole, or as a stream that is not read before a connection is there. */
  readonly body: Buffer | Readable;
}

/** How the receiver of an answer slows it down. */
export interface Pace {
  pause(): void;
  resume(): void;
}

/** What becomes of a request, in this order; `end` or `fail` comes last, exactly once. */
export interface WriteEvents {
  /** A connection is there and the first byte leaves now. */
  sent(): void;
  /** Status and header section of the answer: names and values in turn, as they came. */
  head(status: number, statusText: string, headers: readonly string[], pace: Pace): void;
  data(chunk: Buffer, pace: Pace): void;
  end(): void;
  /** `unsent` is exact: true when no byte of the request left. */
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

/** Opens nothing yet: connections are made when they are needed and kept (no proxy environment variables are read). */
export function createWriteLink(options: UpstreamOptions): WriteLink {
  const createPool = (): Pool =>
    new Pool(new URL(options.url).origin, {
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      // The queue keeps the time of a write as a whole.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: options.connectTimeoutMs,
        rejectUnauthorized: !options.insecureSkipVerify,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      },
    });
  let pool: Pool | undefined;
  return {
    send: (request, events) => {
      pool ??= createPool();
      const carriage = new Carriage(events);
      const { path, headers, body } = request;
      pool.dispatch({ method: "POST", path, headers: [...headers], body, blocking: false }, carriage);
      return () => carriage.abort();
    },
    close: () => {
      pool?.destroy().catch(() => {});
      pool = undefined;
    },
  };
}

/** A request under way, as undici sees it. */
class Carriage implements Dispatcher.DispatchHandler {
  readonly #events: WriteEvents;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;

  constructor(events: WriteEvents) {
    this.#events = events;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(new Error("given up"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(new Error("given up"));
    else this.#events.sent();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    // Interim answers are hop-by-hop.
    if (status >= 200) this.#events.head(status, statusText ?? "", textsOf(controller.rawHeaders), controller);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#events.data(chunk, controller);
  }

  onResponseEnd(): void {
    this.#events.end();
  }

  onResponseError(controller: Dispatcher.DispatchController | null | undefined, error: Error): void {
    // There is a controller as soon as there was a connection for the request.
    const unsent = (controller ?? undefined) === undefined && !isPermanent(error);
    this.#events.fail({ ...upstreamFailure(error), unsent });
  }
}

/** Errors of undici itself: the same request would fail again. */
function isPermanent(error: Error): boolean {
  const code = "code" in error ? String(error.code) : "";
  return ["UND_ERR_INVALID_ARG", "UND_ERR_NOT_SUPPORTED", "UND_ERR_DESTROYED", "UND_ERR_CLOSED"].includes(code);
}

function textsOf(raw: Dispatcher.DispatchController["rawHeaders"]): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === "string" ? part : part.toString("latin1")));
}
