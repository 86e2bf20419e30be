import { challenge, deny } from "../core/decision.ts";
import { headerValues } from "../core/headers.ts";
import { decide } from "../core/policy.ts";
import { readWriteQuery } from "../core/query.ts";
import { readBasic } from "../credentials/basic.ts";
import {
  type Authentication,
  anonymousAuthentication,
  credentialSource,
  unreadableAuthorization,
  verifyLogin,
} from "./authentication.ts";
import type { Exchange } from "./exchange.ts";
import { forward } from "./forwarding.ts";
import { refuse } from "./respond.ts";
import type { GatewayState } from "./state.ts";

/** The write lane: line protocol from InfluxDB's subscriptions and from Telegraf. */
export interface WriteLane {
  /** Serves one write whose client address, framing, target and instance have passed. Never throws; answers exactly once. */
  serve(state: GatewayState, exchange: Exchange): void;
}

export function createWriteLane(): WriteLane {
  const serve = async (state: GatewayState, exchange: Exchange): Promise<void> => {
    const { located, target } = exchange;
    const realm = state.config.http.realm;
    if (located === undefined || target === undefined) throw new Error("a gate was passed without its facts");
    const read = readWriteQuery(target.query);
    if (!read.ok) return refuse(exchange, deny("bad_target", read.text), realm);
    exchange.query = read.query.rest;
    const outcome = await authenticate(state, exchange, read.query.credentials);
    if (outcome.kind !== "principal") return refuse(exchange, outcome, realm);
    exchange.principal = outcome.principal;
    const decision = decide(
      state.policy,
      {
        method: "POST",
        target,
        located,
        query: exchange.query,
        fetchSite: headerValues(exchange.rawHeaders, "sec-fetch-site")[0]?.toLowerCase(),
      },
      outcome.principal,
    );
    if (decision.kind === "deny") return refuse(exchange, decision, realm);
    await forward(state, exchange, decision);
  };
  return {
    serve: (state, exchange) => {
      serve(state, exchange).catch((error: unknown) => {
        exchange.cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
        refuse(exchange, deny("internal_error"), state.config.http.realm);
      });
    },
  };
}

async function authenticate(
  state: GatewayState,
  exchange: Exchange,
  query: { user: string; password: string } | undefined,
): Promise<Authentication> {
  if (exchange.located?.allowsWriter(exchange.clientAddress ?? "") === true) return anonymousAuthentication;
  const authorization = headerValues(exchange.rawHeaders, "authorization")[0];
  const source = credentialSource(state, exchange, authorization, query);
  switch (source.kind) {
    case "anonymous":
      return anonymousAuthentication;
    case "none":
      return challenge("credentials_required");
    case "query":
      return verifyLogin(state, exchange, source.user, source.password);
    case "header": {
      const login = readBasic(source.value);
      return login === undefined ? unreadableAuthorization() : verifyLogin(state, exchange, login.user, login.password);
    }
  }
}
