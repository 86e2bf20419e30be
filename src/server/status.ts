import type { AuditReport } from "../audit/report.ts";
import type { InstanceFacts, Totals } from "../observability/metrics.ts";
import type { Rates } from "../observability/rates.ts";
import type { Refusal } from "../observability/refusals.ts";
import type { Upstream } from "../upstream/instance.ts";
import type { InstanceAudits } from "./audits.ts";
import type { CertificateSummary } from "./certificate.ts";
import type { ReloadStatus } from "./reload-history.ts";
import { findAttention } from "./status-attention.ts";
import type {
  AuditStatus,
  CertificateStatus,
  Counted,
  InstanceStatus,
  ListenerStatus,
  LogReport,
  ProcessStatus,
  ReloadReport,
  StatusReport,
} from "./status-report.ts";

/** What the status is put together from. The numbers are those that `/metrics` shows: the same counters, read at the same time. */
export interface StatusSources {
  readonly version: string;
  readonly isReady: boolean;
  readonly totals: Totals;
  readonly rates: Rates;
  readonly instances: readonly (InstanceFacts & {
    readonly upstream: Upstream;
    readonly version: string | undefined;
  })[];
  readonly audits: readonly InstanceAudits[];
  readonly refusals: readonly Refusal[];
  readonly reload: ReloadStatus;
  readonly certificate: CertificateSummary | undefined;
  readonly listeners: readonly ListenerStatus[];
  readonly process: ProcessStatus;
  readonly logs: readonly LogReport[];
  readonly now: Date;
}

/** Findings that are listed for an instance. */
const mostFindings = 50;
const dayMs = 86_400_000;

export function reportStatus(sources: StatusSources): StatusReport {
  const { version, totals, rates, now, certificate } = sources;
  const startedAt = performance.timeOrigin;
  const requests = Array.from(totals.requests());
  const refused = requests.filter(({ labels }) => labels.reason !== "");
  const facts = {
    version,
    node: process.versions.node,
    time: now.toISOString(),
    started_at: new Date(startedAt).toISOString(),
    uptime_seconds: Math.round((now.getTime() - startedAt) / 1000),
    ready: sources.isReady,
    listeners: sources.listeners,
    certificate: certificate === undefined ? null : certificateStatus(certificate, now),
    totals: {
      requests: sum(requests.map(({ cell }) => cell.value)),
      refusals: sum(refused.map(({ cell }) => cell.value)),
      writes: totals.writes(),
      points: totals.points(),
      bytes: totals.bytes(),
      held: sum(sources.instances.map(({ held }) => held)),
      groups: totals.groups(),
    },
    rates: {
      every_seconds: rates.everySeconds,
      writes: rates.of("writes"),
      points: rates.of("points"),
      bytes: rates.of("bytes"),
      refusals: rates.of("refusals"),
    },
    instances: sources.instances.map((instance) => instanceStatus(sources, instance)),
    refusals_by_reason: countBy(refused.map(({ labels, cell }) => [labels.reason ?? "", cell.value])),
    handshake_failures: countBy(
      Array.from(totals.handshakeFailures(), ({ labels, cell }) => [labels.cause ?? "", cell.value]),
    ),
    connections_closed: countBy(
      Array.from(totals.connectionsClosed(), ({ labels, cell }) => [labels.limit ?? "", cell.value]),
    ),
    last_refusals: sources.refusals.map(({ at, ...rest }) => ({ time: at.toISOString(), ...rest })),
    reload: reloadReport(sources.reload),
    process: sources.process,
    logs: sources.logs,
  };
  return { ...facts, attention: findAttention(facts) };
}

function certificateStatus(certificate: CertificateSummary, now: Date): CertificateStatus {
  const { subject, issuer, names, validTo, fingerprint } = certificate;
  return {
    subject,
    issuer,
    names,
    expires_at: validTo.toISOString(),
    days_left: Math.floor((validTo.getTime() - now.getTime()) / dayMs),
    fingerprint,
  };
}

