import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { deny } from "../core/decision.ts";
import type { StoredAnswer } from "../core/stored-state.ts";
import { type UpstreamFailure, upstreamFailure } from "./failure.ts";
import { maxActive, type Upstream } from "./instance.ts";

export interface StoredOutcome {
  readonly kind: "answer";
  readonly answer: StoredAnswer;
}

/** No stored object comes near this; a list of many tasks may. In bytes. */
const largestAnswer = 64_000_000;

/** Bounds for one question, below those that hold for all of them. */
export interface QuestionLimits {
  /** In bytes; a longer answer is a failure. */
  readonly largestAnswer?: number;
  /** Ends the question at once, as a failure. */
  readonly signal?: AbortSignal;
}

/**
 * Asks Kapacitor what it has stored, with the instance's credentials and never a client's. Takes at most the instance's timeout, and an answer of bounded size.
 * Never rejects. A kept connection that turns out to be dead is replaced once.
 * @param path origin-form target of a GET
 */
export async function askUpstream(
  upstream: Upstream,
  path: string,
  limits: QuestionLimits = {},
): Promise<StoredOutcome | UpstreamFailure> {
  if (upstream.active >= maxActive) {
    const decision = deny("overloaded", undefined, { retryAfterSeconds: 1 });
    return { kind: "failure", unsent: true, decision, cause: "too many requests under way" };
  }
  upstream.active++;
  try {
    const first = await askOnce(upstream, path, limits);
    return first === "dead" ? settled(await askOnce(upstream, path, limits)) : first;
  } finally {
    upstream.active--;
  }
}

function settled(outcome: StoredOutcome | UpstreamFailure | "dead"): StoredOutcome | UpstreamFailure {
  return outcome === "dead" ? upstreamFailure(new Error("a kept connection was dead twice")) : outcome;
}

function askOnce(
  upstream: Upstream,
  path: string,
  { largestAnswer: largest = largestAnswer, signal }: QuestionLimits,
): Promise<StoredOutcome | UpstreamFailure | "dead"> {
  const { origin, options, agent } = upstream;
  const library = origin.protocol === "https:" ? https : http;
  return new Promise((resolve) => {
    const request = library.request({
      agent,
      host: origin.hostname.replace(/^\[|\]$/g, ""),
      port: origin.port || (origin.protocol === "https:" ? 443 : 80),
      method: "GET",
      path,
      ...(signal === undefined ? {} : { signal }),
      headers: {
        host: upstream.host,
        accept: "application/json",
        ...(upstream.authorization === undefined ? {} : { authorization: upstream.authorization }),
      },
    });
    const timer = setTimeout(
      () => request.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })),
      options.timeoutMs,
    );
    const finish = (outcome: StoredOutcome | UpstreamFailure | "dead"): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    request.once("error", (error) => {
      const failure = upstreamFailure(error);
      finish(request.reusedSocket && failure.decision.reason === "upstream_reset" ? "dead" : failure);
    });
    request.once("response", (message) => collect(message, largest).then(finish));
    request.end();
  });
}

/** Reads an answer to its end. One that breaks off is none. */
function collect(message: IncomingMessage, largest: number): Promise<StoredOutcome | UpstreamFailure> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on("data", (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= largest) return;
      const decision = deny("stored_state_unreadable", `what Kapacitor has stored is longer than ${largest} bytes`);
      resolve({ kind: "failure", unsent: false, decision, cause: "answer too long" });
      message.destroy();
    });
    message.once("error", (error) => resolve(upstreamFailure(error)));
    message.once("close", () => {
      if (!message.complete) return resolve(upstreamFailure(new Error("the answer broke off")));
      if (message.statusCode === 401) {
        return resolve({ kind: "failure", unsent: false, decision: deny("upstream_unauthorized"), cause: "401" });
      }
      resolve({ kind: "answer", answer: { status: message.statusCode ?? 0, body: Buffer.concat(chunks, length) } });
    });
  });
}
