import type { Caller } from "../core/client-address.ts";
import { type Deny, deny } from "../core/decision.ts";
import { framingProblem, headerValues, parseHost } from "../core/headers.ts";
import type { Located } from "../core/instances.ts";
import { type Admission, admit, type Policy } from "../core/policy.ts";
import { parseTarget, type Target } from "../core/target.ts";

/** The head of a request as it arrived. */
export interface RequestHead {
  readonly method: string;
  /** The request target, one UTF-16 unit per byte. */
  readonly url: string;
  readonly httpVersion: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

/** What the gates before authentication found out, and the first refusal in the order of the contract. */
export interface GateFacts {
  readonly caller: Caller | undefined;
  readonly target: Target | undefined;
  readonly located: Located | undefined;
  readonly refusal: Deny | undefined;
}

/** Who calls, by the connection and X-Forwarded-For; for {@link passGates}. */
export function admitHead(policy: Policy, head: RequestHead, remoteAddress: string | undefined): Admission | Deny {
  return admit(policy, { remoteAddress, forwardedFor: headerValues(head.rawHeaders, "x-forwarded-for") });
}

/**
 * The gates before authentication: client address, framing, target, instance. All facts are gathered, because parsing has no effects and even a refused
 * request should be logged by lane and instance; the refusals come in the order of the contract. The same for a request that is served and one that is
 * only asked about.
 */
export function passGates(policy: Policy, head: RequestHead, admission: Admission | Deny): GateFacts {
  const { method, rawHeaders } = head;
  const parsed = parseTarget(head.url);
  const host = parseHost(headerValues(rawHeaders, "host")[0] ?? "") ?? "";
  const located = parsed.ok ? policy.locator.locate(method, host, parsed.target) : undefined;
  const framing = framingProblem(method, head.httpVersion, rawHeaders);
  return {
    caller: admission.kind === "admitted" ? admission.caller : undefined,
    target: parsed.ok ? parsed.target : undefined,
    located: located?.kind === "located" ? located : undefined,
    refusal: firstRefusal(),
  };

  function firstRefusal(): Deny | undefined {
    if (admission.kind === "deny") return admission;
    if (framing !== undefined) return deny("bad_request", framing);
    if (!parsed.ok) return deny("bad_target", parsed.text);
    return located?.kind === "deny" ? located : undefined;
  }
}
