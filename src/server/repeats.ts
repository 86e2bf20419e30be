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
  /** The address of the connection as the system names it. */
  readonly peer: string | undefined;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  /** Where the value of Content-Length stands, the one part of a head that differs from write to write; -1: nowhere. */
  readonly lengthAt: number;
}

/**
 * Remembers the last write of every open connection, because a writer sends the same head over and over, and the last heads of all: a proxy in
 * front sends those of many writers over one connection.
 */
export interface Repeats {
  recall(state: GatewayState, request: IncomingMessage): Judged | undefined;
  remember(state: GatewayState, exchange: Exchange, plan: WritePlan): void;
}

/** Longer heads are judged anew every time, so that what is remembered stays small. */
const longestHead = 4096;
const mostShared = 2048;

export function createRepeats(): Repeats {
  const memory = new WeakMap<Socket, Remembered>();
  /** By {@link sharedKey}, the oldest first; all of one state, so that what was replaced is not kept for their sake. */
  const shared = new Map<string, Remembered>();
  let sharedState: GatewayState | undefined;

  /** What was found out on another connection holds here when all that a connection brings to it is its address. */
  const recallShared = (state: GatewayState, request: IncomingMessage): Remembered | undefined => {
    if (state.clientTrust !== undefined || sharedState !== state) return undefined;
    const found = shared.get(sharedKey(request));
    if (found === undefined || found.peer !== request.socket.remoteAddress || !hasHeadOf(found, request))
      return undefined;
    memory.set(request.socket, found);
    return found;
  };

  return {
    recall: (state, request) => {
      const last = memory.get(request.socket);
      return last !== undefined && last.state === state && hasHeadOf(last, request)
        ? last
        : recallShared(state, request);
    },
    remember: (state, exchange, plan) => {
      const { request, rawHeaders } = exchange;
      const { method, url, httpVersion, socket } = request;
      if (rawHeaders.reduce((length, text) => length + text.length, url?.length ?? 0) > longestHead) return;
      const { remoteAddress, clientAddress, viaTrustedProxy, target, loggedPath, located } = exchange;
      const facts = { remoteAddress, clientAddress, viaTrustedProxy, target, loggedPath, located };
      const name = rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === "content-length");
      const lengthAt = name === -1 ? -1 : name + 1;
      const peer = socket.remoteAddress;
      const remembered = { state, peer, method, url, httpVersion, rawHeaders, lengthAt, facts, plan };
      memory.set(socket, remembered);
      if (state.clientTrust !== undefined || peer === undefined) return;
      if (sharedState !== state) shared.clear();
      sharedState = state;
      const key = sharedKey(request);
      shared.delete(key);
      shared.set(key, remembered);
      if (shared.size > mostShared) for (const oldest of shared.keys()) return void shared.delete(oldest);
    },
  };
}

/** Finds candidates; whether one fits, its whole head tells. */
function sharedKey({ url, headers }: IncomingMessage): string {
  return `${url}\n${headers.authorization}`;
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
