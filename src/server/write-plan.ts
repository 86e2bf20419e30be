import { type Challenge, type Deny, deny } from "../core/decision.ts";
import { type ForwardContext, headerValues, requestHeaders } from "../core/headers.ts";
import { decide } from "../core/policy.ts";
import type { Principal } from "../core/principal.ts";
import { readWriteQuery } from "../core/query.ts";
import type { WriteTarget } from "../observability/metrics.ts";
import type { Upstream } from "../upstream/instance.ts";
import type { CommonRecord, Exchange } from "./exchange.ts";
import { principalField } from "./principal-header.ts";
import type { GatewayState } from "./state.ts";
import { findWriter, type Writer } from "./writers.ts";

/** How a write is served, as far as its head tells. */
export interface WritePlan {
  readonly kind: "plan";
  /** The query that goes on. */
  readonly query: string | undefined;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly writer: Writer;
  /** The way of the last writer whose credentials were verified. */
  route: WriteRoute | undefined;
}

/** Where the writes of a principal go. */
export interface WriteRoute extends CommonRecord {
  readonly principal: Principal;
  readonly upstream: Upstream;
  /** Origin-form target. */
  readonly path: string;
  /** Of a request of its own, and of one that it shares with others: names and values in turn. */
  readonly headers: readonly string[];
  readonly sharedHeaders: readonly string[];
  /** The same for writes that may leave as one; undefined: they may not. */
  readonly key: string | undefined;
  /** Where accepted writes are counted. */
  readonly target: WriteTarget;
  /** The body is line protocol as it stands: points can be counted. */
  readonly isPlain: boolean;
}

/** Reads the query and finds the credentials of a write that passed the gates. */
export function planWrite(state: GatewayState, exchange: Exchange): WritePlan | Deny | Challenge {
  const read = readWriteQuery(exchange.target?.query);
  if (!read.ok) return deny("bad_target", read.text);
  const { rest, db, rp, credentials } = read.query;
  const writer = findWriter(state, exchange, credentials, { db, rp });
  if (writer.kind === "challenge") return writer;
  return { kind: "plan", query: rest, database: db, retentionPolicy: rp, writer, route: undefined };
}

/** Decides where the writes of a principal go. */
export function routeWrite(
  state: GatewayState,
  exchange: Exchange,
  plan: WritePlan,
  principal: Principal,
): WriteRoute | Deny {
  const { located, target, rawHeaders } = exchange;
  if (located === undefined || target === undefined) throw new Error("a gate was passed without its facts");
  const fetchSite = headerValues(rawHeaders, "sec-fetch-site")[0]?.toLowerCase();
  const { query, database } = plan;
  const decision = decide(state.policy, { method: "POST", target, located, query, database, fetchSite }, principal);
  if (decision.kind === "deny") return decision;
  const upstream = state.upstreams.get(located.instance);
  // A write is never inspected: anything but a way to a known Kapacitor is a fault here.
  if (decision.kind !== "forward" || upstream === undefined) return deny("internal_error");
  const { path } = decision;
  const forwardedFor = exchange.viaTrustedProxy ? headerValues(rawHeaders, "x-forwarded-for").join(", ") : "";
  const named = principalField(upstream.options.principalHeader, principal);
  const { "content-length": _, ...headers } = requestHeaders(rawHeaders, {
    upstreamHost: upstream.host,
    remoteAddress: exchange.remoteAddress ?? "",
    forwardedFor: forwardedFor === "" ? undefined : forwardedFor,
    scheme: state.config.http["https-enabled"] ? "https" : "http",
    host: headerValues(rawHeaders, "host")[0] ?? "",
    authorization: upstream.authorization,
    principal: named,
    bodyLength: undefined,
  });
  const isPlain = headers["content-encoding"] === undefined;
  return {
    principal,
    upstream,
    path,
    headers: Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((text) => [name, text])),
    sharedHeaders: sharedHeaders(upstream, named),
    // The path has the database and everything else that a write says of itself.
    key: isPlain && upstream.options.groupCommit ? joinKey(path, named) : undefined,
    target: { instance: located.instance, db: database, rp: plan.retentionPolicy, last: undefined },
    isPlain,
    recordText: undefined,
  };
}

/**
 * Writes of different users leave together as long as Kapacitor is not told whose they are: each was admitted to the database, which is in the
 * path, and a body joins others only if it cannot change how they are read.
 */
function joinKey(path: string, named: ForwardContext["principal"]): string {
  return named === undefined ? path : `${named.value} ${path}`;
}

/** What a request says that carries several writes: nothing of any single one. */
function sharedHeaders(upstream: Upstream, named: ForwardContext["principal"]): string[] {
  const headers = new Map([
    ["host", upstream.host],
    ["user-agent", "kapgate"],
  ]);
  if (upstream.authorization !== undefined) headers.set("authorization", upstream.authorization);
  if (named !== undefined) headers.set(named.header, named.value);
  return [...headers].flat();
}
