import type { IncomingMessage, ServerResponse } from "node:http";
import { type Deny, deny } from "../core/decision.ts";
import { decodePercent } from "../core/target.ts";
import type { ApiLane } from "./api-lane.ts";
import { openTrail } from "./change-record.ts";
import type { ClientConnection, Entrance } from "./client-connection.ts";
import { type Exchange, HttpExchange } from "./exchange.ts";
import { admitHead, passGates } from "./gates.ts";
import { KnownExchange } from "./known-exchange.ts";
import type { KnownHeads } from "./known-heads.ts";
import type { Observer } from "./observer.ts";
import { refuse } from "./respond.ts";
import type { GatewayState } from "./state.ts";
import type { WriteLane } from "./write-lane.ts";

/** Takes a request from the listener; answers it exactly once. */
export type Dispatch = (
  connection: ClientConnection,
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
) => void;

/**
 * The entrance of both lanes. Opens the record of the request, passes the gates that need nobody's name (client address, framing,
 * target, instance) in the order of the contract, and hands over to the lane. `current` is asked once per request.
 * @param observer accounts for every request at its end
 */
export function createDispatch(
  current: () => GatewayState,
  apiLane: ApiLane,
  writeLane: WriteLane,
  observer: Observer,
): Dispatch {
  return (connection, request, response, expectsContinue) => {
    const state = current();
    const head = connection.claim(request);
    const exchange = new HttpExchange(connection.socket, request, response, expectsContinue, head);
    // Without a listener a broken connection would end the process.
    request.on("error", noteCause(exchange));
    response.on("error", noteCause(exchange));
    response.once("close", () => observer.finished(state, exchange));
    try {
      const refusal = enter(state, exchange);
      exchange.change = openTrail(exchange);
      if (refusal !== undefined) refuse(exchange, refusal, state.config.http.realm);
      else if (exchange.located?.lane === "write") writeLane.serve(state, exchange);
      else apiLane(state, exchange);
    } catch (error) {
      exchange.cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
      refuse(exchange, deny("internal_error"), state.config.http.realm);
    }
  };
}

/** The entrance of writes whose heads are known: they have passed the gates before. */
export function createEntrance(
  current: () => GatewayState,
  writeLane: WriteLane,
  heads: KnownHeads,
  observer: Observer,
): Entrance {
  return {
    find: (peer, head) => heads.find(current(), peer, head),
    open: (socket, known, head, ended) => {
      const state = current();
      const exchange = new KnownExchange(socket, known, head, () => {
        ended();
        observer.finished(state, exchange);
      });
      return writeLane.open(state, exchange, known.plan);
    },
  };
}

function noteCause(exchange: Exchange): (error: Error) => void {
  return (error) => {
    exchange.cause ??= error.message;
  };
}

/** Passes the gates and notes in the record what they found out. */
function enter(state: GatewayState, exchange: Exchange): Deny | undefined {
  const { request, rawHeaders } = exchange;
  const { policy } = state;
  const { method, url } = exchange.head;
  const head = { method, url, httpVersion: request.httpVersion, rawHeaders };
  const { caller, target, located, refusal } = passGates(policy, head, admitHead(policy, head, exchange.remoteAddress));
  exchange.target = target;
  exchange.located = located;
  exchange.loggedPath =
    target === undefined
      ? policy.locator.redact(decodePercent(url.split("?", 1)[0] ?? "") ?? "[undecodable]").slice(0, 256)
      : policy.locator.loggedPath(target);
  if (caller !== undefined) {
    exchange.remoteAddress = caller.remoteAddress;
    exchange.clientAddress = caller.clientAddress;
    exchange.viaTrustedProxy = caller.viaTrustedProxy;
  }
  return refusal;
}