function instanceStatus(sources: StatusSources, instance: StatusSources["instances"][number]): InstanceStatus {
  const { totals, rates, now, audits } = sources;
  const { name, up, version, held, waitingBytes, upstream } = instance;
  const of = (lane: string): number => sum(Array.from(lanesOf(totals, name, lane)));
  const upstreamTime = totals.upstreamSeconds(name);
  const seconds = rates.of(rateName("seconds", name));
  const answers = rates.of(rateName("answers", name));
  const ofInstance = audits.find((entry) => entry.instance === name);
  return {
    name,
    url: upstream.options.url,
    up,
    kapacitor: version ?? null,
    writes: of("write"),
    api: of("api"),
    held,
    waiting_bytes: waitingBytes,
    upstream_seconds: upstreamTime.count === 0 ? null : upstreamTime.sum / upstreamTime.count,
    last_writes: Array.from(totals.lastWrites())
      .filter(({ labels }) => labels.instance === name)
      .sort((a, b) => b.cell.at - a.cell.at)
      .map(({ labels: { db = "", rp = "" }, cell: { at } }) => ({
        db,
        rp,
        at: new Date(at * 1000).toISOString(),
        age_seconds: Math.max(0, now.getTime() / 1000 - at),
      })),
    rates: {
      writes: rates.of(rateName("write", name)),
      api: rates.of(rateName("api", name)),
      upstream_seconds: seconds.map((each, index) => {
        const count = answers[index] ?? 0;
        return count === 0 ? 0 : each / count;
      }),
    },
    audit: ofInstance === undefined ? null : auditStatus(ofInstance.known, ofInstance.latest),
  };
}

function auditStatus(known: AuditReport | undefined, latest: AuditReport | undefined): AuditStatus {
  return {
    time: known?.time ?? null,
    findings: known?.findingCount ?? null,
    accepted: known?.accepted.length ?? 0,
    listed: (known?.findings ?? []).slice(0, mostFindings).map(({ object, state, reason, text, remove }) => ({
      object,
      state,
      reason,
      text,
      remove: remove ?? null,
    })),
    failure: latest?.failure?.text ?? null,
  };
}

function reloadReport({ successful, loadedAt, last, problems }: ReloadStatus): ReloadReport {
  return {
    successful,
    loaded_at: loadedAt.toISOString(),
    last: last === undefined ? null : { kind: last.kind, time: last.at.toISOString(), successful: last.successful },
    problems,
  };
}

/** The counters that rates are taken of, by name. */
export function* ratedTotals(totals: Totals, instances: Iterable<string>): Generator<readonly [string, number]> {
  yield ["writes", totals.writes()];
  yield ["points", totals.points()];
  yield ["bytes", totals.bytes()];
  let refusals = 0;
  for (const { labels, cell } of totals.requests()) if (labels.reason !== "") refusals += cell.value;
  yield ["refusals", refusals];
  for (const name of instances) {
    for (const lane of ["write", "api"]) yield [rateName(lane, name), sum(Array.from(lanesOf(totals, name, lane)))];
    const { count, sum: seconds } = totals.upstreamSeconds(name);
    yield [rateName("answers", name), count];
    yield [rateName("seconds", name), seconds];
  }
}

function rateName(what: string, instance: string): string {
  return `${what} ${instance}`;
}

function* lanesOf(totals: Totals, instance: string, lane: string): Generator<number> {
  for (const { labels, cell } of totals.requests())
    if (labels.instance === instance && labels.lane === lane) yield cell.value;
}

/** Adds up what has the same name; the largest first, without zeros. */
function countBy(entries: readonly (readonly [name: string, count: number])[]): readonly Counted[] {
  const counts = new Map<string, number>();
  for (const [name, count] of entries) if (count > 0) counts.set(name, (counts.get(name) ?? 0) + count);
  return [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
