import { createExposition, type Row } from "./exposition.ts";
import { metricNames, metrics as names } from "./metric-names.ts";
import { createRequestCounters, type RequestTally } from "./request-tally.ts";
import { type Count, createCount, Distribution, type Entry, Series } from "./series.ts";

/** A database and retention policy of an instance, as whoever writes keeps it: it finds its place with the first accepted write. */
export interface WriteTarget {
  readonly instance: string;
  readonly db: string;
  readonly rp: string;
  /** Kept here by the metrics. */
  last: LastWrite | undefined;
}

export interface LastWrite {
  /** Seconds since 1970. */
  at: number;
}

/** What is not counted but asked for when somebody looks. Times in seconds since 1970. */
export interface MetricFacts {
  readonly versions: Readonly<Record<"version" | "node", string>>;
  readonly connections: () => number;
  /** undefined without TLS. */
  readonly certificateExpiry: () => number | undefined;
  readonly instances: () => Iterable<InstanceFacts>;
  readonly reload: () => { readonly successful: boolean; readonly lastSuccessAt: number };
  readonly eventLoopDelay: () => number;
  /** Records lost, by log. */
  readonly dropped: () => Readonly<Record<string, number>>;
  /** undefined where the system does not say. */
  readonly descriptors: () => { readonly open: number | undefined; readonly most: number | undefined };
}

export interface InstanceFacts {
  readonly name: string;
  readonly up: boolean;
  readonly held: number;
  readonly waitingBytes: number;
  /** undefined: no audit was made. */
  readonly auditFindings: number | undefined;
}

/** The handles that the server counts with, and what they add up to. */
export interface Metrics {
  readonly contentType: string;
  /** Where requests of this kind are counted. */
  tally(instance: string, lane: string, routeClass: string, method: string): RequestTally;
  /** Counts a write that Kapacitor accepted. */
  written(target: WriteTarget, points: number, bytes: number): void;
  /** Counts a request of the write lane that left with this many writes in it. */
  groupSent(writes: number): void;
  handshakeFailed(cause: string): void;
  connectionClosed(limit: string): void;
  /** The exposition, as Prometheus reads it. */
  text(): Promise<string>;
  readonly totals: Totals;
}

/** The same numbers for whoever shows them in another form. */
export interface Totals {
  /** By the labels of `kapgate_requests_total`. */
  requests(): Iterable<Entry<Count>>;
  /** By the label of `kapgate_tls_failures_total`. */
  handshakeFailures(): Iterable<Entry<Count>>;
  /** By the label of `kapgate_connections_closed_total`. */
  connectionsClosed(): Iterable<Entry<Count>>;
  /** By the labels of `kapgate_write_last_success_timestamp_seconds`. */
  lastWrites(): Iterable<Entry<LastWrite>>;
  /** Count and sum of `kapgate_upstream_seconds` over both lanes. */
  upstreamSeconds(instance: string): { readonly count: number; readonly sum: number };
  /** Writes that left for Kapacitor, and the requests that carried them. */
  groups(): { readonly requests: number; readonly writes: number };
  /** Requests of the write lane that were answered with 2xx. */
  writes(): number;
  points(): number;
  bytes(): number;
}

/** Pairs of database and retention policy over all instances. */
const mostWriteTargets = 200;
/** Longer names of databases are "other": whoever may write can make up names. */
const longestName = 128;
const other = "other";

const groupBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/**
 * The metrics of one gateway. What can happen to a connection is counted from the start, so that a rate sees the first time.
 * @param causes why a handshake can fail
 * @param limits what can cost a connection
 */
