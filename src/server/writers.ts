import { type Challenge, challenge, deny } from "../core/decision.ts";
import { headerValues, parseHost } from "../core/headers.ts";
import { anonymous, anonymousWriter, type Principal } from "../core/principal.ts";
import { parseTarget } from "../core/target.ts";
import { type Credentials, readBasic } from "../credentials/basic.ts";
import { subscriberName } from "../credentials/password-rules.ts";
import type { Destination, TokenUse } from "../influxdb/subscriptions.ts";
import {
  type Authentication,
  certifiedPrincipal,
  credentialSource,
  unreadableAuthorization,
  verifyLogin,
} from "./authentication.ts";
import type { Exchange } from "./exchange.ts";
import type { GatewayState } from "./state.ts";

/** Who writes, as far as the head of a request tells. All but `known` is verified anew with every write. */
export type Writer =
  /** By the client address, or because nobody is asked. */
  | { readonly kind: "known"; readonly principal: Principal }
  | { readonly kind: "login"; readonly credentials: Credentials }
  | { readonly kind: "certificate" }
  | SubscriptionWriter;

/** Whoever has the token of one of InfluxDB's subscriptions: InfluxDB. */
export interface SubscriptionWriter {
  readonly kind: "subscription";
  readonly use: TokenUse;
  readonly principal: Principal;
  /** The generation of the list that the token was found in, so that it is looked for once in each. */
  foundIn: number | undefined;
}

/** Finds the credentials of a write that passed the gates. */
export function findWriter(
  state: GatewayState,
  exchange: Exchange,
  query: Credentials | undefined,
  { db, rp }: Pick<TokenUse, "db" | "rp">,
): Writer | Challenge {
  if (exchange.located?.allowsWriter(exchange.clientAddress ?? "") === true)
    return { kind: "known", principal: anonymousWriter };
  const authorization = headerValues(exchange.rawHeaders, "authorization")[0];
  const source = credentialSource(state, exchange, authorization, query);
  switch (source.kind) {
    case "anonymous":
      return { kind: "known", principal: anonymous };
    case "none":
      return challenge("credentials_required");
    case "query":
      return { kind: "login", credentials: { user: source.user, password: source.password } };
    case "certificate":
      return { kind: "certificate" };
    case "header": {
      const credentials = readBasic(source.value);
      if (credentials === undefined) return unreadableAuthorization();
      if (credentials.user !== subscriberName) return { kind: "login", credentials };
      const use = { token: credentials.password, db, rp };
      return { kind: "subscription", use, principal: subscriber(exchange, db), foundIn: undefined };
    }
  }
}

/** A subscription is one of a database, and of the instance that it leads to. */
function subscriber(exchange: Exchange, database: string): Principal {
  const instance = exchange.located?.instance;
  return Object.freeze({
    name: subscriberName,
    role: "writer",
    instances: Object.freeze(instance === undefined ? [] : [instance]),
    databases: Object.freeze([database]),
  });
}

/** The principal of a writer, where that is known at once; undefined says nothing about it. */
export function recallWriter(state: GatewayState, exchange: Exchange, writer: Writer): Principal | undefined {
  switch (writer.kind) {
    case "known":
      return writer.principal;
    case "login":
      return state.verifier.cached(writer.credentials);
    case "certificate":
      return certifiedPrincipal(state, exchange);
    case "subscription":
      return isListed(state, exchange, writer) ? writer.principal : undefined;
  }
}

/** Verifies a writer who is not known at once. Never rejects; whatever cannot be verified is refused. */
export async function verifyWriter(state: GatewayState, exchange: Exchange, writer: Writer): Promise<Authentication> {
  switch (writer.kind) {
    case "known":
      return { kind: "principal", principal: writer.principal };
    case "login":
      return verifyLogin(state, exchange, writer.credentials.user, writer.credentials.password);
    case "certificate":
      return challenge("credentials_required");
    case "subscription":
      return verifySubscription(state, exchange, writer);
  }
}

/** Asks InfluxDB for its subscriptions of this moment: Kapacitor may have made this one since they were read. */
async function verifySubscription(
  state: GatewayState,
  exchange: Exchange,
  writer: SubscriptionWriter,
): Promise<Authentication> {
  const { tokens } = state;
  if (tokens === undefined)
    return challenge("credentials_invalid", "subscription tokens are not taken here: [influxdb] url is not set");
  const outcome = await tokens.refresh();
  if (isListed(state, exchange, writer)) return { kind: "principal", principal: writer.principal };
  if (outcome === "fresh")
    return challenge("credentials_invalid", "InfluxDB lists no subscription with this token for this db and rp");
  exchange.cause =
    outcome === "overloaded" ? "too many writes wait for InfluxDB's subscriptions" : tokens.status().cause;
  return deny("authentication_unavailable", "InfluxDB cannot be asked about this subscription token right now", {
    retryAfterSeconds: 1,
  });
}

function isListed(state: GatewayState, exchange: Exchange, writer: SubscriptionWriter): boolean {
  const { tokens } = state;
  if (tokens === undefined) return false;
  const generation = tokens.generation();
  if (writer.foundIn === generation) return true;
  const found = tokens.isKnown(writer.use, leadsTo(state, exchange.located?.instance));
  writer.foundIn = found ? generation : undefined;
  return found;
}

/**
 * Whether a subscription leads to an instance. Where there are several, its destination is looked up as a request to it would be, so that the
 * token of one team opens no other team's Kapacitor. Fails towards no.
 */
function leadsTo({ config, policy }: GatewayState, instance: string | undefined): (to: Destination) => boolean {
  if (config.kapacitor.length === 1) return () => true;
  return ({ host, path }) => {
    const parsed = parseTarget(`${path}/write`);
    const name = parseHost(host);
    if (!parsed.ok || name === undefined) return false;
    const found = policy.locator.locate("POST", name, parsed.target);
    return found.kind === "located" && found.lane === "write" && found.instance === instance;
  };
}
