import type { Attention, StatusReport } from "./status-report.ts";

type Facts = Omit<StatusReport, "attention">;

const warnDays = 30;
/** Part of max-connections from which on it is close. */
const crowded = 0.9;
const slowSeconds = 1;

/** What somebody should look at, the worst first; empty when all is well. */
export function findAttention(facts: Facts): readonly Attention[] {
  const found = [...ofGateway(facts), ...facts.instances.flatMap(ofInstance)];
  return [...found.filter(isError), ...found.filter((entry) => !isError(entry))];
}

function ofGateway(facts: Facts): Attention[] {
  const { certificate, reload, logs, process, listeners, ready } = facts;
  const found: Attention[] = [];
  if (!ready) found.push(warning("The gateway is stopping: it takes no new connections."));
  if (certificate !== null && certificate.days_left < 0)
    found.push(
      error(
        `The certificate expired on ${certificate.expires_at.slice(0, 10)}: clients that verify it do not connect.`,
      ),
    );
  else if (certificate !== null && certificate.days_left < warnDays)
    found.push(warning(`The certificate expires in ${days(certificate.days_left)}.`));
  if (!reload.successful) found.push(warning("The last reload was refused: what ran before is still running."));
  for (const { log, problem, dropped } of logs) {
    const what = log === "audit" ? "audit log" : "log";
    if (problem !== null) found.push(error(`The ${what} cannot be written (${problem}).`));
    else if (dropped > 0) found.push(warning(`The ${what} lost ${dropped} ${dropped === 1 ? "record" : "records"}.`));
  }
  for (const { connections = 0, max_connections: most = Number.POSITIVE_INFINITY } of listeners)
    if (connections >= most * crowded) found.push(warning(`${connections} of ${most} connections are open.`));
  if (process.event_loop_delay_seconds >= slowSeconds)
    found.push(warning(`The process was busy for ${process.event_loop_delay_seconds.toFixed(1)} s at a stretch.`));
  return found;
}

function ofInstance({ name, up, held, audit }: Facts["instances"][number]): Attention[] {
  const found: Attention[] = [];
  if (!up) {
    const waiting = held === 0 ? "" : `; ${held} ${held === 1 ? "write waits" : "writes wait"} for it`;
    found.push(error(`Kapacitor ${name} does not answer${waiting}.`));
  }
  const findings = audit?.findings ?? 0;
  if (findings > 0)
    found.push(
      warning(
        `Kapacitor ${name} has ${findings} stored ${findings === 1 ? "object" : "objects"} that the policy would refuse.`,
      ),
    );
  if (up && audit !== null && audit.failure !== null)
    found.push(warning(`The audit of Kapacitor ${name} is not complete: ${audit.failure}.`));
  return found;
}

function days(count: number): string {
  return count === 0 ? "less than a day" : count === 1 ? "1 day" : `${count} days`;
}

function isError({ severity }: Attention): boolean {
  return severity === "error";
}

function error(text: string): Attention {
  return { severity: "error", text };
}

function warning(text: string): Attention {
  return { severity: "warning", text };
}
