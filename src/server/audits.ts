import type { Logger } from "pino";
import { auditInstance } from "../audit/audit.ts";
import type { AuditFinding, AuditReport } from "../audit/report.ts";
import { auditSubject } from "./audit-subject.ts";
import type { Resolve } from "./resolve.ts";
import type { GatewayState } from "./state.ts";

/** What is known of the audits of an instance. */
export interface InstanceAudits {
  readonly instance: string;
  /** The last attempt, complete or not; undefined before the end of the first. */
  readonly latest: AuditReport | undefined;
  /** What is known to be stored: the last complete report, or an incomplete one that found more. For metrics; undefined: nothing is known. */
  readonly known: AuditReport | undefined;
  readonly isRunning: boolean;
}

/** The audits that a running gateway makes. */
export interface Audits {
  /** Every instance that has an alert policy, in the order of the configuration. */
  last(): readonly InstanceAudits[];
  /** Audits every instance by this configuration: at once, then every hour. For the start and for a reload. */
  use(state: AuditedState): void;
  /** Breaks off what runs; nothing is begun or logged any more. */
  stop(): void;
}

export type AuditedState = Pick<GatewayState, "config" | "policy" | "upstreams">;

export interface AuditTimes {
  /** Between the end of an audit and the next one, in milliseconds. */
  readonly periodMs: number;
  /** After the first failure; doubled with every other one, up to the period. */
  readonly retryMs: number;
}

const hourly: AuditTimes = { periodMs: 3_600_000, retryMs: 60_000 };

/** Findings that are logged one by one after an audit; the summary counts all. */
const mostLogged = 100;

interface Entry {
  readonly instance: string;
  readonly controller: AbortController;
  timer: NodeJS.Timeout | undefined;
  isRunning: boolean;
  /** Asked for while another one ran. */
  isDue: boolean;
  failures: number;
  latest: AuditReport | undefined;
  known: AuditReport | undefined;
  /** What the log has: the texts by object. */
  logged: ReadonlyMap<string, string>;
}

/** Nothing runs before the first `use`. One audit at a time per instance; its timers keep no process alive. */
export function createAudits(log: Logger, resolve: Resolve, times: AuditTimes = hourly): Audits {
  let entries: readonly Entry[] = [];
  let current: AuditedState | undefined;

  const begin = (entry: Entry): void => {
    if (entry.isRunning) entry.isDue = true;
    else void run(entry);
  };

  const run = async (entry: Entry): Promise<void> => {
    const { instance, controller } = entry;
    const upstream = current?.upstreams.get(instance);
    if (current === undefined || upstream === undefined) return;
    clearTimeout(entry.timer);
    entry.isRunning = true;
    entry.isDue = false;
    try {
      const subject = auditSubject(current.config, current.policy, upstream);
      const report = await auditInstance({ ...subject, resolve, signal: controller.signal });
      if (!controller.signal.aborted) take(entry, report);
    } catch (error) {
      entry.failures++;
      log.error({ instance, cause: error instanceof Error ? (error.stack ?? error.message) : String(error) }, "audit");
    }
    entry.isRunning = false;
    if (controller.signal.aborted) return;
    if (entry.isDue) void run(entry);
    else entry.timer = setTimeout(() => begin(entry), pause(entry.failures, times)).unref();
  };

  const take = (entry: Entry, report: AuditReport): void => {
    const before = entry.latest;
    entry.latest = report;
    entry.failures = report.failure === undefined ? 0 : entry.failures + 1;
    if (report.failure === undefined || report.findingCount > (entry.known?.findingCount ?? 0)) entry.known = report;
    entry.logged = logReport(log, report, entry.logged);
    logEnd(log, report, before?.failure?.reason);
  };

  return {
    last: () => entries.map(({ instance, latest, known, isRunning }) => ({ instance, latest, known, isRunning })),
    use: (state) => {
      current = state;
      const names = state.config.kapacitor.map(({ name }) => name).filter((name) => state.policy.alerts.has(name));
      const next = names.map((name) => entries.find(({ instance }) => instance === name) ?? createEntry(name));
      for (const entry of entries) if (!next.includes(entry)) end(entry);
      entries = next;
      for (const entry of entries) begin(entry);
    },
    stop: () => {
      for (const entry of entries) end(entry);
    },
  };
}

function createEntry(instance: string): Entry {
  return {
    instance,
    controller: new AbortController(),
    timer: undefined,
    isRunning: false,
    isDue: false,
    failures: 0,
    latest: undefined,
    known: undefined,
    logged: new Map(),
  };
}

function end({ controller, timer }: Entry): void {
  clearTimeout(timer);
  controller.abort();
}

function pause(failures: number, { periodMs, retryMs }: AuditTimes): number {
  return failures === 0 ? periodMs : Math.min(periodMs, retryMs * 2 ** Math.min(failures - 1, 20));
}

/** Logs what was not logged before, and what is gone; an incomplete report says nothing about what it did not see. Returns what the log has now. */
function logReport(
  log: Logger,
  { instance, findings, failure }: AuditReport,
  before: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const found = new Map(findings.map(({ object, text }) => [object, text] as const));
  const fresh = findings.filter(({ object, text }) => before.get(object) !== text);
  for (const finding of fresh.slice(0, mostLogged)) log.warn({ instance, ...recordOf(finding) }, "audit finding");
  if (failure !== undefined) return new Map([...before, ...found]);
  const gone = [...before.keys()].filter((object) => !found.has(object));
  for (const object of gone.slice(0, mostLogged)) log.info({ instance, object }, "audit finding is gone");
  return found;
}

function recordOf({ object, state, reason, handler, text, remove }: AuditFinding) {
  return { object, state, reason, handler, text, remove };
}

/** The summary. That a Kapacitor cannot be read is said once for each reason, not with every attempt. */
function logEnd(log: Logger, report: AuditReport, reasonBefore: string | undefined): void {
  const { instance, findingCount, accepted, audited, durationMs, failure, unused, notes } = report;
  if (failure !== undefined) {
    const { reason, text, cause } = failure;
    const record = { instance, reason, text, cause, findings: findingCount };
    if (reason === reasonBefore) log.debug(record, "audit is not complete");
    else log.warn(record, "audit is not complete");
    return;
  }
  const record = {
    instance,
    findings: findingCount,
    accepted: accepted.length,
    tasks: audited.task,
    templates: audited.template,
    handlers: audited.handler,
    sections: audited.config,
    flux_tasks: audited["flux-task"],
    accepted_unused: unused.length === 0 ? undefined : unused,
    notes: notes.length === 0 ? undefined : notes,
    duration_ms: durationMs,
  };
  if (findingCount > 0) log.warn(record, "audit");
  else log.info(record, "audit");
}
