import type { Refusal } from "../observability/refusals.ts";
import type { Problem } from "../problem.ts";

/** How a gateway is doing: the JSON of `/-/status`, and what its page shows. No secrets. Times are RFC 3339, sizes bytes, durations seconds. */
export interface StatusReport {
  readonly version: string;
  readonly node: string;
  readonly time: string;
  readonly started_at: string;
  readonly uptime_seconds: number;
  readonly ready: boolean;
  /** What somebody should look at, the worst first. */
  readonly attention: readonly Attention[];
  readonly listeners: readonly ListenerStatus[];
  /** What is served now; null without TLS. */
  readonly certificate: CertificateStatus | null;
  /** By the counters of `/metrics`. */
  readonly totals: TotalsStatus;
  readonly rates: RatesStatus;
  readonly instances: readonly InstanceStatus[];
  readonly refusals_by_reason: readonly Counted[];
  readonly handshake_failures: readonly Counted[];
  readonly connections_closed: readonly Counted[];
  /** The latest first. */
  readonly last_refusals: readonly RefusalStatus[];
  readonly reload: ReloadReport;
  readonly process: ProcessStatus;
  readonly logs: readonly LogReport[];
}

export interface Attention {
  readonly severity: "error" | "warning";
  readonly text: string;
}

export interface ListenerStatus {
  readonly name: "clients" | "admin";
  readonly address: string;
  readonly https: boolean;
  /** Open ones and the limit; undefined: not counted. */
  readonly connections?: number;
  readonly max_connections?: number;
}

export interface CertificateStatus {
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly expires_at: string;
  /** Whole days, rounded down; negative once it expired. */
  readonly days_left: number;
  readonly fingerprint: string;
}

export interface TotalsStatus {
  readonly requests: number;
  readonly refusals: number;
  /** Writes that Kapacitor accepted. */
  readonly writes: number;
  readonly points: number;
  readonly bytes: number;
  readonly held: number;
  /** Requests that left for Kapacitor on the write lane, and the writes in them. */
  readonly groups: { readonly requests: number; readonly writes: number };
}

/** Per second, the oldest first; one value for every `every_seconds`. */
export interface RatesStatus {
  readonly every_seconds: number;
  readonly writes: readonly number[];
  readonly points: readonly number[];
  readonly bytes: readonly number[];
  readonly refusals: readonly number[];
}

export interface InstanceStatus {
  readonly name: string;
  readonly url: string;
  readonly up: boolean;
  /** As Kapacitor tells it; null when it never did. */
  readonly kapacitor: string | null;
  /** Requests by lane, refused ones included. */
  readonly writes: number;
  readonly api: number;
  readonly held: number;
  readonly waiting_bytes: number;
  /** Mean time to Kapacitor's answer since the start; null when there was none. */
  readonly upstream_seconds: number | null;
  /** The latest first. */
  readonly last_writes: readonly LastWriteStatus[];
  /** Per second, and the mean time to Kapacitor's answer in seconds. */
  readonly rates: {
    readonly writes: readonly number[];
    readonly api: readonly number[];
    readonly upstream_seconds: readonly number[];
  };
  /** null: nothing is disabled or denied, so nothing is audited. */
  readonly audit: AuditStatus | null;
}

export interface LastWriteStatus {
  readonly db: string;
  readonly rp: string;
  readonly at: string;
  readonly age_seconds: number;
}

export interface AuditStatus {
  /** When the audit began that the findings are of; null before the end of the first. */
  readonly time: string | null;
  /** All of them; null when nothing is known. */
  readonly findings: number | null;
  readonly accepted: number;
  /** The first of them. */
  readonly listed: readonly FindingStatus[];
  /** Why the last audit is not complete. */
  readonly failure: string | null;
}

export interface FindingStatus {
  readonly object: string;
  readonly state: string;
  readonly reason: string;
  readonly text: string;
  /** The command that removes it. */
  readonly remove: string | null;
}

export interface Counted {
  readonly name: string;
  readonly count: number;
}

export type RefusalStatus = Omit<Refusal, "at"> & { readonly time: string };

export interface ReloadReport {
  readonly successful: boolean;
  readonly loaded_at: string;
  readonly last: { readonly kind: string; readonly time: string; readonly successful: boolean } | null;
  readonly problems: readonly Problem[];
}

export interface ProcessStatus {
  readonly resident_memory_bytes: number;
  readonly cpu_seconds: number;
  readonly event_loop_delay_seconds: number;
  readonly open_fds: number | null;
  readonly max_fds: number | null;
}

export interface LogReport {
  readonly log: "log" | "audit";
  readonly dropped: number;
  /** Why records wait, in the system's word. */
  readonly problem: string | null;
}
