import { auditInstance } from "../audit/audit.ts";
import type { AuditReport } from "../audit/report.ts";
import { auditSubject } from "../server/audit-subject.ts";
import { createResolver } from "../server/resolve.ts";
import { createUpstream } from "../upstream/instance.ts";
import { formatReport } from "./audit-output.ts";
import { parseFlags } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import { readPolicyConfiguration } from "./policy-configuration.ts";

/**
 * `kapgate audit`: what each Kapacitor has stored that the policy would refuse, with the commands that remove it. 0 when there is nothing, 3 when there
 * are findings, 2 when a Kapacitor could not be read (and nothing was found), 1 for flags or configuration.
 */
export async function run(io: CommandIo): Promise<number> {
  const parsed = parseFlags(io.argv, {
    config: "string",
    instance: "string",
    upstream: "string",
    "disable-handlers": "string",
    "deny-target-cidrs": "string",
    json: "boolean",
  });
  if (!parsed.ok || parsed.positionals.length > 0) {
    io.stderr.write(
      `kapgate audit: ${parsed.ok ? `unexpected argument ${JSON.stringify(parsed.positionals[0])}` : parsed.text}\n`,
    );
    return 1;
  }
  const { instance, json = false, ...flags } = parsed.values;
  const configuration = await readPolicyConfiguration(io, flags);
  if (configuration === undefined) return 1;
  const { config, policy, upstreams } = configuration;
  const wanted = upstreams.filter(({ name }) => instance === undefined || name === instance);
  if (wanted.length === 0) {
    const names = upstreams.map(({ name }) => name).join(", ");
    io.stderr.write(`kapgate audit: there is no instance ${JSON.stringify(instance)}; there are ${names}\n`);
    return 1;
  }
  const resolve = createResolver();
  const reports: AuditReport[] = [];
  for (const options of wanted) {
    const upstream = createUpstream(options);
    reports.push(await auditInstance({ ...auditSubject(config, policy, upstream), resolve }));
    upstream.close();
  }
  const hasFindings = reports.some(({ findingCount }) => findingCount > 0);
  const isComplete = reports.every(({ failure }) => failure === undefined);
  if (json) io.stdout.write(`${JSON.stringify({ ok: !hasFindings && isComplete, reports }, undefined, 2)}\n`);
  else io.stdout.write(`${reports.map(formatReport).join("\n")}${advice(reports)}`);
  if (hasFindings) return 3;
  return isComplete ? 0 : 2;
}

/** What to do with findings, once for all of them. */
function advice(reports: readonly AuditReport[]): string {
  const [first] = reports.flatMap(({ findings }) => findings);
  if (first === undefined) return "";
  return `
Each command removes the finding above it. To look first: kapacitor show ID; to stop a task and keep its script:
kapacitor disable ID. A target that alerts may be sent to belongs into [alerts] allow-targets, anything else that is
meant to stay into [alerts] accepted = [${JSON.stringify(first.object)}]
`;
}
