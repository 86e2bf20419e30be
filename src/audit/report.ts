/** What an audit tells. Plain data: for the table, for JSON, for the log, the metrics and the status page. */
import type { HandlerKindName } from "../core/alert-handlers.ts";
import type { StoredKind } from "../core/stored-lists.ts";
import type { Reason } from "../errors.ts";

export interface StoredName {
  readonly kind: StoredKind;
  /** A task or template id, `TOPIC/HANDLER`, `SECTION` or `SECTION/ELEMENT`. Chosen by whoever stored it: any text. */
  readonly name: string;
}

/** `task:cleanup`, as `accepted` has it. */
export function objectName({ kind, name }: StoredName): string {
  return `${kind}:${name}`;
}

/**
 * Tasks are enabled or disabled, Flux tasks active or inactive, sections enabled, or global when they add their handler to every alert; a topic handler is
 * active as long as it is there. `stored`: does nothing by itself, or it is not known.
 */
export type StoredState = "enabled" | "disabled" | "active" | "inactive" | "global" | "stored";

/** Whether something in this state can send by itself. */
export function isRunning(state: StoredState): boolean {
  return state === "enabled" || state === "active" || state === "global";
}

/** Something stored that the policy would refuse. No part of its script is in here: a script can hold passwords, and this is logged and shown. */
export interface AuditFinding extends StoredName {
  /** `task:cleanup`, as `accepted` has it. */
  readonly object: string;
  readonly state: StoredState;
  readonly reason: Reason;
  /** What is wrong with it, one line. */
  readonly text: string;
  /** The kind of the alert handler that it is about. */
  readonly handler?: HandlerKindName;
  /** Place in its script, 1-based. */
  readonly line?: number;
  readonly column?: number;
  /** The shell command that removes it or switches it off; undefined when no request reaches it. */
  readonly remove: string | undefined;
}

/** How many objects were looked at. */
export type AuditedCounts = Readonly<Record<StoredKind, number>>;

export interface AuditReport {
  readonly instance: string;
  /** Where Kapacitor was asked, without credentials. */
  readonly url: string;
  /** When it began, RFC 3339. */
  readonly time: string;
  readonly durationMs: number;
  /** False where nothing is disabled, denied or listed: then there is nothing to find. */
  readonly hasPolicy: boolean;
  readonly audited: AuditedCounts;
  /** The first {@link mostFindings} of them. */
  readonly findings: readonly AuditFinding[];
  /** All of them, those that are not kept included. */
  readonly findingCount: number;
  /** Findings that the operator knows. */
  readonly accepted: readonly AuditFinding[];
  /** Entries of `accepted` that were no finding; empty when the audit is not complete. */
  readonly unused: readonly string[];
  /** What could not be looked at, and why that is no failure. Sentences. */
  readonly notes: readonly string[];
  /** Why the audit is not complete; what was found until then is there. */
  readonly failure: AuditFailure | undefined;
}

export interface AuditFailure {
  readonly reason: Reason;
  readonly text: string;
  /** The system's own words. */
  readonly cause: string;
}

/** More findings than this are counted and not kept. */
export const mostFindings = 1000;
