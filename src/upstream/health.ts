import http from "node:http";
import https from "node:https";
import type { Upstream } from "./instance.ts";

/** Whether Kapacitor answers, as far as is known. */
export interface Health {
  /** What the last ping found; false until there was one. */
  readonly up: boolean;
  /** The version that it last told; undefined when it never did. */
  readonly version: string | undefined;
  /** Whether it answers. What is known is good enough for a moment, else it is asked. Never rejects, takes {@link pingMs} at most. */
  check(): Promise<boolean>;
}

/** How long an answer to a ping may take. */
const pingMs = 2000;
/** However often somebody asks, Kapacitor is pinged once in this time. */
const goodForMs = 1000;
const longestVersion = 64;

interface Answer {
  readonly up: boolean;
  readonly version?: string | undefined;
}

/** Nobody is asked until somebody wants to know: a gateway that nobody looks at sends nothing of its own. */
export function createHealth(upstream: Upstream, now: () => number = () => performance.now()): Health {
  let up = false;
  let version: string | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<boolean> | undefined;

  const ask = async (): Promise<boolean> => {
    askedAt = now();
    const answer = await ping(upstream);
    up = answer.up;
    version = answer.version ?? version;
    return up;
  };

  return {
    get up() {
      return up;
    },
    get version() {
      return version;
    },
    check: () => {
      if (asking === undefined && now() - askedAt < goodForMs) return Promise.resolve(up);
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    },
  };
}

/** Any answer counts that is not a failure of the server or of what stands before it: that it refuses the credentials has its own reason. */
async function ping(upstream: Upstream): Promise<Answer> {
  const first = await pingOnce(upstream);
  // A kept connection may have died unnoticed, which says nothing about Kapacitor.
  const last = first === "dead" ? await pingOnce(upstream) : first;
  return last === "dead" ? { up: false } : last;
}

function pingOnce({ origin, agent, host, authorization }: Upstream): Promise<Answer | "dead"> {
  const library = origin.protocol === "https:" ? https : http;
  return new Promise((resolve) => {
    const request = library.request({
      agent,
      host: origin.hostname.replace(/^\[|\]$/g, ""),
      port: origin.port || (origin.protocol === "https:" ? 443 : 80),
      path: "/kapacitor/v1/ping",
      headers: { host, "user-agent": "kapgate", ...(authorization === undefined ? {} : { authorization }) },
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      request.destroy(new Error("no answer"));
    }, pingMs);
    request.on("error", () => resolve(request.reusedSocket && !late ? "dead" : { up: false }));
    request.once("response", (message) => {
      const version = message.headers["x-kapacitor-version"]?.toString().slice(0, longestVersion);
      resolve({ up: (message.statusCode ?? 500) < 500, version });
      message.on("error", () => {});
      message.resume();
    });
    // An answer that goes on and on is cut by the timer.
    request.once("close", () => clearTimeout(timer));
    request.end();
  });
}
