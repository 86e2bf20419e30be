import type { IncomingMessage } from "node:http";
import basicAuth from "@fastify/basic-auth";
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { challenge, deny } from "../core/decision.ts";
import { headerValues } from "../core/headers.ts";
import { decide } from "../core/policy.ts";
import { readQueryCredentials } from "../core/query.ts";
import {
  type Authentication,
  anonymousAuthentication,
  credentialSource,
  missingCertificate,
  unreadableAuthorization,
  verifyLogin,
} from "./authentication.ts";
import type { Exchange } from "./exchange.ts";
import { type CarryOut, createCarryOut } from "./inspection.ts";
import type { Resolve } from "./resolve.ts";
import { refuse } from "./respond.ts";
import type { Standing } from "./standing.ts";
import type { GatewayState } from "./state.ts";

/** Serves one exchange whose client address, framing, target and instance have passed. Never throws; answers exactly once. */
export type ApiLane = (state: GatewayState, exchange: Exchange) => void;

interface Visit {
  readonly state: GatewayState;
  readonly exchange: Exchange;
  /** Set by `validate`: what became of the Authorization header. */
  authentication: Authentication | undefined;
}

/**
 * The API lane: Fastify with one route, because the core routes. Fastify sees the path `/` and the Authorization header only, so its
 * router, body parsers and content-type rules cannot read a request differently from the core; @fastify/basic-auth reads the header.
 * @param standing is told of every admitted request, some of which may last longer than what they were admitted by
 */
export async function createApiLane(resolve: Resolve, standing: Pick<Standing, "watch">): Promise<ApiLane> {
  const carryOut = createCarryOut(resolve);
  const visits = new WeakMap<IncomingMessage, Visit>();
  const visitOf = (request: FastifyRequest): Visit => {
    const visit = visits.get(request.raw);
    if (visit === undefined) throw new Error("a request reached the API lane by another way than its entrance");
    return visit;
  };

  const app = fastify({ logger: false, exposeHeadRoutes: false });
  await app.register(basicAuth, {
    // The plugin takes `undefined` for a success and throws away the process on anything but an Error: exactly these two come out of here.
    validate: async (user: string, password: string, request: FastifyRequest): Promise<Error | undefined> => {
      const visit = visitOf(request);
      visit.authentication = await verifyLogin(visit.state, visit.exchange, user, password);
      return visit.authentication.kind === "principal" ? undefined : new Error("refused");
    },
  });

  app.addHook("onRequest", async (request, reply) => {
    const visit = visitOf(request);
    const outcome = await authenticate(visit, request, reply);
    if (outcome.kind === "principal") {
      visit.exchange.principal = outcome.principal;
      return;
    }
    reply.hijack();
    refuse(visit.exchange, outcome, visit.state.config.http.realm);
  });

  const authenticate = async (visit: Visit, request: FastifyRequest, reply: FastifyReply): Promise<Authentication> => {
    const { state, exchange } = visit;
    const missing = missingCertificate(state, exchange);
    if (missing !== undefined) return missing;
    const query = readQueryCredentials(exchange.target?.query);
    exchange.query = query.rest;
    const source = credentialSource(state, exchange, request.headers.authorization, query.credentials);
    switch (source.kind) {
      case "anonymous":
        return anonymousAuthentication;
      case "none":
        return challenge("credentials_required");
      case "certificate":
        return { kind: "principal", principal: source.principal };
      case "query":
        return verifyLogin(state, exchange, source.user, source.password);
      case "header": {
        const refused = await new Promise<boolean>((resolve) => {
          app.basicAuth(request, reply, (error) => resolve(error !== undefined));
        });
        // Closed unless both agree: the plugin let it pass and the verifier named a principal.
        if (visit.authentication === undefined) return unreadableAuthorization();
        if (refused && visit.authentication.kind === "principal") return unreadableAuthorization();
        return visit.authentication;
      }
    }
  };

  const serve = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { state, exchange } = visitOf(request);
    reply.hijack();
    try {
      await serveAuthenticated(state, exchange, carryOut, standing);
    } catch (error) {
      exchange.cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
      refuse(exchange, deny("internal_error"), state.config.http.realm);
    }
  };
  app.all("/", serve);
  app.setNotFoundHandler(serve);
  app.setErrorHandler((error, request, reply) => {
    const { state, exchange } = visitOf(request);
    reply.hijack();
    exchange.cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    refuse(exchange, deny("internal_error"), state.config.http.realm);
  });
  await app.ready();

  return (state, exchange) => {
    const { request, response } = exchange;
    visits.set(request, { state, exchange, authentication: undefined });
    const authorization = headerValues(exchange.rawHeaders, "authorization")[0];
    request.url = "/";
    request.headers = authorization === undefined ? {} : { authorization };
    app.routing(request, response);
  };
}

async function serveAuthenticated(
  state: GatewayState,
  exchange: Exchange,
  carryOut: CarryOut,
  standing: Pick<Standing, "watch">,
): Promise<void> {
  const { located, target, principal } = exchange;
  if (located === undefined || target === undefined || principal === undefined)
    throw new Error("a gate was passed without its facts");
  const decision = decide(
    state.policy,
    {
      method: exchange.head.method,
      target,
      located,
      query: exchange.query,
      database: undefined,
      fetchSite: headerValues(exchange.rawHeaders, "sec-fetch-site")[0]?.toLowerCase(),
    },
    principal,
  );
  if (decision.kind === "deny") return refuse(exchange, decision, state.config.http.realm);
  standing.watch(state, exchange);
  await carryOut(state, exchange, decision);
}
