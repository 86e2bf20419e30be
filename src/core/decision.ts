import { type Reason, textOf } from "../errors.ts";
import type { Pending } from "./inspect.ts";
import type { Need } from "./stored-state.ts";

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
  readonly wouldRefuse?: { readonly reason: Reason; readonly text: string };
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
  more: { allow?: readonly string[]; retryAfterSeconds?: number } = {},
): Deny {
  return { kind: "deny", reason, text, ...more };
}

/** A 401 that says which forms of credentials are taken. */
export function challenge(reason: Challenge["reason"], text: string = textOf(reason)): Challenge {
  return { kind: "challenge", reason, text };
}
