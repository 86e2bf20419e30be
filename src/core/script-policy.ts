/** Judges a TICKscript: what it would make Kapacitor do, and what of that the rules refuse. */
import type * as ast from "../tickscript/ast.ts";
import { methodName } from "../tickscript/characters.ts";
import { type ParseResult, parseScript } from "../tickscript/parser.ts";
import {
  type AddressForm,
  type HandlerKind,
  type HandlerKindName,
  methodHandlerKind,
  nodeHandlerKind,
} from "./alert-handlers.ts";
import { type Calls, Evaluation } from "./script-evaluation.ts";
import { chainNode, handlerProperty, nodeProperty, type Property } from "./script-kinds.ts";
import type { Finding, FindingRule, ScriptReport, ScriptRules, TargetUse, TopicUse } from "./script-report.ts";
import { alert, opaque, reported, textOf, type Value } from "./script-values.ts";
import { type Argument, argumentSpan, callSpan, describeReceiver, showName } from "./script-words.ts";

/** Findings behind these are not kept: one is enough to refuse a script, and a hostile one can have 100,000. */
const mostFindings = 100;

/**
 * What a script does and what of it the rules refuse. `parsed` may be given when the same script is judged again and again. Closed when unsure: what is not documented is a finding, and what cannot be followed counts as an alert
 * node (for properties) or as not constant (for texts). Never throws; takes time and space linear in the script.
 */
export function inspectScript(
  source: string,
  rules: ScriptRules,
  parsed: ParseResult = parseScript(source),
): ScriptReport {
  if (!parsed.ok) return parsed;
  const judge = new Judge(rules);
  const evaluation = new Evaluation(rules.vars, judge);
  for (const statement of parsed.program.statements) evaluation.statement(statement);
  judge.finish();
  const { targets, topics, handlers } = judge;
  const findings = judge.findings.toSorted((left, right) => left.offset - right.offset);
  return { ok: true, findings, targets, topics, handlers, dbrps: evaluation.dbrps, vars: evaluation.vars };
}

class Judge implements Calls {
  readonly findings: Finding[] = [];
  readonly targets: TargetUse[] = [];
  readonly topics: TopicUse[] = [];
  readonly handlers = new Set<HandlerKindName>();
  readonly #rules: ScriptRules;
  /** Nodes that have no source yet. */
  readonly #sideloads = new Map<Value, ast.Call>();

  constructor(rules: ScriptRules) {
    this.#rules = rules;
  }

  /** `|name(…)`, on whatever stands on the left: on what is no node, Kapacitor has none of these names. */
  chainMethod(call: ast.Call, argument: Argument | undefined): Value {
    const name = methodName(call.name);
    const node = chainNode(name);
    if (node === undefined) {
      return this.#refuse("chain", call, `|${showName(call.name)}() is no documented node; only those may be used`);
    }
    const handler = nodeHandlerKind(name);
    if (handler !== undefined) this.#useHandler(handler, call, "|", argument);
    if (node === "httpOut") this.#checkHttpOut(call, argument);
    const value: Value = { kind: "node", node };
    if (node === "sideload") this.#sideloads.set(value, call);
    return value;
  }

  /** A sideload without a source takes the end point "", and one that is not there ends Kapacitor, not only the task (sideload.go, from 1.5.8 on). */
  finish(): void {
    for (const call of this.#sideloads.values()) {
      this.#refuse("chain", call, `|${showName(call.name)}() needs a .source(); without one it ends Kapacitor`);
    }
  }

  udf(call: ast.Call): Value {
    const { udfs } = this.#rules;
    if (udfs.size > 0 && !udfs.has(call.name)) {
      return this.#refuse("udf", call, `@${showName(call.name)}() is no UDF that the operator allows`);
    }
    return { kind: "node", node: "udf" };
  }

  /** `.name(…)`: a property of what stands on the left, or a handler if that is an alert node, a handler of one, or unknown. */
  property(receiver: Value, call: ast.Call, argument: Argument | undefined): Value {
    const name = methodName(call.name);
    const own = receiver.kind === "handler" ? handlerProperty(receiver.handler, name) : undefined;
    if (own !== undefined) {
      this.#useAddress(own, receiver, argument);
      return receiver;
    }
    const onAlert =
      receiver.kind === "handler" ||
      receiver.kind === "unknown" ||
      (receiver.kind === "node" && receiver.node === "alert");
    const handler = onAlert ? methodHandlerKind(name) : undefined;
    if (handler !== undefined) {
      this.#useHandler(handler, call, ".", argument);
      return { kind: "handler", handler: handler.kind };
    }
    const property = onAlert
      ? nodeProperty("alert", name)
      : receiver.kind === "node"
        ? nodeProperty(receiver.node, name)
        : undefined;
    if (property === undefined) {
      if (receiver.kind === "unknown" && receiver.reported) return receiver;
      const text = `.${showName(call.name)}() is no documented property of ${describeReceiver(receiver)}; only those may be used`;
      return this.#refuse("property", call, text);
    }
    if (onAlert && name === topicProperty && argument !== undefined)
      this.topics.push({ ...argumentSpan(argument), text: textOf(argument.value) });
    this.#useAddress(property, receiver, argument);
    return property.gives === "alert" ? alert : receiver;
  }

  #useHandler(handler: HandlerKind, call: ast.Call, operator: "." | "|", argument: Argument | undefined): void {
    this.handlers.add(handler.kind);
    if (this.#rules.disabled.has(handler.kind)) {
      const text = `${operator}${showName(call.name)}() is the alert handler "${handler.kind}", which the operator disabled`;
      this.#find({ rule: "handler", handler: handler.kind, ...callSpan(call), text });
    }
    // Only the first argument of .post() and |httpPost() is dialled (pipeline/alert.go, http_post.go).
    if (handler.argument !== undefined && argument !== undefined) {
      this.#target(handler.kind, handler.argument, argument);
    }
  }

  #useAddress(property: Property, receiver: Value, argument: Argument | undefined): void {
    if (property.gives !== "receiver" || property.address === undefined || argument === undefined) return;
    this.#sideloads.delete(receiver);
    this.#target(receiver.kind === "handler" ? receiver.handler : "sideload", property.address, argument);
  }

  #target(user: TargetUse["user"], form: AddressForm, argument: Argument): void {
    this.targets.push({ user, form, ...argumentSpan(argument), text: textOf(argument.value) });
  }

  /** `|httpOut('name')` adds a route below the task's; a name that leaves it takes over or removes other routes of Kapacitor. */
  #checkHttpOut(call: ast.Call, argument: Argument | undefined): void {
    const text = textOf(argument?.value ?? opaque);
    if (text.constant ? isRouteName(text.value) : this.#rules.vars === undefined && text.vars.length > 0) return;
    this.#find({
      rule: "http-out",
      ...(argument === undefined ? callSpan(call) : argumentSpan(argument)),
      text: text.constant
        ? "the name that |httpOut() gets may be neither empty nor have a slash or two dots in it"
        : "the name that |httpOut() gets must be a constant text",
    });
  }

  /** What comes of it counts as an alert node. */
  #refuse(rule: FindingRule, call: ast.Call, text: string): Value {
    this.#find({ rule, ...callSpan(call), text });
    return reported;
  }

  #find(finding: Finding): void {
    if (this.findings.length < mostFindings) this.findings.push(finding);
  }
}

const topicProperty = methodName("topic");

/** What stays one segment below the path of the task, whatever path.Join makes of it. */
function isRouteName(name: string): boolean {
  return name !== "" && name !== "." && !name.includes("/") && !name.includes("..");
}
