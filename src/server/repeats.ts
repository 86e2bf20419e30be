import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Exchange } from "./exchange.ts";
import type { GatewayState } from "./state.ts";
import type { WritePlan } from "./write-plan.ts";

/** What the gates find out about a request. */
type GateFacts = Pick<
  Exchange,
  "remoteAddress" | "clientAddress" | "viaTrustedProxy" | "target" | "loggedPath" | "located"
>;

/**
 * A write of an accepted writer, as it was judged. Gates and plan are pure functions of the connection, the state and the head of the
 * request, so for a request with the same head they hold as they are. Credentials are not among them: they are verified every time.
 */
export interface Judged {
  readonly facts: GateFacts;
  readonly plan: WritePlan;
}

interface Remembered extends Judged {
  readonly state: GatewayState;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  /** Where the value of Content-Length stands, the one part of a head that differs from write to write; -1: nowhere. */
  readonly lengthAt: number;
}

/** Remembers the last write of every open connection: a writer sends the same head over and over. */
export interface Repeats {
  recall(state: GatewayState, request: IncomingMessage): Judged | undefined;
  remember(state: GatewayState, exchange: Exchange, plan: WritePlan): void;
}

/** Longer heads are judged anew every time, so that what is remembered stays small. */
const longestHead = 4096;

export function createRepeats(): Repeats {
  const memory = new WeakMap<Socket, Remembered>();
  return {
    recall: (state, request) => {
      const last = memory.get(request.socket);
      return last !== undefined && last.state === state && hasHeadOf(last, request) ? last : undefined;
    },
    remember: (state, exchange, plan) => {
      const { request, rawHeaders } = exchange;
      const { method, url, httpVersion, socket } = request;
      if (rawHeaders.reduce((length, text) => length + text.length, url?.length ?? 0) > longestHead) return;
      const { remoteAddress, clientAddress, viaTrustedProxy, target, loggedPath, located } = exchange;
      const facts = { remoteAddress, clientAddress, viaTrustedProxy, target, loggedPath, located };
      const name = rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === "content-length");
      const lengthAt = name === -1 ? -1 : name + 1;
      memory.set(socket, { state, method, url, httpVersion, rawHeaders, lengthAt, facts, plan });
    },
  };
}

function hasHeadOf(last: Remembered, request: IncomingMessage): boolean {
  const { rawHeaders } = request;
  if (last.url !== request.url || last.method !== request.method || last.httpVersion !== request.httpVersion)
    return false;
  if (last.rawHeaders.length !== rawHeaders.length) return false;
  for (let index = 0; index < rawHeaders.length; index += 1)
    if (rawHeaders[index] !== last.rawHeaders[index] && index !== last.lengthAt) return false;
  return true;
}
