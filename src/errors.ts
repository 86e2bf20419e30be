/**
 * The catalogue of refusals: one stable reason, its HTTP status and its default public text.
 * A leaf: anyone may import it, it imports nothing. docs/errors.md describes every entry and a test keeps the two equal.
 */
const catalogue = {
  client_address_unknown: [403, "the client address could not be determined from the connection and X-Forwarded-For"],
  client_denied: [403, "the client address is not allowed here"],
  bad_request: [400, "the request is framed ambiguously or is not valid HTTP/1.1"],
  bad_target: [400, "the request target has more than one reading; send a plain, absolute, normalised path"],
  instance_unknown: [421, "no Kapacitor is configured for this host name"],
  credentials_required: [
    401,
    "credentials are required: send basic authentication, for example https://user:password@host in KAPACITOR_URL",
  ],
  credentials_invalid: [401, "the user name or the password is wrong"],
  login_throttled: [429, "too many failed logins from this address for this user; wait and try again"],
  route_unknown: [404, "no such route"],
  method_not_allowed: [405, "this route does not take that method"],
  body_unparsable: [400, "the request body could be read in more than one way or is not what this route takes"],
  script_unparsable: [400, "the TICKscript does not parse"],
  handler_disabled: [403, "this alert handler is disabled by the operator"],
  target_denied: [403, "this alert target is denied by the operator"],
  target_unresolvable: [403, "this alert target could not be resolved, so it cannot be allowed"],
  stored_state_unreadable: [403, "what Kapacitor has stored could not be read, so this change cannot be judged"],
  route_guarded: [403, "the operator closed this route"],
  role_denied: [403, "this user's role does not allow that"],
  cross_site: [403, "a browser sent this from another site; changes are only taken from the same origin"],
  upstream_unreachable: [502, "Kapacitor does not accept connections"],
  upstream_reset: [502, "Kapacitor closed the connection before it answered"],
  upstream_unauthorized: [502, "Kapacitor refused the credentials configured for it"],
  upstream_timeout: [504, "Kapacitor did not answer in time"],
  overloaded: [503, "too much is waiting for Kapacitor; try again"],
  draining: [503, "the gateway is stopping; try again"],
  authentication_unavailable: [503, "the credentials cannot be verified right now; try again"],
  body_too_large: [413, "the request body is larger than allowed"],
  body_encoding: [415, "a request that is inspected must not be encoded"],
  headers_too_large: [431, "the request headers are larger than allowed"],
  request_timeout: [408, "the request did not arrive in time"],
  internal_error: [500, "the gateway failed; its log has the cause under this request id"],
} as const satisfies Record<string, readonly [status: number, text: string]>;

/** A stable code of a refusal; dashboards, logs and clients may match on it. */
export type Reason = keyof typeof catalogue;

/** Every reason, in the order of the contract. */
export const reasons = Object.keys(catalogue) as readonly Reason[];

/** The HTTP status that a reason is answered with. */
export function statusOf(reason: Reason): number {
  return catalogue[reason][0];
}

/** The public text of a reason, used where the place that refuses has nothing more exact to say. */
export function textOf(reason: Reason): string {
  return catalogue[reason][1];
}
