import type { Deny } from "../core/decision.ts";
import type { Reason } from "../errors.ts";
import type { DecidingRule } from "./deciding-rule.ts";

/** What to do about a refusal, where its rule does not say more exactly. */
const general: Readonly<Record<Reason, string>> = {
  client_address_unknown: "let the trusted proxy send addresses in X-Forwarded-For, and list all proxies of yours",
  client_denied: "change the list, or come from another address",
  bad_request: "send each header once, and a body by one framing",
  bad_target: "send a plain, absolute path, percent-encoded once",
  instance_unknown: "use a host name of a [[kapacitor]], or add this one to its hosts",
  credentials_required: "log in",
  credentials_invalid: "log in with another name or password",
  login_throttled: "wait, and log in with the right password",
  route_unknown: "use a path of Kapacitor's API (docs/routes.md)",
  method_not_allowed: "use another method",
  body_unparsable: "write JSON in which each member stands once, spelt as Kapacitor documents it",
  script_unparsable: "correct the script at this place; Kapacitor would not take it either",
  handler_disabled:
    "write what Kapacitor documents: while a handler is disabled, a target denied or a UDF listed, nothing else is let through",
  target_denied: "write the address as a constant with one reading",
  target_unresolvable: "write an address, or a name that can be resolved here",
  stored_state_unreadable: "see what Kapacitor has stored under that name (kapgate audit), and delete it",
  route_guarded: "open the route, or do without it",
  role_denied: "log in as a user with another role, or change the role",
  cross_site: "send it from the same origin, or from something that is no browser",
  upstream_unreachable: "start Kapacitor, or correct the url of its [[kapacitor]]",
  upstream_reset: "try again, and look into Kapacitor's log",
  upstream_unauthorized: "correct username and password of its [[kapacitor]]",
  upstream_timeout: "try again, and look into Kapacitor's log",
  overloaded: "try again",
  draining: "try again",
  authentication_unavailable: "try again",
  body_too_large: "send less, or raise the limit",
  body_encoding: "send the body without Content-Encoding",
  headers_too_large: "send fewer headers",
  request_timeout: "send the request without pauses",
  internal_error: "report it",
};

/** What to do about a refusal: in what was sent, or in the configuration. */
export function fixFor({ reason, detail }: Pick<Deny, "reason" | "detail">, rule: DecidingRule | undefined): string {
  const key = rule?.key ?? "";
  if (rule !== undefined && rule.entry !== undefined && detail?.rule === "disable-handlers") {
    return `use a handler that is not disabled, or take ${JSON.stringify(rule.entry)} out of ${key}`;
  }
  if (detail?.rule === "udfs") return `use a UDF that is listed, or add this one to ${key}`;
  if (detail?.rule === "allow-flux-tasks") return `define it as a TICKscript task, or set ${key} to true`;
  if (detail?.target !== undefined) {
    return `send it somewhere else, or add ${JSON.stringify(detail.target)} to allow-targets`;
  }
  if (reason === "client_denied" && rule?.entry !== undefined) {
    return `come from another address, or take ${JSON.stringify(rule.entry)} out of ${key}`;
  }
  return general[reason];
}
