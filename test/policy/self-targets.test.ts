import t from "tap";
import { type AlertOptions, compileAlertRules } from "../../src/core/alert-rules.ts";
import { judgeTarget } from "../../src/core/targets.ts";

const common: AlertOptions = {
  "disable-handlers": ["exec"],
  "deny-target-cidrs": [],
  "allow-targets": [],
  "own-addresses": ["other-name.example"],
  udfs: [],
  "allow-flux-tasks": false,
  mode: "enforce",
};
const first = { name: "first", url: "http://kapacitor-1.example:9192", hosts: ["one.example"] };
const second = { name: "second", url: "https://192.0.2.2:9292", hosts: ["two.example"] };
const addresses: Readonly<Record<string, readonly string[]>> = {
  "kapacitor-1.example": ["192.0.2.1"],
  "alias.example": ["192.0.2.2"],
  "one.example": ["203.0.113.1"],
  "two.example": ["203.0.113.1"],
  "other-name.example": ["203.0.113.9"],
  "elsewhere.example": ["198.51.100.7"],
};

/**
 * An editor of one Kapacitor let an alert post to the next one, whose policy the gateway holds as well: only the first one's own address counted as one of
 * ours, and Kapacitor asks for no password that means anything.
 */
t.test("no Kapacitor may post to another one behind the same gateway", async (t) => {
  const rows: readonly (readonly [url: string, expected: string])[] = [
    ["http://kapacitor-1.example:9192/", "target_denied"],
    ["https://192.0.2.2:9292/", "target_denied"],
    ["https://alias.example:9292/", "target_denied"],
    ["https://two.example:9443/", "target_denied"],
    ["https://one.example:9443/", "target_denied"],
    ["https://two.example:9192/", "target_denied"],
    ["http://other-name.example:9292/", "target_denied"],
    ["http://192.0.2.2:9092/", "target_denied"],
    ["http://192.0.2.2:8086/", "pass"],
    ["http://kapacitor-1.example:8080/", "pass"],
    ["http://elsewhere.example:9292/", "pass"],
  ];
  for (const instance of [first, second]) {
    const rules = compileAlertRules(common, instance, { host: "", port: 9443 }, [], [first, second]);
    if (rules === undefined) throw new Error("no rules");
    for (const [text, expected] of rows) {
      const facts = { addressesOf: (name: string) => addresses[name] ?? [], gateway: undefined };
      const verdict = judgeTarget({ text, form: "url" }, rules.targets, facts);
      t.equal(verdict.kind === "deny" ? verdict.reason : verdict.kind, expected, `${instance.name}: ${text}`);
    }
  }
});
