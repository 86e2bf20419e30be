import { classInfo } from "../core/routes.ts";
import type { AuditLog } from "../observability/audit-log.ts";
import type { Metrics } from "../observability/metrics.ts";
import { createRefusals, type Refusal } from "../observability/refusals.ts";
import { logAccess } from "./access-log.ts";
import type { BrokenRequest } from "./broken-request.ts";
import { createChanges } from "./change-record.ts";
import { classOf, type Exchange } from "./exchange.ts";
import type { GatewayState } from "./state.ts";

/** Takes down what becomes of requests: access record, metrics, the last refusals, audit log. */
export interface Observer {
  /** Accounts for a request, once, when its response is closed. */
  finished(state: GatewayState, exchange: Exchange): void;
  /** Accounts for what could not be read as a request; its record is written already. */
  requestBroken(request: BrokenRequest): void;
  /** The last refusals, the latest first. */
  refusals(): readonly Refusal[];
  /** Records the changes that still wait for Kapacitor, before the gateway ends. */
  flush(): void;
}

export function createObserver(metrics: Metrics, audit: AuditLog): Observer {
  const refusals = createRefusals();
  const changes = createChanges(audit);
  return {
    finished: (state, exchange) => {
      const { status } = exchange;
      count(metrics, exchange, status);
      logAccess(state.log, state.config.http, exchange);
      if (exchange.reason !== undefined) refusals.add(refusalOf(exchange, exchange.reason, status));
      if (exchange.change !== undefined) changes.finished(exchange);
    },
    requestBroken: ({ requestId, reason, status, remoteAddress }) => {
      metrics.tally("", "", "unknown", "").finish(status, reason, undefined, undefined);
      refusals.add({
        at: new Date(),
        reason,
        status,
        request_id: requestId,
        lane: undefined,
        class: "unknown",
        instance: undefined,
        method: undefined,
        path: "",
        principal: undefined,
        client_address: remoteAddress,
      });
    },
    refusals: refusals.list,
    flush: changes.flush,
  };
}

function count(metrics: Metrics, exchange: Exchange, status: number): void {
  const { located, head, startedAt, upstreamMs, reason = "" } = exchange;
  const route = located?.route;
  // A stream lasts for as long as somebody looks at it.
  const isStream = route?.kind === "route" && classInfo(route.class).stream === true;
  metrics
    .tally(located?.instance ?? "", located?.lane ?? "", classOf(exchange), head.method)
    .finish(
      status,
      reason,
      isStream ? undefined : (performance.now() - startedAt) / 1000,
      upstreamMs === undefined ? undefined : upstreamMs / 1000,
    );
}

function refusalOf(exchange: Exchange, reason: string, status: number): Refusal {
  return {
    at: new Date(),
    reason,
    status,
    request_id: exchange.requestId,
    lane: exchange.located?.lane,
    class: classOf(exchange),
    instance: exchange.located?.instance,
    method: exchange.head.method,
    path: exchange.loggedPath,
    principal: exchange.principal?.name,
    client_address: exchange.clientAddress ?? exchange.remoteAddress,
  };
}
