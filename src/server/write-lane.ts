import type { Socket } from "node:net";
import { deny } from "../core/decision.ts";
import type { Principal } from "../core/principal.ts";
import { createArrivals } from "./arrivals.ts";
import { missingCertificate } from "./authentication.ts";
import type { DirectWrite } from "./client-connection.ts";
import type { Exchange } from "./exchange.ts";
import type { KnownExchange } from "./known-exchange.ts";
import type { KnownHeads } from "./known-heads.ts";
import { refuse } from "./respond.ts";
import type { GatewayState } from "./state.ts";
import { type LaneMemory, type OnWritten, WriteExchange } from "./write-exchange.ts";
import { planWrite, routeWrite, type WritePlan } from "./write-plan.ts";
import { recallWriter, verifyWriter } from "./writers.ts";

/** The write lane: line protocol from InfluxDB's subscriptions and from Telegraf. */
export interface WriteLane {
  /**
   * Serves one write whose client address, framing, target and instance have passed. Never throws; answers exactly once.
   */
  serve(state: GatewayState, exchange: Exchange): void;
  /**
   * Opens a write by the plan of an earlier one with the same head; undefined where its writer is not certainly the same, or there is no
   * room for it: it has to be served like any other. Never throws.
   */
  open(state: GatewayState, exchange: KnownExchange, plan: WritePlan): DirectWrite | undefined;
}

/**
 * @param heads is told of every head that was served
 * @param written is told of every write that Kapacitor accepted
 */
export function createWriteLane(heads: KnownHeads, written: OnWritten = () => {}): WriteLane {
  const suspects = new WeakSet<Socket>();
  let memory: LaneMemory | undefined;

  /** Bodies that began to arrive under another body-timeout keep it. */
  const memoryOf = (state: GatewayState): LaneMemory => {
    const timeoutMs = state.config.http["body-timeout"];
    if (memory?.arrivals.timeoutMs !== timeoutMs) memory = { suspects, written, arrivals: createArrivals(timeoutMs) };
    return memory;
  };

  const serve = (state: GatewayState, exchange: Exchange): void => {
    const plan = missingCertificate(state, exchange) ?? planWrite(state, exchange);
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
    const route = routeWrite(state, exchange, plan, principal);
    if ("kind" in route) {
      refuse(exchange, route, state.config.http.realm);
      return;
    }
    plan.route = route;
    heads.remember(state, exchange, plan);
    exchange.common = route;
    new WriteExchange(state, exchange, route, memoryOf(state)).start();
  };

  return {
    serve: (state, exchange) => {
      try {
        serve(state, exchange);
      } catch (error) {
        fault(state, exchange, error);
      }
    },
    open: (state, exchange, plan) => {
      const { route } = plan;
      try {
        if (route === undefined || recallWriter(state, exchange, plan.writer) !== route.principal) return undefined;
      } catch {
        // Served like any other, it meets the same fault and is answered.
        return undefined;
      }
      exchange.query = plan.query;
      exchange.principal = route.principal;
      exchange.common = route;
      const write = new WriteExchange(state, exchange, route, memoryOf(state));
      return write.open() ? write : undefined;
    },
  };
}

function fault(state: GatewayState, exchange: Exchange, error: unknown): void {
  exchange.cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
  refuse(exchange, deny("internal_error"), state.config.http.realm);
}
