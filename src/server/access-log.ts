import type { Logger } from "pino";
import { timestamp, writeLine } from "../observability/logger.ts";
import { classOf, type Exchange } from "./exchange.ts";

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
  const { common } = exchange;
  if (common !== undefined && isOrdinary(exchange)) {
    if (!log.isLevelEnabled("info")) return;
    common.recordText ??= commonText(exchange);
    writeLine(log, ordinaryRecord(exchange, common.recordText));
    return;
  }
  const record = {
    request_id: exchange.requestId,
    upstream_request_id: exchange.upstreamRequestId,
    lane,
    class: classOf(exchange),
    instance: exchange.located?.instance,
    method: exchange.head.method,
    path: exchange.loggedPath,
    status: exchange.status,
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
    aborted: exchange.isDelivered ? undefined : true,
    cause: exchange.cause,
  };
  if (failed) log.error(record, "request");
  else if (exchange.reason !== undefined || exchange.wouldRefuse !== undefined) log.warn(record, "request");
  else log.info(record, "request");
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}

/** A write without anything to say about it: nearly every record. Written here, because pino would take as long as all else together. */
function isOrdinary({ reason, wouldRefuse, cause, isDelivered }: Exchange): boolean {
  return reason === undefined && wouldRefuse === undefined && cause === undefined && isDelivered;
}

function commonText(exchange: Exchange): string {
  const text = JSON.stringify({
    lane: exchange.located?.lane,
    class: classOf(exchange),
    instance: exchange.located?.instance,
    method: exchange.head.method,
    path: exchange.loggedPath,
    principal: exchange.principal?.name,
    client_address: exchange.clientAddress,
    remote_address: exchange.remoteAddress,
  });
  return text.slice(1, -1);
}

function ordinaryRecord(exchange: Exchange, common: string): string {
  const { requestId, upstreamRequestId, upstreamMs, status, bytesIn, bytesOut, startedAt } = exchange;
  const upstreamId =
    upstreamRequestId === undefined ? "" : `"upstream_request_id":${JSON.stringify(upstreamRequestId)},`;
  const upstreamTime = upstreamMs === undefined ? "" : `"upstream_ms":${round(upstreamMs)},`;
  return (
    `{"level":"info","time":"${timestamp()}","request_id":"${requestId}",${upstreamId}${common},"status":${status},` +
    `"bytes_in":${bytesIn},"bytes_out":${bytesOut},"duration_ms":${round(performance.now() - startedAt)},${upstreamTime}"msg":"request"}`
  );
}
