import type { Logger } from "pino";
import { classOf, type Exchange, statusOf } from "./exchange.ts";

export interface AccessLogOptions {
  readonly "log-enabled": boolean;
  readonly "suppress-write-log": boolean;
}

/** Writes the one record of a finished request: INFO, or WARN for a refusal, or ERROR when the gateway itself failed. */
export function logAccess(log: Logger, options: AccessLogOptions, exchange: Exchange): void {
  const lane = exchange.located?.lane;
  const failed = exchange.reason === "internal_error";
  if (!options["log-enabled"] && !failed) return;
  if (options["suppress-write-log"] && lane === "write" && exchange.reason === undefined) return;
  const record = {
    request_id: exchange.requestId,
    upstream_request_id: exchange.upstreamRequestId,
    lane,
    class: classOf(exchange),
    instance: exchange.located?.instance,
    method: exchange.request.method,
    path: exchange.loggedPath,
    status: statusOf(exchange),
    reason: exchange.reason,
    would_refuse: exchange.wouldRefuse?.reason,
    would_refuse_text: exchange.wouldRefuse?.text,
    principal: exchange.principal?.name,
    client_address: exchange.clientAddress,
    remote_address: exchange.remoteAddress,
    bytes_in: exchange.bytesIn,
    bytes_out: exchange.bytesOut,
    duration_ms: round(performance.now() - exchange.startedAt),
    upstream_ms: exchange.upstreamMs === undefined ? undefined : round(exchange.upstreamMs),
    aborted: exchange.response.writableFinished ? undefined : true,
    cause: exchange.cause,
  };
  if (failed) log.error(record, "request");
  else if (exchange.reason !== undefined || exchange.wouldRefuse !== undefined) log.warn(record, "request");
  else log.info(record, "request");
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
