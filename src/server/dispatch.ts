import type { IncomingMessage, ServerResponse } from "node:http";
import { type Challenge, type Deny, deny } from "../core/decision.ts";
import { framingProblem, headerValues, parseHost } from "../core/headers.ts";
import { admit } from "../core/policy.ts";
import { decodePercent, parseTarget } from "../core/target.ts";
import { logAccess } from "./access-log.ts";
import type { ApiLane } from "./api-lane.ts";
import { type Exchange, openExchange } from "./exchange.ts";
import type { Repeats } from "./repeats.ts";
import { refuse } from "./respond.ts";
import type { GatewayState } from "./state.ts";
import type { WriteLane } from "./write-lane.ts";

/** Takes a request from the listener; answers it exactly once. */
export type Dispatch = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => void;

/**
 * The entrance of both lanes. Opens the record of the request, passes the gates that need nobody's name (client address, framing,
 * target, instance) in the order of the contract, and hands over to the lane. `current` is asked once per request.
 * @param repeats knows what the gates said about the last write of each connection
 */
export function createDispatch(
  current: () => GatewayState,
  apiLane: ApiLane,
  writeLane: WriteLane,
  repeats: Repeats,
): Dispatch {
  return (request, response, expectsContinue) => {
    const state = current();
    const exchange = openExchange(request, response, expectsContinue);
    // Without a listener a broken connection would end the process.
    request.on("error", noteCause(exchange));
    response.on("error", noteCause(exchange));
    response.once("close", () => logAccess(state.log, state.config.http, exchange));
    try {
      const known = repeats.recall(state, request);
      if (known !== undefined) {
        Object.assign(exchange, known.facts);
        writeLane.serve(state, exchange, known.plan);
        return;
      }
      const refusal = passGates(state, exchange);
      if (refusal !== undefined) refuse(exchange, refusal, state.config.http.realm);
      else if (exchange.located?.lane === "write") writeLane.serve(state, exchange, undefined);
      else apiLane(state, exchange);
    } catch (error) {
      exchange.cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
      refuse(exchange, deny("internal_error"), state.config.http.realm);
    }
  };
}

function noteCause(exchange: Exchange): (error: Error) => void {
  return (error) => {
    exchange.cause ??= error.message;
  };
}

/**
 * The gates before authentication. All facts are gathered first, because parsing has no effects and even a refused request should be
 * logged by lane and instance; the refusals come in the order of the contract.
 */
function passGates(state: GatewayState, exchange: Exchange): Deny | Challenge | undefined {
  const { request, rawHeaders } = exchange;
  const { policy } = state;
  const method = request.method ?? "";
  const url = request.url ?? "";
  const parsed = parseTarget(url);
  const host = parseHost(headerValues(rawHeaders, "host")[0] ?? "") ?? "";
  const located = parsed.ok ? policy.locator.locate(method, host, parsed.target) : undefined;
  if (parsed.ok) {
    exchange.target = parsed.target;
    exchange.loggedPath = policy.locator.loggedPath(parsed.target);
  } else {
    exchange.loggedPath = policy.locator
      .redact(decodePercent(url.split("?", 1)[0] ?? "") ?? "[undecodable]")
      .slice(0, 256);
  }
  if (located?.kind === "located") exchange.located = located;
  const admission = admit(policy, {
    remoteAddress: exchange.remoteAddress,
    forwardedFor: headerValues(rawHeaders, "x-forwarded-for"),
  });
  if (admission.kind === "deny") return admission;
  exchange.remoteAddress = admission.caller.remoteAddress;
  exchange.clientAddress = admission.caller.clientAddress;
  exchange.viaTrustedProxy = admission.caller.viaTrustedProxy;
  const framing = framingProblem(method, request.httpVersion, rawHeaders);
  if (framing !== undefined) return deny("bad_request", framing);
  if (!parsed.ok) return deny("bad_target", parsed.text);
  if (located?.kind === "deny") return located;
  return undefined;
}