export function createMetrics(facts: MetricFacts, causes: readonly string[], limits: readonly string[]): Metrics {
  const requests = createRequestCounters({
    total: names.kapgate_requests_total.labels,
    seconds: names.kapgate_request_seconds.labels,
    upstreamSeconds: names.kapgate_upstream_seconds.labels,
  });
  const failures = countBy(names.kapgate_tls_failures_total.labels, causes);
  const closed = countBy(names.kapgate_connections_closed_total.labels, limits);
  const targets = new Series<LastWrite>({
    labels: names.kapgate_write_last_success_timestamp_seconds.labels,
    most: mostWriteTargets,
    create: () => ({ at: 0 }),
    overflow: ([instance = ""]) => [instance, other, other],
  });
  const groups = new Distribution(groupBounds);
  let points = 0;
  let bytes = 0;

  const exposition = createExposition();
  const rows: Readonly<Record<(typeof metricNames)[number], () => Iterable<Row>>> = {
    kapgate_requests_total: () => counts(requests.total),
    kapgate_request_seconds: () => distributions(requests.seconds),
    kapgate_upstream_seconds: () => distributions(requests.upstreamSeconds),
    kapgate_upstream_up: () => perInstance(({ up }) => Number(up)),
    kapgate_write_points_total: () => single(points),
    kapgate_write_bytes_total: () => single(bytes),
    kapgate_write_last_success_timestamp_seconds: () =>
      Array.from(lastWrites(), ({ labels, cell }) => ({ labels, value: cell.at })),
    kapgate_write_held: () => single(Array.from(facts.instances(), ({ held }) => held).reduce((sum, n) => sum + n, 0)),
    kapgate_write_waiting_bytes: () => perInstance(({ waitingBytes }) => waitingBytes),
    kapgate_group_commit_writes: () => distribution({}, groups),
    kapgate_connections: () => single(facts.connections()),
    kapgate_connections_closed_total: () => counts(closed),
    kapgate_tls_failures_total: () => counts(failures),
    kapgate_certificate_expiry_timestamp_seconds: () => single(facts.certificateExpiry()),
    kapgate_config_last_reload_successful: () => single(Number(facts.reload().successful)),
    kapgate_config_last_reload_success_timestamp_seconds: () => single(facts.reload().lastSuccessAt),
    kapgate_audit_findings: () => perInstance(({ auditFindings }) => auditFindings),
    kapgate_event_loop_delay_seconds: () => single(facts.eventLoopDelay()),
    kapgate_log_dropped_records_total: () =>
      Object.entries(facts.dropped()).map(([log, value]) => ({ labels: { log }, value })),
    kapgate_build_info: () => [{ labels: facts.versions, value: 1 }],
    process_start_time_seconds: () => single(performance.timeOrigin / 1000),
    process_cpu_seconds_total: () => {
      const { user, system } = process.cpuUsage();
      return single((user + system) / 1e6);
    },
    process_resident_memory_bytes: () => single(process.memoryUsage.rss()),
    process_heap_bytes: () => single(process.memoryUsage().heapUsed),
    process_open_fds: () => single(facts.descriptors().open),
    process_max_fds: () => single(facts.descriptors().most),
  };
  for (const name of metricNames) exposition.add(name, names[name], rows[name]);

  return {
    contentType: exposition.contentType,
    tally: requests.tally,
    written: (target, morePoints, moreBytes) => {
      const { instance, db, rp } = target;
      const isNamed = db.length <= longestName && rp.length <= longestName;
      target.last ??= targets.cell(isNamed ? [instance, db, rp] : [instance, other, other]);
      target.last.at = Date.now() / 1000;
      points += morePoints;
      bytes += moreBytes;
    },
    groupSent: (writes) => groups.observe(writes),
    handshakeFailed: (cause) => {
      failures.cell([cause]).value += 1;
    },
    connectionClosed: (limit) => {
      closed.cell([limit]).value += 1;
    },
    text: () => exposition.text(),
    totals: {
      requests: () => requests.total.entries(),
      handshakeFailures: () => failures.entries(),
      connectionsClosed: () => closed.entries(),
      lastWrites,
      upstreamSeconds: (instance) => {
        const total = { count: 0, sum: 0 };
        for (const { labels, cell } of requests.upstreamSeconds.entries()) {
          if (labels.instance !== instance) continue;
          total.count += cell.count;
          total.sum += cell.sum;
        }
        return total;
      },
      groups: () => ({ requests: groups.count, writes: groups.sum }),
      writes: () => {
        let writes = 0;
        for (const { labels, cell } of requests.total.entries())
          if (labels.lane === "write" && labels.code?.startsWith("2")) writes += cell.value;
        return writes;
      },
      points: () => points,
      bytes: () => bytes,
    },
  };

  /** Only of instances that there are: an alert about one that was taken away would never end. */
  function* lastWrites(): Generator<Entry<LastWrite>> {
    const present = new Set(Array.from(facts.instances(), ({ name }) => name));
    for (const entry of targets.entries()) if (present.has(entry.labels.instance ?? "")) yield entry;
  }

  function* perInstance(value: (instance: InstanceFacts) => number | undefined): Generator<Row> {
    for (const instance of facts.instances()) {
      const found = value(instance);
      if (found !== undefined) yield { labels: { instance: instance.name }, value: found };
    }
  }
}

/** Counters of one label, there from the start. */
function countBy(labels: readonly string[], values: readonly string[]): Series<Count> {
  const series = new Series({ labels, most: 64, create: createCount, overflow: () => [other] });
  for (const value of values) series.cell([value]);
  return series;
}

function single(value: number | undefined): readonly Row[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

function* counts(series: Series<Count>): Generator<Row> {
  for (const { labels, cell } of series.entries()) yield { labels, value: cell.value };
}

function* distributions(series: Series<Distribution>): Generator<Row> {
  for (const { labels, cell } of series.entries()) yield* distribution(labels, cell);
}

function* distribution(labels: Row["labels"], cell: Distribution): Generator<Row> {
  for (const [le, count] of cell.cumulative()) yield { suffix: "_bucket", labels: { ...labels, le }, value: count };
  yield { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: cell.count };
  yield { suffix: "_sum", labels, value: cell.sum };
  yield { suffix: "_count", labels, value: cell.count };
}
