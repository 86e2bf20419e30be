import { createAuditLog } from "../observability/audit-log.ts";
import { type Descriptors, readDescriptors } from "../observability/descriptors.ts";
import { watchEventLoop } from "../observability/event-loop.ts";
import type { Log } from "../observability/logger.ts";
import { createMetrics, type InstanceFacts, type Metrics } from "../observability/metrics.ts";
import { createHealth, type Health } from "../upstream/health.ts";
import type { Upstream } from "../upstream/instance.ts";
import type { CertificateSummary } from "./certificate.ts";
import { limitTexts } from "./connections.ts";
import { handshakeCauses } from "./handshake-failures.ts";
import { createObserver, type Observer } from "./observer.ts";
import type { ReloadHistory } from "./reload-history.ts";
import type { GatewayState } from "./state.ts";

/** What the gateway lets itself be asked. */
export interface TelemetryFacts {
  readonly version: string;
  readonly log: Log;
  /** The log of `audit-file`. */
  readonly auditFile: Log | undefined;
  /** What the audit of an instance found; undefined: nothing is known. */
  readonly auditFindings: (instance: string) => number | undefined;
  readonly reloads: ReloadHistory;
  readonly state: () => GatewayState;
  /** What is served now; undefined without TLS. */
  readonly certificate: () => CertificateSummary | undefined;
  readonly connections: () => number;
}

/** Everything that tells how a gateway is doing. */
export interface Telemetry {
  readonly metrics: Metrics;
  readonly observer: Observer;
  /** Finds out what has to be asked for, before metrics are read. Takes a few seconds at most. */
  refresh(): Promise<void>;
  /** Whether a Kapacitor answers; undefined: there is none of that name. */
  isUp(instance: string): Promise<boolean | undefined>;
  /** What is known of a Kapacitor. */
  health(upstream: Upstream): Health;
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

  const instances = (): InstanceFacts[] =>
    Array.from(facts.state().upstreams.values(), (upstream) => {
      const { held, waitingBytes } = upstream.writes.status();
      return {
        name: upstream.options.name,
        up: health(upstream).up,
        held,
        waitingBytes,
        auditFindings: facts.auditFindings(upstream.options.name),
      };
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

  return {
    metrics,
    observer,
    health,
    isUp: async (instance) => {
      const upstream = facts.state().upstreams.get(instance);
      return upstream === undefined ? undefined : health(upstream).check();
    },
    refresh: async () => {
      const pings = Array.from(facts.state().upstreams.values(), (upstream) => health(upstream).check());
      [descriptors] = await Promise.all([readDescriptors(), ...pings]);
    },
    stop: () => {
      eventLoop.stop();
      observer.flush();
    },
  };
}
