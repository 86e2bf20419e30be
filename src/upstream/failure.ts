import { type Deny, deny } from "../core/decision.ts";

/** Where a request to the upstream failed, as far as its sender could tell. */
export interface UpstreamFailure {
  readonly kind: "failure";
  /** True when no byte of the request can have reached the upstream. */
  readonly unsent: boolean;
  readonly decision: Deny;
  /** The system's own words, for the log only. */
  readonly cause: string;
}

const unreachable = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENOENT",
]);
const timeouts = new Set([
  "ECONNECT_TIMEOUT",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);
const connectTimeouts = new Set(["ECONNECT_TIMEOUT", "UND_ERR_CONNECT_TIMEOUT"]);

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  // happy eyeballs: one error per address
  if ("errors" in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  return "cause" in error ? codeOf(error.cause) : "";
}

/**
 * Maps an error of a connection to the upstream to its refusal: could not connect 502, no answer in time 504, anything after that 502.
 * An error it does not know counts as a reset of a request that may have been sent.
 */
export function upstreamFailure(error: unknown): UpstreamFailure {
  const code = codeOf(error);
  const cause = code !== "" ? code : error instanceof Error ? error.message : "unknown error";
  if (unreachable.has(code)) return { kind: "failure", unsent: true, decision: deny("upstream_unreachable"), cause };
  if (isTlsRefusal(code)) {
    const text = "the TLS connection to Kapacitor failed; check ssl-ca, insecure-skip-verify and the scheme of its url";
    return { kind: "failure", unsent: true, decision: deny("upstream_unreachable", text), cause };
  }
  if (timeouts.has(code))
    return { kind: "failure", unsent: connectTimeouts.has(code), decision: deny("upstream_timeout"), cause };
  return { kind: "failure", unsent: false, decision: deny("upstream_reset"), cause };
}

function isTlsRefusal(code: string): boolean {
  return /^(?:ERR_SSL_|ERR_TLS_CERT|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$)/.test(code);
}
