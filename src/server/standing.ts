import { headerValues } from "../core/headers.ts";
import { decide } from "../core/policy.ts";
import { anonymous, type Principal } from "../core/principal.ts";
import { readQueryCredentials } from "../core/query.ts";
import { classInfo } from "../core/routes.ts";
import { readBasic } from "../credentials/basic.ts";
import type { Reason } from "../errors.ts";
import { type CredentialSource, credentialSource, missingCertificate } from "./authentication.ts";
import type { Exchange } from "./exchange.ts";
import { admitHead, passGates } from "./gates.ts";
import type { GatewayState } from "./state.ts";

/**
 * Requests that were admitted once and may last: streams, and bodies that are still arriving. Everything else is judged anew so often that a
 * permission cannot outlive its end.
 */
export interface Standing {
  /** Takes an admitted request, until its response is closed. */
  watch(state: GatewayState, exchange: Exchange): void;
  /** Judges all of them by the configuration of now; to be called after every change of it. */
  recheck(): void;
  stop(): void;
}

export interface StandingTimes {
  /** Milliseconds between two judgements: InfluxDB takes permissions back without a reload. */
  readonly everyMs: number;
  /** Milliseconds that a body which began under an older configuration, and is judged by it, may still take. */
  readonly graceMs: number;
}

const defaultTimes: StandingTimes = { everyMs: 30_000, graceMs: 30_000 };

/**
 * Cuts the connection of whoever would not be admitted any more. Fails towards cutting, except where a login cannot be verified at the moment
 * (InfluxDB is down): those who are in go on, as with new requests.
 * @param current the configuration of now
 */
export function createStanding(current: () => GatewayState, times: StandingTimes = defaultTimes): Standing {
  const open = new Map<Exchange, GatewayState>();
  let changedAt = Number.NEGATIVE_INFINITY;

  const judge = async (exchange: Exchange, began: GatewayState): Promise<void> => {
    const state = current();
    const isOld = state !== began && performance.now() - changedAt >= times.graceMs;
    const reason: Reason | undefined =
      isOld && !exchange.request.complete ? "request_timeout" : await refusalOf(state, exchange);
    if (reason === undefined || !open.has(exchange)) return;
    exchange.reason = reason;
    exchange.cause ??= "what it was admitted by has ended";
    exchange.socket.destroy();
  };

  const recheckAll = (): void => {
    for (const [exchange, began] of open)
      judge(exchange, began).catch((error: unknown) => {
        exchange.cause = String(error);
        exchange.socket.destroy();
      });
  };
  const timer = setInterval(recheckAll, times.everyMs).unref();

  return {
    watch: (state, exchange) => {
      const route = exchange.located?.route;
      const isStream = route?.kind === "route" && classInfo(route.class).stream === true;
      if (!isStream && exchange.request.complete) return;
      open.set(exchange, state);
      exchange.response.once("close", () => open.delete(exchange));
    },
    recheck: () => {
      changedAt = performance.now();
      recheckAll();
    },
    stop: () => clearInterval(timer),
  };
}

/** Why a request would be refused now; undefined where it would not, or that cannot be found out. */
async function refusalOf(state: GatewayState, exchange: Exchange): Promise<Reason | undefined> {
  const { request, rawHeaders } = exchange;
  const { method = "", httpVersion } = request;
  const { target, located } = exchange;
  if (target === undefined || located === undefined) return "internal_error";
  // The lane has replaced the target of the request by then.
  const url = target.query === undefined ? target.path : `${target.path}?${target.query}`;
  const head = { method, url, httpVersion, rawHeaders };
  const now = passGates(state.policy, head, admitHead(state.policy, head, exchange.remoteAddress));
  if (now.refusal !== undefined) return now.refusal.reason;
  if (now.located?.instance !== located.instance) return "instance_unknown";
  const missing = missingCertificate(state, exchange);
  if (missing !== undefined) return missing.reason;
  const source = credentialSource(
    state,
    exchange,
    headerValues(rawHeaders, "authorization")[0],
    readQueryCredentials(target.query).credentials,
  );
  const verdict = await verdictOf(state, exchange.clientAddress ?? "", source);
  if (verdict === "unknown") return undefined;
  if (typeof verdict === "string") return verdict;
  const fetchSite = headerValues(rawHeaders, "sec-fetch-site")[0]?.toLowerCase();
  const facts = { method, target, located: now.located, query: exchange.query, database: undefined, fetchSite };
  const decision = decide(state.policy, facts, verdict);
  return decision.kind === "deny" ? decision.reason : undefined;
}

async function verdictOf(
  state: GatewayState,
  clientAddress: string,
  source: CredentialSource,
): Promise<Principal | Reason | "unknown"> {
  switch (source.kind) {
    case "anonymous":
      return anonymous;
    case "none":
      return "credentials_required";
    case "certificate":
      return source.principal;
    case "query":
      return verify(state, clientAddress, source.user, source.password);
    case "header": {
      const login = readBasic(source.value);
      return login === undefined ? "credentials_invalid" : verify(state, clientAddress, login.user, login.password);
    }
  }
}

async function verify(
  { verifier }: GatewayState,
  clientAddress: string,
  user: string,
  password: string,
): Promise<Principal | Reason | "unknown"> {
  const verdict = await verifier.verify({ user, password }, clientAddress);
  switch (verdict.kind) {
    case "ok":
      return verdict.principal;
    case "invalid":
    case "throttled":
      return "credentials_invalid";
    case "overloaded":
    case "unavailable":
      return "unknown";
  }
}
