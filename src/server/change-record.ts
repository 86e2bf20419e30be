import { changedObject, isChange, nameInAnswer, nameInBody } from "../core/changed-object.ts";
import type { AuditLog, Change } from "../observability/audit-log.ts";
import { ChangeTrail } from "./change-trail.ts";
import type { Exchange } from "./exchange.ts";

/** Opens the trail of a request that changes Kapacitor; undefined for every other one. */
export function openTrail(exchange: Exchange): ChangeTrail | undefined {
  const route = exchange.located?.route;
  return route?.kind === "route" && isChange(route.class) ? new ChangeTrail() : undefined;
}

/** Writes the audit log. */
export interface Changes {
  /** Takes a request whose response is closed. A change is recorded when Kapacitor's answer has ended too: it is not given up with its client. */
  finished(exchange: Exchange): void;
  /** Records what still waits for Kapacitor, before the gateway ends. */
  flush(): void;
}

export function createChanges(audit: AuditLog): Changes {
  const waiting = new Set<Exchange>();
  const record = (exchange: Exchange): void => {
    waiting.delete(exchange);
    const change = changeOf(exchange);
    if (change !== undefined) audit.record(change);
  };
  return {
    finished: (exchange) => {
      const sent = exchange.change?.sent;
      if (sent === undefined) {
        record(exchange);
        return;
      }
      waiting.add(exchange);
      sent.then(() => {
        if (waiting.has(exchange)) record(exchange);
      });
    },
    flush: () => waiting.forEach(record),
  };
}

function changeOf(exchange: Exchange): Change | undefined {
  const { change: trail, head, located, reason } = exchange;
  const route = located?.route;
  if (trail === undefined || route?.kind !== "route") return undefined;
  const named =
    (trail.body === undefined ? undefined : nameInBody(route.pattern, trail.body)) ??
    nameInAnswer(trail.answer.toString("utf8"));
  const { object, newName } = changedObject(route, named);
  return {
    request_id: exchange.requestId,
    upstream_request_id: exchange.upstreamRequestId,
    principal: exchange.principal?.name,
    client_address: exchange.clientAddress,
    remote_address: exchange.remoteAddress,
    instance: located?.instance,
    method: head.method,
    class: route.class,
    object,
    new_name: newName,
    decision: trail.sent !== undefined ? "allowed" : reason !== undefined ? "refused" : "abandoned",
    reason,
    would_refuse: exchange.wouldRefuse?.reason,
    upstream_status: trail.upstreamStatus,
    status: exchange.status,
  };
}
