import type { MetricInfo } from "./exposition.ts";

const counter = (help: string, ...labels: string[]) => ({ type: "counter", labels, help }) as const;
const gauge = (help: string, ...labels: string[]) => ({ type: "gauge", labels, help }) as const;
const histogram = (help: string, ...labels: string[]) => ({ type: "histogram", labels, help }) as const;

/** Every metric. docs/metrics.md describes each, and a test keeps the two equal. */
export const metrics = {
  kapgate_requests_total: counter(
    "Requests, by what became of them; code 0: the client left before an answer began.",
    "instance",
    "lane",
    "class",
    "method",
    "code",
    "reason",
  ),
  kapgate_request_seconds: histogram("From the head of a request to the end of its answer; no streams.", "lane"),
  kapgate_upstream_seconds: histogram("From sending a request to the head of Kapacitor's answer.", "instance", "lane"),
  kapgate_upstream_up: gauge("Whether Kapacitor answers.", "instance"),
  kapgate_write_points_total: counter(
    "Points of writes that Kapacitor accepted: lines that are neither empty nor comments. Compressed bodies are not read.",
  ),
  kapgate_write_bytes_total: counter("Bytes of the bodies of writes that Kapacitor accepted, as they arrived."),
  kapgate_write_last_success_timestamp_seconds: gauge(
    "When Kapacitor last accepted a write for a database and retention policy.",
    "instance",
    "db",
    "rp",
  ),
  kapgate_write_held: gauge("Writes that wait for a Kapacitor that does not accept connections."),
  kapgate_write_waiting_bytes: gauge("Memory of writes that arrive or wait.", "instance"),
  kapgate_group_commit_writes: histogram("Writes that left for Kapacitor as one request."),
  kapgate_connections: gauge("Open connections of clients, handshakes included."),
  kapgate_connections_closed_total: counter("Connections that a limit cost.", "limit"),
  kapgate_tls_failures_total: counter("TLS handshakes that failed.", "cause"),
  kapgate_certificate_expiry_timestamp_seconds: gauge("When the certificate that is served expires."),
  kapgate_config_last_reload_successful: gauge("Whether the last reload took everything that it read."),
  kapgate_config_last_reload_success_timestamp_seconds: gauge("When everything was last read and taken."),
  kapgate_audit_findings: gauge("Stored objects that the alert policy would refuse, as of the last audit.", "instance"),
  kapgate_event_loop_delay_seconds: gauge("The longest delay of the event loop in the last 15 to 30 seconds."),
  kapgate_log_dropped_records_total: counter("Records that a log was too slow or too full for.", "log"),
  kapgate_build_info: gauge("Always 1; the versions that run.", "version", "node"),
  process_start_time_seconds: gauge("When the process started."),
  process_cpu_seconds_total: counter("Time of the processor that the process has used."),
  process_resident_memory_bytes: gauge("Memory that the process has in use."),
  process_heap_bytes: gauge("Memory of it that JavaScript objects use."),
  process_open_fds: gauge("Open file descriptors."),
  process_max_fds: gauge("How many file descriptors may be open."),
} as const satisfies Record<`${"kapgate" | "process"}_${string}`, MetricInfo>;

export type MetricName = keyof typeof metrics;

export const metricNames = Object.keys(metrics) as readonly MetricName[];
