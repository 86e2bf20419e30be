import { type ClientRequest, type IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { createProxyServer, type ProxyServer, type ServerOptions } from "http-proxy-3";
import { deny } from "../core/decision.ts";
import { addressOf } from "./agent.ts";
import { type UpstreamFailure, upstreamFailure } from "./failure.ts";
import { maxActive, type Upstream } from "./instance.ts";

/** Exactly what is sent: judged before, not changed after. */
export interface UpstreamRequest {
  readonly method: string;
  /** Origin-form target. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** A body that was read already; undefined: the client's own body streams through. */
  readonly body: Buffer | undefined;
  /** Milliseconds from the end of the request to the first byte of the answer; undefined: no limit (streams). */
  readonly firstByteMs: number | undefined;
  /** An answer that is late is waited for all the same, and thrown away: whoever goes on meanwhile has to know when Kapacitor is done. */
  readonly isAwaited: boolean;
}

export interface UpstreamAnswer {
  readonly kind: "answer";
  /** Status, headers, and the body as a stream; the receiver reads or destroys it. */
  readonly message: IncomingMessage;
}

/** A request under way. */
export interface UpstreamCall {
  readonly outcome: Promise<UpstreamAnswer | UpstreamFailure>;
  /** Resolves when nothing of the call is under way any more: its answer has ended, or will not come. */
  readonly over: Promise<void>;
  /** Gives the request up: the connection to the upstream is cut, before or after the answer began. */
  abort(): void;
}

/** One try of a call, found again by the library's events through its lifeline. */
interface Attempt {
  readonly path: string;
  readonly settle: (outcome: UpstreamAnswer | UpstreamFailure) => void;
  sent: ClientRequest | undefined;
}

/**
 * http-proxy-3 behind one function. It is given finished headers, a finished path, an agent, and a response object of our own that no
 * client hangs on: the library tells the end of a request by that object's `close`, so emitting it is how a call is aborted, and a
 * client that leaves cannot abort what must not be aborted. The answer is handed to the caller instead of being piped by the library,
 * which would leave a client hanging when the upstream dies in the middle of one.
 */
const attempts = new WeakMap<object, Attempt>();
const proxy = createLibraryProxy();

function createLibraryProxy(): ProxyServer {
  // Its second code path (fetch) decompresses bodies and cannot be aborted; an environment variable would switch it on.
  delete process.env.FORCE_FETCH_PATH;
  const server = createProxyServer({});
  const passes: unknown = Reflect.get(server, "webPasses");
  // The pass `deleteLength` turns a chunked DELETE into one without a length while its body is still sent: request smuggling.
  const kept = Array.isArray(passes)
    ? passes.filter((pass: unknown) => typeof pass === "function" && pass.name !== "deleteLength")
    : [];
  if (!Array.isArray(passes) || kept.length !== passes.length - 1) {
    throw new Error("this version of http-proxy-3 has other passes than the one this gateway was hardened against");
  }
  Reflect.set(server, "webPasses", kept);
  server.on("proxyReq", (sent, _request, lifeline) => {
    const attempt = attempts.get(lifeline);
    if (attempt === undefined) return;
    attempt.sent = sent;
    if (sent.path !== attempt.path)
      sent.destroy(new Error("the path that would be sent is not the one that was judged"));
  });
  server.on("proxyRes", (message, _request, lifeline) => attempts.get(lifeline)?.settle({ kind: "answer", message }));
  server.on("econnreset", (error, _request, lifeline) => attempts.get(lifeline)?.settle(upstreamFailure(error)));
  return server;
}

/**
 * Sends a request to the upstream. The outcome is the answer's head with its body still to come, or why there is none; it never rejects.
 * A GET or HEAD without a body is sent a second time when a kept connection turned out to be dead; nothing else is ever sent twice.
 */
export function callUpstream(upstream: Upstream, request: IncomingMessage, plan: UpstreamRequest): UpstreamCall {
  if (upstream.active >= maxActive) {
    const decision = deny("overloaded", undefined, { retryAfterSeconds: 1 });
    return {
      outcome: Promise.resolve({ kind: "failure", unsent: true, decision, cause: "too many requests under way" }),
      over: Promise.resolve(),
      abort: () => {},
    };
  }
  upstream.active++;
  let aborted = false;
  /** The caller has been told that there is no answer, and it is still waited for. */
  let isLate = false;
  let current: ServerResponse | undefined;
  const over = Promise.withResolvers<void>();
  void over.promise.then(() => upstream.active--);
  const attemptOnce = (): Promise<UpstreamAnswer | UpstreamFailure> =>
    new Promise((resolve) => {
      const lifeline = new ServerResponse(request);
      let timedOut = false;
      const late = { decision: deny("upstream_timeout"), cause: "no answer in time" } as const;
      const stopTimer = startTimer(request, plan, () => {
        timedOut = true;
        isLate = plan.isAwaited;
        if (isLate) resolve({ kind: "failure", unsent: false, ...late });
        else lifeline.emit("close");
      });
      const settle = (outcome: UpstreamAnswer | UpstreamFailure): void => {
        stopTimer();
        if (isLate) {
          if (outcome.kind === "failure") over.resolve();
          else
            outcome.message
              .on("error", () => {})
              .once("close", over.resolve)
              .resume();
        } else resolve(timedOut && outcome.kind === "failure" ? { ...outcome, ...late } : outcome);
      };
      attempts.set(lifeline, { path: plan.path, settle, sent: undefined });
      current = lifeline;
      request.method = plan.method;
      request.url = plan.path;
      request.headers = { ...plan.headers };
      try {
        proxy.web(request, lifeline, libraryOptions(upstream, plan), (error) => settle(upstreamFailure(error)));
      } catch (error) {
        settle(upstreamFailure(error));
      }
    });
  const mayRepeat = (plan.method === "GET" || plan.method === "HEAD") && !hasBody(plan);
  const outcome = attemptOnce()
    .then((first) => {
      const reused = current !== undefined && attempts.get(current)?.sent?.reusedSocket === true;
      const dead = first.kind === "failure" && first.decision.reason === "upstream_reset";
      return dead && reused && mayRepeat && !aborted ? attemptOnce() : first;
    })
    .then((final) => {
      if (final.kind === "answer") final.message.once("close", over.resolve);
      else if (!isLate) over.resolve();
      return final;
    });
  return {
    outcome,
    over: over.promise,
    abort: () => {
      aborted = true;
      current?.emit("close");
    },
  };
}

function libraryOptions(upstream: Upstream, plan: UpstreamRequest): ServerOptions {
  const { origin, options } = upstream;
  return {
    // Without a pathname the library joins nothing to the path; `toProxy` keeps it from normalising it.
    target: { protocol: origin.protocol, ...addressOf(origin) },
    toProxy: true,
    agent: upstream.agent,
    secure: !options.insecureSkipVerify,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    connectTimeout: options.connectTimeoutMs,
    selfHandleResponse: true,
    ...(plan.body === undefined ? {} : { buffer: Readable.from(plan.body.length === 0 ? [] : [plan.body]) }),
  };
}

function hasBody(plan: UpstreamRequest): boolean {
  return plan.body !== undefined || (plan.headers["content-length"] ?? "0") !== "0";
}

/** Arms the first-byte limit once the client's body has passed: a slow upload is not a slow upstream. Returns how to disarm it. */
function startTimer(request: IncomingMessage, plan: UpstreamRequest, onExpiry: () => void): () => void {
  const { firstByteMs } = plan;
  if (firstByteMs === undefined) return () => {};
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => {
    timer = setTimeout(onExpiry, firstByteMs);
  };
  if (plan.body !== undefined || request.complete || !hasBody(plan)) arm();
  else request.once("end", arm);
  return () => {
    request.off("end", arm);
    clearTimeout(timer);
  };
}
