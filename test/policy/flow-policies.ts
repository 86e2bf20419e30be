import { handlerNames } from "../../src/core/alert-handlers.ts";

/** The names of the cases, instead of a resolver. */
const names: Readonly<Record<string, readonly string[]>> = {
  "inside.test": ["198.51.100.7", "10.1.2.3"],
  "outside.test": ["198.51.100.7"],
  "own.test": ["198.51.100.8"],
};

/** Instead of a resolver. */
export const resolve = async (name: string): Promise<readonly string[]> => names[name] ?? [];

const policies: Readonly<Record<string, string>> = {
  handlers: `disable-handlers = ["EXEC", "log", "httpPost", "slack", "email"]\nown-addresses = ["own.test"]`,
  targets: `deny-target-cidrs = ["private", "192.0.2.0/24"]\nallow-targets = ["127.0.0.1:5000"]`,
  udfs: `udfs = ["known"]`,
  flux: `disable-handlers = ["exec", "log"]\nallow-flux-tasks = true`,
  open: `disable-handlers = []`,
  every: `disable-handlers = ${JSON.stringify(handlerNames)}`,
};

/** One instance for each policy in front of a Kapacitor, selected by `NAME.policy.test`; with `report` each of them in that mode. */
export function instances(url: string, report: boolean): string {
  return Object.entries(policies)
    .map(
      ([name, keys]) =>
        `[[kapacitor]]\nname = "${name}"\nurl = "${url}"\nhosts = ["${name}.policy.test"]\n${keys}\n${report ? 'mode = "report"\n' : ""}`,
    )
    .join("\n");
}
