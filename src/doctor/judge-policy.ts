import type { Config } from "../config/schema.ts";
import { compileDisabled } from "../core/alert-handlers.ts";
import { optionsOf } from "../core/alert-rules.ts";
import type { Facts, Instance } from "./facts.ts";
import { finding, fine, type Result } from "./finding.ts";
import { gatewayLines, listed } from "./hints.ts";

/** Whether the alert policy of an instance is in force, and who may run commands on Kapacitor's machine. */
export function judgePolicy(facts: Facts, instance: Instance): readonly Result[] {
  const { config } = facts;
  const options = optionsOf(config.alerts, instance);
  const { disabled } = compileDisabled(options["disable-handlers"]);
  const place = instance.mode === undefined ? "[alerts]" : `[[kapacitor]] ${instance.name}`;
  const results: Result[] = [];
  const hasRules = disabled.size > 0 || options["deny-target-cidrs"].length > 0 || options.udfs.length > 0;
  if (options.mode === "report" && hasRules) {
    results.push(
      finding("policy_report_mode", {
        instance: instance.name,
        what: `${place}: mode = "report"`,
        fix: gatewayLines(facts, place, `mode = "enforce"`),
      }),
    );
  }
  const editors = disabled.has("exec") ? [] : definers(config, instance.name);
  if (editors.length > 0) {
    results.push(
      finding("policy_exec_open", {
        instance: instance.name,
        what: `the handler exec is not disabled, and ${listed(editors)} may define tasks`,
        fix: gatewayLines(
          facts,
          instance["disable-handlers"] === undefined ? "[alerts]" : `[[kapacitor]] ${instance.name}`,
          `disable-handlers = [${[...options["disable-handlers"], "exec"].map((name) => JSON.stringify(name)).join(", ")}]`,
        ),
      }),
    );
  }
  if (results.length > 0) return results;
  const what =
    disabled.size === 0 ? "no handler is disabled; only admins define tasks" : `disabled: ${listed([...disabled])}`;
  return [fine("policy", what, instance.name)];
}

/** Who may define tasks there without being an admin. */
function definers(config: Config, instance: string): readonly string[] {
  const { http } = config;
  if (!http["auth-enabled"]) return ["everybody (auth-enabled = false)"];
  const editors = config.user
    .filter(({ role, instances }) => role === "editor" && (instances.length === 0 || instances.includes(instance)))
    .map(({ name }) => name);
  return http["htpasswd-file"] !== "" && http["htpasswd-role"] === "editor"
    ? [...editors, "the users of htpasswd-file"]
    : editors;
}
