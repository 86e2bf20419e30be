import type { Agent } from "node:http";
import { closeIdle, createAgent } from "./agent.ts";
import { WriteQueue } from "./writes.ts";
import type { OnSent } from "./writes-limits.ts";
import { createWriteLink } from "./writes-link.ts";

/** The part of a `[[kapacitor]]` that says how to reach it; durations in milliseconds. */
export interface UpstreamOptions {
  readonly name: string;
  readonly url: string;
  /** PEM of the authorities that may sign its certificate; undefined: the system's. */
  readonly ca: string | undefined;
  readonly insecureSkipVerify: boolean;
  readonly username: string;
  readonly password: string;
  /** Header that tells Kapacitor who a request is from; "": it is not told. */
  readonly principalHeader: string;
  readonly connectTimeoutMs: number;
  /** To the first byte of an answer. */
  readonly timeoutMs: number;
  /** Small writes that wait at the same time leave as one. */
  readonly groupCommit: boolean;
  /** How long a write waits for a Kapacitor that does not accept connections. */
  readonly writeHoldMs: number;
  /** For a write as a whole. */
  readonly writeTimeoutMs: number;
}

/** One Kapacitor as the lanes see it. */
export interface Upstream {
  readonly options: UpstreamOptions;
  readonly origin: URL;
  /** Value of the Host header. */
  readonly host: string;
  /** Authorization value of the configured credentials. */
  readonly authorization: string | undefined;
  readonly agent: Agent;
  readonly writes: WriteQueue;
  /** Requests of the API lane under way. */
  active: number;
  /** No new request will come: idle connections close now, those in use with their request. Resolves when no write is left. */
  retire(): Promise<void>;
  /** Cuts every connection. */
  close(): void;
}

/** Requests of the API lane that one upstream may have under way, endless streams included; past it: 503 `overloaded`. */
export const maxActive = 1024;

/**
 * Opens nothing yet.
 * @param onSent told of every request of the write lane that left
 */
export function createUpstream(options: UpstreamOptions, onSent: OnSent = () => {}): Upstream {
  const origin = new URL(options.url);
  const agent = createAgent(options);
  const link = createWriteLink(options);
  const writes = new WriteQueue(link, {
    holdMs: options.writeHoldMs,
    timeoutMs: options.writeTimeoutMs,
    onSent,
  });
  const login = `${options.username}:${options.password}`;
  return {
    options,
    origin,
    host: origin.host,
    authorization: options.username === "" ? undefined : `Basic ${Buffer.from(login, "utf8").toString("base64")}`,
    agent,
    writes,
    active: 0,
    retire: async () => {
      closeIdle(agent);
      agent.on("free", (socket) => socket.destroy());
      await writes.idle();
      link.close();
    },
    close: () => {
      agent.destroy();
      link.close();
    },
  };
}
