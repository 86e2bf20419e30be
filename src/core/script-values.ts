/** What the expressions of a script evaluate to, as far as a policy needs it. */
import type { HandlerKindName } from "./alert-handlers.ts";
import type { NodeName } from "./script-kinds.ts";
import type { ScriptText, TaskVar } from "./script-report.ts";

export type Value =
  | { readonly kind: "node"; readonly node: NodeName }
  | { readonly kind: "handler"; readonly handler: HandlerKindName }
  | List
  /** Everything else that a script can write: text, numbers, lambdas … It has no properties that a script needs. */
  | Plain
  /** May be anything, so it counts as an alert node. `reported`: a finding says why. */
  | { readonly kind: "unknown"; readonly reported: boolean };

export interface List {
  readonly kind: "list";
  readonly items: readonly Value[];
  /** The vars that a task can replace it with. */
  readonly vars: readonly string[];
}

export interface Plain {
  readonly kind: "plain";
  /** The text, if it is one and is known. */
  readonly text?: string;
  /** The vars that a task can change it with. */
  readonly vars: readonly string[];
}

export const unknown: Value = { kind: "unknown", reported: false };
export const reported: Value = { kind: "unknown", reported: true };
export const alert: Value = { kind: "node", node: "alert" };
export const opaque: Plain = { kind: "plain", vars: [] };

/** More names than this are not kept: enough for a message, and a long script cannot make the lists grow with its square. */
const mostVars = 16;

/** Longer texts count as unknown: `var b = a + a` again and again doubles them. */
const longestText = 65_536;

export function constant(text: string): Plain {
  return { kind: "plain", text, vars: [] };
}

/** What a var of the task holds. */
export function givenValue(given: TaskVar): Value {
  switch (given.type) {
    case "string":
      return constant(given.value);
    case "list":
      return { kind: "list", items: given.items.map(givenValue), vars: [] };
    default:
      return opaque;
  }
}

/** The vars that values depend on, each once. */
function varsOf(values: readonly Value[]): readonly string[] {
  const names = new Set<string>();
  for (const value of values) {
    if (value.kind !== "plain" && value.kind !== "list") continue;
    for (const name of value.vars) {
      if (names.size === mostVars) return [...names];
      names.add(name);
    }
  }
  return [...names];
}

/** A value that a task can also give by these vars. */
export function withVars<Kind extends Plain | List>(value: Kind, vars: readonly string[]): Kind {
  return vars.length === 0 ? value : { ...value, vars: varsOf([{ kind: "plain", vars }, value]) };
}

/** What operators make of their operands: `'a' + 'b'` is known, everything else is a plain value that is not. */
export function combine(operands: readonly Value[], joined: boolean): Plain {
  const vars = varsOf(operands);
  if (!joined) return { kind: "plain", vars };
  const parts: string[] = [];
  let length = 0;
  for (const operand of operands) {
    if (operand.kind !== "plain" || operand.text === undefined) return { kind: "plain", vars };
    length += operand.text.length;
    if (length > longestText) return { kind: "plain", vars };
    parts.push(operand.text);
  }
  return { kind: "plain", text: parts.join(""), vars };
}

/** A value in the place of a text. */
export function textOf(value: Value): ScriptText {
  if (value.kind !== "plain") return { constant: false, vars: [] };
  const { text, vars } = value;
  return text === undefined ? { constant: false, vars } : { constant: true, value: text, vars };
}
