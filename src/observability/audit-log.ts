import type { Log } from "./logger.ts";

/** A call that changes what Kapacitor stores or runs, and what became of it. */
export interface Change {
  readonly request_id: string;
  readonly upstream_request_id: string | undefined;
  /** Who; undefined: nobody whose credentials were accepted. */
  readonly principal: string | undefined;
  readonly client_address: string | undefined;
  readonly remote_address: string | undefined;
  /** What. */
  readonly instance: string | undefined;
  readonly method: string | undefined;
  readonly class: string;
  /** In the words of `accepted`: `task:cpu`, `handler:ops/restart`. */
  readonly object: string;
  /** The name that the object gets, where it gets another. */
  readonly new_name: string | undefined;
  /** Whether it was sent to Kapacitor; abandoned: its client left before. */
  readonly decision: "allowed" | "refused" | "abandoned";
  /** Why it was refused, or why there is no answer of Kapacitor. */
  readonly reason: string | undefined;
  /** What `mode = "report"` let through. */
  readonly would_refuse: string | undefined;
  /** Kapacitor's answer; undefined where nothing was sent, or nothing came back. */
  readonly upstream_status: number | undefined;
  /** What the client was told; 0: it left before. */
  readonly status: number;
}

/** One record for every change, in the log and in the audit file if there is one. Never waits. */
export interface AuditLog {
  record(change: Change): void;
}

/** @param file the log of `audit-file`, which has every change whatever level the log has */
export function createAuditLog(log: Log, file: Log | undefined): AuditLog {
  return {
    record: (change) => {
      const level = change.decision === "refused" || change.would_refuse !== undefined ? "warn" : "info";
      log.pino[level](change, "change");
      file?.pino[level](change, "change");
    },
  };
}
