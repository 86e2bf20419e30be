import { formatProblem, type Problem } from "../problem.ts";
import type { Dial } from "./ask.ts";
import { sumBy } from "./counters.ts";
import { detailsOf, type Facts } from "./facts.ts";
import { type Finding, finding, fine, type Result } from "./finding.ts";
import { certificateCommands, configFlag, count, listed } from "./hints.ts";
import { reload, restart } from "./services.ts";

/** What the configuration and the files that it names are worth: the problems of `kapgate check`, those of the certificate apart. */
export function judgeConfiguration(facts: Facts): readonly Result[] {
  const results = facts.problems.map((problem) => judgeProblem(facts, problem));
  const rest = results.filter(({ area }) => area === "configuration");
  return rest.length > 0
    ? results
    : [fine("configuration", `${facts.file ?? "defaults and environment"}: fine`), ...results];
}

function judgeProblem(facts: Facts, problem: Problem): Finding {
  const what = formatProblem({ ...problem, severity: "error" });
  const isError = problem.severity === "error";
  if (isAboutCertificate(problem.key)) {
    return finding(isError ? "certificate_unusable" : "certificate_doubtful", {
      what: problem.text,
      fix: [/: (chmod .*)$/.exec(problem.text)?.[1] ?? certificateCommands(facts, [])].flat(),
    });
  }
  const place =
    problem.source === undefined
      ? "the configuration"
      : `${problem.source}${problem.line === undefined ? "" : `, line ${problem.line}`}`;
  return finding(isError ? "configuration_invalid" : "configuration_doubtful", {
    what,
    fix: [
      `# ${place}${problem.key === undefined ? "" : `: ${problem.key}`}`,
      `kapgate check${configFlag(facts)}`,
      reload(facts),
    ],
  });
}

function isAboutCertificate(key: string | undefined): boolean {
  return /^http\.https-(?:certificate|private-key)$/.test(key ?? "");
}

/** What clients make of the certificate: whether it is the one that is served, its names, whether they know its CA. */
export function judgeCertificate(facts: Facts): readonly Result[] {
  const { certificate, gateway, config } = facts;
  if (!config.http["https-enabled"] || certificate === undefined) return [];
  const served = gateway.dial?.kind === "tls" ? gateway.dial : undefined;
  const results: Result[] = [];
  if (!facts.problems.some(({ key }) => isAboutCertificate(key))) {
    const { subject, daysLeft, names } = certificate;
    results.push(fine("certificate", `${subject}: ${count(daysLeft, "day")} left, for ${listed(names)}`));
  }
  if (served !== undefined && served.fingerprint !== certificate.fingerprint) {
    results.push(
      finding("certificate_not_served", {
        what: `the listener shows ${served.subject}, SHA-256 ${shortened(served.fingerprint)}; ${config.http["https-certificate"]} holds ${shortened(certificate.fingerprint)}`,
        fix: [reload(facts)],
      }),
    );
  }
  for (const { instance } of facts.kapacitors) {
    const missing = instance.hosts.filter((host) => !covers(certificate.names, host));
    if (missing.length === 0) continue;
    results.push(
      finding("certificate_host_missing", {
        instance: instance.name,
        what: `the certificate does not have ${listed(missing)}, which ${missing.length === 1 ? "selects" : "select"} this instance`,
        fix: certificateCommands(facts, missing),
      }),
    );
  }
  const rejected = rejections(facts);
  if (served !== undefined && !served.trusted) {
    results.push(
      rejected === 0 && isTaken(facts)
        ? fine("certificate", "its CA is a private one, and InfluxDB takes it")
        : privateAuthority(facts),
    );
  }
  if (rejected > 0) {
    results.push(
      finding("certificate_rejected", {
        what: `clients refused the certificate ${count(rejected, "time")} since kapgate started`,
        fix: authorityLines(facts),
      }),
    );
  }
  return results;
}

/** Whether InfluxDB's writes arrive over TLS. */
function isTaken({ influxdb }: Facts): boolean {
  const counts = detailsOf(influxdb)?.counts ?? [];
  return counts.some(({ destination, written }) => destination.scheme === "https" && written > 0);
}

function privateAuthority(facts: Facts): Result {
  return finding("certificate_private", {
    what: `the system does not know the CA of the certificate (${facts.certificate?.issuer ?? ""})`,
    fix: authorityLines(facts),
  });
}

/** How to make InfluxDB trust the certificate. Never `insecure-skip-verify`: with it anybody between may be the gateway. */
export function authorityLines(facts: Facts): readonly string[] {
  const { authorityFile } = facts;
  const file = authorityFile ?? "/path/to/the/CA.pem";
  return [
    `# copy ${file} to InfluxDB's machine; influxdb.conf, [subscriber]:`,
    `ca-certs = ${JSON.stringify(authorityFile ?? "/etc/ssl/kapgate-ca.pem")}     # and not insecure-skip-verify`,
    restart(facts, "influxdb"),
  ];
}

/** How often clients said that they do not trust the certificate, since the gateway started. */
export function rejections({ gateway }: Facts): number {
  const { counters } = gateway;
  if (counters === undefined || "cause" in counters) return 0;
  return sumBy(counters, "kapgate_tls_failures_total", "cause").get("tls_client_rejected_certificate") ?? 0;
}

/** Whether a client that connects to `host` finds it among the names (RFC 6125, 6.4.3: a star stands for one label). */
export function covers(names: readonly string[], host: string): boolean {
  const wanted = host.toLowerCase().replace(/\.$/, "");
  const dot = wanted.indexOf(".");
  const star = dot > 0 && !/^[\d.]+$/.test(wanted) ? `*${wanted.slice(dot)}` : undefined;
  return names.some((name) => name.toLowerCase() === wanted || name.toLowerCase() === star);
}

/** What a dial says about whether the gateway of this configuration is there. */
export type Whereabouts = "here" | "other" | "plain" | "nothing" | "unresolved" | "unknown";

export function whereabouts(facts: Facts, dialled: Dial | undefined): Whereabouts {
  if (dialled === undefined) return "unknown";
  if (dialled.kind === "plain") return "plain";
  if (dialled.kind === "failure") {
    if (/^(?:ENOTFOUND|EAI_AGAIN)$/.test(dialled.code)) return "unresolved";
    // While the gateway is down nothing can be said about where it would be found.
    return facts.gateway.dial?.kind === "failure" ? "unknown" : "nothing";
  }
  const served = facts.gateway.dial?.kind === "tls" ? facts.gateway.dial.fingerprint : undefined;
  return dialled.fingerprint === served || dialled.fingerprint === facts.certificate?.fingerprint ? "here" : "other";
}

function shortened(fingerprint: string): string {
  return `${fingerprint.slice(0, 11)}…`;
}
