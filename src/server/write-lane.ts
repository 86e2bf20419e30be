import type { Socket } from "node:net";
import { deny } from "../core/decision.ts";
import type { Principal } from "../core/principal.ts";
import { createArrivals } from "./arrivals.ts";
import { missingCertificate } from "./authentication.ts";
import type { Exchange } from "./exchange.ts";
import type { Repeats } from "./repeats.ts";
import { refuse } from "./respond.ts";
import type { GatewayState } from "./state.ts";
import { type LaneMemory, type OnWritten, WriteExchange } from "./write-exchange.ts";
import { planWrite, routeWrite, type WritePlan } from "./write-plan.ts";
import { recallWriter, verifyWriter } from "./writers.ts";

/** The write lane: line protocol from InfluxDB's subscriptions and from Telegraf. */
export interface WriteLane {
  /**
   * Serves one write whose client address, framing, target and instance have passed. Never throws; answers exactly once.
   * @param known the plan of an earlier write with the same head
   */
  serve(state: GatewayState, exchange: Exchange, known: WritePlan | undefined): void;
}

/**
 * @param repeats is told of every head that was served, for those that come after it on the same connection
 * @param written is told of every write that Kapacitor accepted
 */
export function createWriteLane(repeats: Repeats, written: OnWritten = () => {}): WriteLane {
  const suspects = new WeakSet<Socket>();
  let memory: LaneMemory | undefined;

  /** Bodies that began to arrive under another body-timeout keep it. */
  const memoryOf = (state: GatewayState): LaneMemory => {
    const timeoutMs = state.config.http["body-timeout"];
    if (memory?.arrivals.timeoutMs !== timeoutMs) memory = { suspects, written, arrivals: createArrivals(timeoutMs) };
    return memory;
  };

  const serve = (state: GatewayState, exchange: Exchange, known: WritePlan | undefined): void => {
    const plan = missingCertificate(state, exchange) ?? known ?? planWrite(state, exchange);
    if (plan.kind !== "plan") {
      refuse(exchange, plan, state.config.http.realm);
      return;
    }
    exchange.query = plan.query;
    const principal = recallWriter(state, exchange, plan.writer);
    if (principal !== undefined) take(state, exchange, plan, principal);
    else verify(state, exchange, plan);
  };

  const verify = (state: GatewayState, exchange: Exchange, plan: WritePlan): void => {
    verifyWriter(state, exchange, plan.writer)
      .then((outcome) => {
        if (outcome.kind === "principal") take(state, exchange, plan, outcome.principal);
        else refuse(exchange, outcome, state.config.http.realm);
      })
      .catch((error: unknown) => fault(state, exchange, error));
  };

  const take = (state: GatewayState, exchange: Exchange, plan: WritePlan, principal: Principal): void => {
    exchange.principal = principal;
    let { route } = plan;
    if (route?.principal !== principal) {
      const found = routeWrite(state, exchange, plan, principal);
      if ("kind" in found) {
        refuse(exchange, found, state.config.http.realm);
        return;
      }
      route = found;
      plan.route = route;
      repeats.remember(state, exchange, plan);
    }
    exchange.common = route;
    new WriteExchange(state, exchange, route, memoryOf(state)).start();
  };

  return {
    serve: (state, exchange, known) => {
      try {
        serve(state, exchange, known);
      } catch (error) {
        fault(state, exchange, error);
      }
    },
  };
}

function fault(state: GatewayState, exchange: Exchange, error: unknown): void {
  exchange.cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
  refuse(exchange, deny("internal_error"), state.config.http.realm);
}
