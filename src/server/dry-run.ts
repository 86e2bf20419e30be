import { type Deny, deny, type Forward } from "../core/decision.ts";
import { headerValues } from "../core/headers.ts";
import type { Lane } from "../core/instances.ts";
import { type Admission, decide, type Policy } from "../core/policy.ts";
import { anonymousWriter, type Principal } from "../core/principal.ts";
import { readQueryCredentials, readWriteQuery } from "../core/query.ts";
import { classInfo, type RouteClass } from "../core/routes.ts";
import type { Need } from "../core/stored-state.ts";
import type { Upstream } from "../upstream/instance.ts";
import { admitHead, passGates } from "./gates.ts";
import { isEncoded } from "./inspection.ts";
import type { Resolve } from "./resolve.ts";
import { settle } from "./settle.ts";

/** A request that nobody sends. */
export interface AskedRequest {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn, Host included. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
  /** The socket peer. undefined: the lists of clients are not asked. */
  readonly clientAddress: string | undefined;
  /** Whose credentials it carries, taken as verified. */
  readonly principal: Principal;
}

/** What requests are decided with. */
export interface DryRunContext {
  readonly policy: Policy;
  /** `max-body-size`, in bytes. */
  readonly largestBody: number;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly resolve: Resolve;
}

export interface DryRun {
  /** What was selected; undefined for a request that was refused before that. */
  readonly instance: string | undefined;
  readonly lane: Lane | undefined;
  readonly class: RouteClass | undefined;
  /** Who it is in the end: on a subscription path an address can stand for credentials. */
  readonly principal: Principal;
  readonly outcome: DryOutcome;
}

export type DryOutcome =
  | Forward
  | Deny
  /** Depends on what Kapacitor has stored, and it could not be asked; a client would get `decision`. */
  | { readonly kind: "unknown"; readonly question: Need; readonly decision: Deny; readonly cause: string };

/**
 * Decides a request as the gateway would, by the same functions in the same order, and sends nothing but the look-ups of stored state. Credentials are
 * the one thing that is not judged. Never rejects.
 */
export async function dryRun(context: DryRunContext, request: AskedRequest): Promise<DryRun> {
  const { policy } = context;
  const { method, url, rawHeaders, clientAddress } = request;
  const head = { method, url, rawHeaders, httpVersion: "1.1" };
  const admission = clientAddress === undefined ? unasked : admitHead(policy, head, clientAddress);
  const { target, located, refusal } = passGates(policy, head, admission);
  const isWrite = located?.lane === "write";
  const isFreeWriter =
    isWrite && clientAddress !== undefined && admission.kind === "admitted"
      ? located.allowsWriter(admission.caller.clientAddress)
      : false;
  const principal = isFreeWriter ? anonymousWriter : request.principal;
  const result = (outcome: DryOutcome): DryRun => ({
    instance: located?.instance,
    lane: located?.lane,
    class: located?.route.kind === "route" ? located.route.class : undefined,
    principal,
    outcome,
  });
  if (refusal !== undefined) return result(refusal);
  if (target === undefined || located === undefined) return result(deny("internal_error"));

  const query = readQuery(isWrite, target.query);
  if ("kind" in query) return result(query);
  const fetchSite = headerValues(rawHeaders, "sec-fetch-site")[0]?.toLowerCase();
  const decision = decide(policy, { method, target, located, fetchSite, ...query }, principal);
  if (decision.kind === "deny") return result(decision);
  if (isWrite) return result(decision.kind === "forward" ? decision : deny("internal_error"));
  return result(await judgeBody(context, request, decision, located.route.kind === "route" && located.route.class));
}

function readQuery(
  isWrite: boolean,
  text: string | undefined,
): Deny | { readonly query: string | undefined; readonly database: string | undefined } {
  if (!isWrite) return { query: readQueryCredentials(text).rest, database: undefined };
  const read = readWriteQuery(text);
  return read.ok ? { query: read.query.rest, database: read.query.db } : deny("bad_target", read.text);
}

const unasked: Admission = {
  kind: "admitted",
  caller: { remoteAddress: "", clientAddress: "", viaTrustedProxy: false },
};

async function judgeBody(
  context: DryRunContext,
  request: AskedRequest,
  decision: Exclude<ReturnType<typeof decide>, Deny>,
  routeClass: RouteClass | false,
): Promise<DryOutcome> {
  const { policy, largestBody, upstreams, resolve } = context;
  const plan = decision.kind === "inspect" ? decision.plan : decision;
  const isDefinition = routeClass !== false && classInfo(routeClass).definition === true;
  const isRead = decision.kind === "inspect" || (isDefinition && policy.alerts.has(plan.instance));
  if (decision.kind === "inspect" && isEncoded(request.rawHeaders)) return deny("body_encoding");
  if (isRead && request.body.length > largestBody) {
    return deny("body_too_large", `the request body is larger than ${largestBody} bytes`);
  }
  if (decision.kind === "forward") return decision;
  const upstream = upstreams.get(plan.instance);
  if (upstream === undefined) return deny("internal_error");
  const { body } = request;
  const isGone = (): boolean => false;
  const settled = await settle(policy, decision, { body, upstream, resolve, gateway: undefined, isGone });
  return settled.kind === "gone" ? deny("internal_error") : settled;
}
