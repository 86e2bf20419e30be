import { type Challenge, challenge, type Deny, deny } from "../core/decision.ts";
import { anonymous, type Principal } from "../core/principal.ts";
import type { QueryCredentials } from "../core/query.ts";
import type { Exchange } from "./exchange.ts";
import type { GatewayState } from "./state.ts";

export type Authentication = { readonly kind: "principal"; readonly principal: Principal } | Challenge | Deny;

/** Where a request's credentials are, before anything is verified. `Authorization` decides alone when it is present. */
export type CredentialSource =
  | { readonly kind: "anonymous" }
  | { readonly kind: "header"; readonly value: string }
  | { readonly kind: "query"; readonly user: string; readonly password: string }
  | { readonly kind: "certificate"; readonly principal: Principal }
  | { readonly kind: "none" };

/**
 * Says where to look for credentials: nowhere when authentication is off, else in the header, else in the query where that is allowed, and
 * last in the client certificate of the connection.
 */
export function credentialSource(
  state: GatewayState,
  exchange: Exchange,
  authorization: string | undefined,
  query: QueryCredentials["credentials"],
): CredentialSource {
  if (!state.policy.authEnabled) return { kind: "anonymous" };
  if (authorization !== undefined) return { kind: "header", value: authorization };
  const { queryCredentials } = state.policy;
  const allowed = queryCredentials === "all" || (queryCredentials === "writes" && exchange.located?.lane === "write");
  if (allowed && query !== undefined) return { kind: "query", ...query };
  const principal = certifiedPrincipal(state, exchange);
  return principal === undefined ? { kind: "none" } : { kind: "certificate", principal };
}

/** The user that the client certificate of the connection names; a certificate that names no user, or two, is nobody. */
export function certifiedPrincipal(state: GatewayState, { socket }: Exchange): Principal | undefined {
  const names = state.certificates.namesOf(socket, state.clientTrust);
  return names === undefined ? undefined : state.verifier.certified(names);
}

/**
 * Refuses a connection without the client certificate that `client-auth = "required"` asks for. Handshakes do so too; this is for connections
 * that are older than that setting or than their certificate lives. The answer ends the connection: only a new one can show a certificate.
 */
export function missingCertificate(state: GatewayState, exchange: Exchange): Challenge | undefined {
  const { clientTrust, certificates } = state;
  if (clientTrust?.required !== true || certificates.namesOf(exchange.socket, clientTrust) !== undefined)
    return undefined;
  exchange.response.shouldKeepAlive = false;
  return challenge(
    "credentials_required",
    "a client certificate is required: connect again with one that the gateway's tls.client-ca has signed and that is valid now",
  );
}

/** The principal of `auth-enabled = false`. */
export const anonymousAuthentication: Authentication = { kind: "principal", principal: anonymous };

/** An Authorization header that is not Basic, or not well formed (RFC 7617): refused with the forms that are taken. */
export function unreadableAuthorization(): Challenge {
  return challenge(
    "credentials_invalid",
    "unable to parse authentication credentials: send `Authorization: Basic …`, for example by https://user:password@host in KAPACITOR_URL",
  );
}

/** Verifies a user name and a password. Never throws; when the verification itself is not possible the answer is a refusal. */
export async function verifyLogin(
  state: GatewayState,
  exchange: Exchange,
  user: string,
  password: string,
): Promise<Authentication> {
  try {
    const verdict = await state.verifier.verify({ user, password }, exchange.clientAddress ?? "");
    switch (verdict.kind) {
      case "ok":
        return { kind: "principal", principal: verdict.principal };
      case "invalid":
        return challenge("credentials_invalid");
      case "throttled":
        return deny("login_throttled", undefined, { retryAfterSeconds: verdict.retryAfterSeconds });
      case "overloaded":
        return deny("authentication_unavailable", undefined, { retryAfterSeconds: verdict.retryAfterSeconds });
      case "unavailable":
        exchange.cause = `InfluxDB: ${verdict.cause}`;
        return deny("authentication_unavailable", undefined, { retryAfterSeconds: verdict.retryAfterSeconds });
    }
  } catch (error) {
    exchange.cause = error instanceof Error ? error.message : String(error);
    return deny("authentication_unavailable", undefined, { retryAfterSeconds: 1 });
  }
}
