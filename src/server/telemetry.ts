import type { AddressInfo } from "node:net";
import { createAuditLog } from "../observability/audit-log.ts";
import { type Descriptors, readDescriptors } from "../observability/descriptors.ts";
import { watchEventLoop } from "../observability/event-loop.ts";
import type { Log } from "../observability/logger.ts";
import { createMetrics, type Metrics } from "../observability/metrics.ts";
import { sampleRates } from "../observability/rates.ts";
import { createHealth, type Health } from "../upstream/health.ts";
import type { Upstream } from "../upstream/instance.ts";
import type { InstanceAudits } from "./audits.ts";
import type { CertificateSummary } from "./certificate.ts";
import { limitTexts } from "./connections.ts";
import { handshakeCauses } from "./handshake-failures.ts";
import { createObserver, type Observer } from "./observer.ts";
import type { ReloadHistory } from "./reload-history.ts";
import type { GatewayState } from "./state.ts";
import { ratedTotals, reportStatus, type StatusSources } from "./status.ts";
import type { ListenerStatus, LogReport, ProcessStatus, StatusReport } from "./status-report.ts";

/** What the gateway lets itself be asked. */
export interface TelemetryFacts {
  readonly version: string;
  readonly log: Log;
  /** The log of `audit-file`. */
  readonly auditFile: Log | undefined;
  readonly audits: () => readonly InstanceAudits[];
  readonly reloads: ReloadHistory;
  readonly state: () => GatewayState;
  /** What is served now; undefined without TLS. */
  readonly certificate: () => CertificateSummary | undefined;
  readonly connections: () => number;
  /** Whether it serves, and goes on to. */
  readonly isReady: () => boolean;
  /** Where it listens; nobody asks before it does. */
  readonly addresses: () => { readonly clients: AddressInfo; readonly admin: AddressInfo | undefined };
}

/** Everything that tells how a gateway is doing. */
export interface Telemetry {
  readonly metrics: Metrics;
  readonly observer: Observer;
  readonly isReady: () => boolean;
  /** Finds out what has to be asked for, before metrics are read. Takes a few seconds at most. */
  refresh(): Promise<void>;
  /** Whether a Kapacitor answers; undefined: there is none of that name. */
  isUp(instance: string): Promise<boolean | undefined>;
  /** What is known of a Kapacitor. */
  health(upstream: Upstream): Health;
  /** How the gateway is doing, as far as is known. */
  status(): StatusReport;
  /** Nothing is watched any more, and every change is recorded. */
  stop(): void;
}

export function createTelemetry(facts: TelemetryFacts): Telemetry {
  const eventLoop = watchEventLoop();
  const healths = new WeakMap<Upstream, Health>();
  let descriptors: Descriptors = { open: undefined, most: undefined };

  const health = (upstream: Upstream): Health => {
    let known = healths.get(upstream);
    if (known === undefined) {
      known = createHealth(upstream);
      healths.set(upstream, known);
    }
    return known;
  };

  const instances = (): StatusSources["instances"] =>
    Array.from(facts.state().upstreams.values(), (upstream) => {
      const { name } = upstream.options;
      const { held, waitingBytes } = upstream.writes.status();
      const { up, version } = health(upstream);
      const auditFindings = facts.audits().find(({ instance }) => instance === name)?.known?.findingCount;
      return { name, up, version, held, waitingBytes, auditFindings, upstream };
    });

  const metrics = createMetrics(
    {
      versions: { version: facts.version, node: process.versions.node },
      connections: facts.connections,
      certificateExpiry: () => {
        const certificate = facts.certificate();
        return certificate === undefined ? undefined : certificate.validTo.getTime() / 1000;
      },
      instances,
      reload: () => {
        const { successful, loadedAt } = facts.reloads.status();
        return { successful, lastSuccessAt: loadedAt.getTime() / 1000 };
      },
      eventLoopDelay: eventLoop.seconds,
      dropped: () => ({
        log: facts.log.dropped(),
        ...(facts.auditFile === undefined ? {} : { audit: facts.auditFile.dropped() }),
      }),
      descriptors: () => descriptors,
    },
    handshakeCauses,
    Object.keys(limitTexts),
  );
  const observer = createObserver(metrics, createAuditLog(facts.log, facts.auditFile));
  const rates = sampleRates(() => ratedTotals(metrics.totals, facts.state().upstreams.keys()));

  return {
    metrics,
    observer,
    health,
    isReady: facts.isReady,
    isUp: async (instance) => {
      const upstream = facts.state().upstreams.get(instance);
      return upstream === undefined ? undefined : health(upstream).check();
    },
    refresh: async () => {
      const pings = Array.from(facts.state().upstreams.values(), (upstream) => health(upstream).check());
      [descriptors] = await Promise.all([readDescriptors(), ...pings]);
    },
    status: () =>
      reportStatus({
        version: facts.version,
        isReady: facts.isReady(),
        totals: metrics.totals,
        rates,
        instances: instances(),
        audits: facts.audits(),
        refusals: observer.refusals(),
        reload: facts.reloads.status(),
        certificate: facts.certificate(),
        listeners: listeners(facts),
        process: processStatus(eventLoop.seconds(), descriptors),
        logs: [logReport("log", facts.log), ...(facts.auditFile ? [logReport("audit", facts.auditFile)] : [])],
        now: new Date(),
      }),
    stop: () => {
      rates.stop();
      eventLoop.stop();
      observer.flush();
    },
  };
}

function listeners(facts: TelemetryFacts): ListenerStatus[] {
  const { clients, admin } = facts.addresses();
  const { http } = facts.state().config;
  const shown: ListenerStatus = {
    name: "clients",
    address: formatAddress(clients),
    https: http["https-enabled"],
    connections: facts.connections(),
    max_connections: http["max-connections"],
  };
  return admin === undefined ? [shown] : [shown, { name: "admin", address: formatAddress(admin), https: false }];
}

function formatAddress({ family, address, port }: AddressInfo): string {
  return family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`;
}

function processStatus(delay: number, { open, most }: Descriptors): ProcessStatus {
  const { user, system } = process.cpuUsage();
  return {
    resident_memory_bytes: process.memoryUsage.rss(),
    cpu_seconds: (user + system) / 1e6,
    event_loop_delay_seconds: delay,
    open_fds: open ?? null,
    max_fds: most ?? null,
  };
}

function logReport(name: LogReport["log"], log: Log): LogReport {
  return { log: name, dropped: log.dropped(), problem: log.problem() ?? null };
}
