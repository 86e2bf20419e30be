/** Judges a TICKscript: what it would make Kapacitor do, read from its tree as Kapacitor evaluates it. */
import { parseScript } from "../tickscript/parser.ts";
import type { ScriptReport, ScriptRules } from "./script-report.ts";

/**
 * What a script does and what of it the rules refuse. Closed when unsure: everything that is not known to be harmless is a finding.
 * Never throws.
 */
export function inspectScript(source: string, _rules: ScriptRules): ScriptReport {
  const parsed = parseScript(source);
  if (!parsed.ok) return parsed;
  return {
    ok: true,
    findings: [{ rule: "chain", offset: 0, length: 0, text: "not judged yet" }],
    targets: [],
    topics: [],
    dbrps: [],
    vars: [],
    handlers: new Set(),
  };
}
