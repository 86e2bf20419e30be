import { isRunning } from "../audit/report.ts";
import type { Config } from "../config/schema.ts";
import { compileDisabled } from "../core/alert-handlers.ts";
import { optionsOf } from "../core/alert-rules.ts";
import type { Facts, KapacitorFacts } from "./facts.ts";
import { finding, fine, type Result } from "./finding.ts";
import { configFlag, count, gatewayLines, listed } from "./hints.ts";

/** Whether the alert policy of an instance is in force, who may run commands on Kapacitor's machine, and what is stored against it. */
export function judgePolicy(facts: Facts, { instance, audit }: KapacitorFacts): readonly Result[] {
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
  results.push(...judgeStored(facts, audit));
  if (results.length > 0) return results;
  const what =
    disabled.size === 0 ? "no handler is disabled; only admins define tasks" : `disabled: ${listed([...disabled])}`;
  return [fine("policy", what, instance.name)];
}

function judgeStored(facts: Facts, audit: KapacitorFacts["audit"]): readonly Result[] {
  if (audit === undefined) return [];
  const { instance, findings, findingCount, failure } = audit;
  const results: Result[] = [];
  if (findingCount > 0) {
    const shown = findings.map(({ object, state, text }) => `${object}, ${state} (${text})`);
    const more = findingCount > findings.length ? ", and others" : "";
    results.push(
      finding("policy_stored", {
        instance,
        severity: findings.some(({ state }) => isRunning(state)) ? "error" : "warning",
        what: `${count(findingCount, "stored object")}${more}: ${listed(shown, 4)}`,
        fix: [
          ...findings.map(
            ({ object, remove }) =>
              remove ?? `# ${object}: no request reaches it; stop Kapacitor and restore its storage`,
          ),
          `kapgate audit${configFlag(facts)}        # with the scripts; what is meant to stay: [alerts] accepted`,
        ],
      }),
    );
  }
  if (failure !== undefined) {
    results.push(
      finding("policy_unread", {
        instance,
        what: `${failure.text} (${failure.cause})`,
        fix: [`kapgate audit${configFlag(facts)} -instance ${instance}`],
      }),
    );
  }
  return results;
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
