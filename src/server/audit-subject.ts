import type { AuditSubject } from "../audit/audit.ts";
import type { Config } from "../config/schema.ts";
import type { Policy } from "../core/policy.ts";
import type { Upstream } from "../upstream/instance.ts";

/** What the configuration says about the audit of an instance. */
export function auditSubject(
  config: Config,
  policy: Policy,
  upstream: Upstream,
): Omit<AuditSubject, "resolve" | "signal"> {
  const { name } = upstream.options;
  const instance = config.kapacitor.find((entry) => entry.name === name);
  return {
    instance: name,
    upstream,
    rules: policy.alerts.get(name),
    accepted: instance?.accepted ?? config.alerts.accepted,
    reach: {
      url: upstream.origin.origin,
      username: instance?.username ?? "",
      sslCa: instance?.["ssl-ca"] ?? "",
      insecureSkipVerify: instance?.["insecure-skip-verify"] ?? false,
    },
  };
}
