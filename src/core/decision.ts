import { type Reason, textOf } from "../errors.ts";
import type { HandlerKindName } from "./alert-handlers.ts";
import type { Pending } from "./inspect.ts";
import type { Finding } from "./script-report.ts";
import type { Need } from "./stored-state.ts";

/**
 * The key of `[alerts]` that a refusal comes from. `own-addresses`: the target leads back to Kapacitor or the gateway. `any`: a rule that is built in and
 * holds as soon as one of the keys asks for something.
 */
export type AlertRule =
  | "disable-handlers"
  | "deny-target-cidrs"
  | "own-addresses"
  | "udfs"
  | "allow-flux-tasks"
  | "any";

/** A place in a script. */
export interface ScriptPlace {
  /** Where the script stands when it is not in the body: `template "t" as stored`. */
  readonly script?: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in code points. */
  readonly column: number;
  /** The lines around it, with carets under it. */
  readonly frame: string;
}

/** What a refusal by the alert policy is about, for programs; its text says the same to people. */
export interface RefusalDetail {
  readonly rule: AlertRule;
  /** The kind of the handler that is disabled, or that sends to a refused target. */
  readonly handler?: HandlerKindName;
  readonly place?: ScriptPlace;
  /** The address that a denied target leads to, canonical. */
  readonly address?: string;
  /** What is dialled, as an entry of `allow-targets`. */
  readonly target?: string;
  /** What else of the same script is refused, behind the first; a hundred at most. */
  readonly others?: readonly Finding[];
}

/** Refuse: the shell answers with the reason's status and this text, logs it and counts it. */
export interface Deny {
  readonly kind: "deny";
  readonly reason: Reason;
  /** Public text: says what to do, never holds a secret. */
  readonly text: string;
  /** Methods that the route takes, for the `Allow` header of a 405. */
  readonly allow?: readonly string[];
  /** Seconds for the `Retry-After` header of a 429 or 503. */
  readonly retryAfterSeconds?: number;
  readonly detail?: RefusalDetail;
}

/** Ask for credentials: a 401 with `WWW-Authenticate`. */
export interface Challenge {
  readonly kind: "challenge";
  readonly reason: "credentials_required" | "credentials_invalid";
  readonly text: string;
}

/** Send exactly this to the upstream and nothing else. */
export interface Forward {
  readonly kind: "forward";
  readonly instance: string;
  readonly method: string;
  /** Origin-form request target, query included. */
  readonly path: string;
  /** What the alert policy would have refused it for, were its mode not `report`. For the log. */
  readonly wouldRefuse?: Pick<Deny, "reason" | "text" | "detail">;
}

/** Find out first: the shell brings what is needed, all of it, and resumes. What is forwarded in the end is the plan. */
export interface Inspect {
  readonly kind: "inspect";
  readonly plan: Forward;
  readonly needs: readonly Need[];
  readonly pending: Pending;
}

/** A refusal with the reason's default text, or a more exact one. */
export function deny(
  reason: Reason,
  text: string = textOf(reason),
  more: { allow?: readonly string[]; retryAfterSeconds?: number; detail?: RefusalDetail } = {},
): Deny {
  return { kind: "deny", reason, text, ...more };
}

/** A 401 that says which forms of credentials are taken. */
export function challenge(reason: Challenge["reason"], text: string = textOf(reason)): Challenge {
  return { kind: "challenge", reason, text };
}
