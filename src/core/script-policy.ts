/**
 * Judges a TICKscript: evaluates its tree the way Kapacitor does (tick/eval.go: statement after statement, left before right, arguments before their call), with kinds
 * of values in the place of values.
 */
import type * as ast from "../tickscript/ast.ts";
import { methodName } from "../tickscript/characters.ts";
import { parseScript } from "../tickscript/parser.ts";
import {
  type AddressForm,
  type HandlerKind,
  type HandlerKindName,
  methodHandlerKind,
  nodeHandlerKind,
} from "./alert-handlers.ts";
import { chainNode, handlerProperty, nodeProperty, type Property } from "./script-kinds.ts";
import type {
  Finding,
  FindingRule,
  ScriptDbrp,
  ScriptReport,
  ScriptRules,
  ScriptVar,
  TargetUse,
  TopicUse,
} from "./script-report.ts";
import {
  alert,
  combine,
  constant,
  givenValue,
  opaque,
  reported,
  textOf,
  unknown,
  type Value,
  varsOf,
} from "./script-values.ts";
import { type Argument, argumentSpan, callSpan, describeReceiver, showName } from "./script-words.ts";

/** Findings behind these are not kept: one is enough to refuse a script, and a hostile one can have 100,000. */
const mostFindings = 100;

/**
 * What a script does and what of it the rules refuse. Closed when unsure: what is not documented is a finding, and what cannot be followed counts as an alert
 * node (for properties) or as not constant (for texts). Never throws; takes time and space linear in the script.
 */
export function inspectScript(source: string, rules: ScriptRules): ScriptReport {
  const parsed = parseScript(source);
  if (!parsed.ok) return parsed;
  const evaluation = new Evaluation(rules);
  for (const statement of parsed.program.statements) evaluation.statement(statement);
  return evaluation.report();
}

class Evaluation {
  readonly #rules: ScriptRules;
  readonly #scope = new Map<string, Value>([
    ["stream", { kind: "node", node: "source" }],
    ["batch", { kind: "node", node: "source" }],
  ]);
  readonly #givenValues = new Map<string, Value>();
  readonly #findings: Finding[] = [];
  readonly #targets: TargetUse[] = [];
  readonly #topics: TopicUse[] = [];
  readonly #dbrps: ScriptDbrp[] = [];
  readonly #vars: ScriptVar[] = [];
  readonly #handlers = new Set<HandlerKindName>();

  constructor(rules: ScriptRules) {
    this.#rules = rules;
  }

  report(): ScriptReport {
    return {
      ok: true,
      findings: this.#findings.toSorted((left, right) => left.offset - right.offset),
      targets: this.#targets,
      topics: this.#topics,
      dbrps: this.#dbrps,
      vars: this.#vars,
      handlers: this.#handlers,
    };
  }

  statement(statement: ast.Statement): void {
    switch (statement.kind) {
      case "var":
        this.#declare(statement);
        return;
      case "type":
        this.#declareType(statement);
        return;
      case "dbrp":
        this.#dbrps.push({
          offset: statement.offset,
          length: "dbrp".length,
          database: statement.database.value,
          retentionPolicy: statement.retentionPolicy.value,
        });
        return;
      default:
        this.#value(statement);
    }
  }

  /** `var name = value`; a task may give another value of the same type. */
  #declare({ name: { name, offset }, value: expression }: ast.VarDeclaration): void {
    this.#vars.push({ name, type: undefined, offset, length: name.length });
    const value = this.#value(expression);
    const given = this.#given(name);
    if (value.kind !== "plain" && value.kind !== "list") this.#scope.set(name, value);
    else if (given !== undefined) this.#scope.set(name, given);
    else if (this.#rules.vars !== undefined || value.kind === "list") this.#scope.set(name, value);
    else this.#scope.set(name, { ...value, vars: varsOf([{ kind: "plain", vars: [name] }, value]) });
  }

  /** `var name type`: the value comes with the task, and replaces what the name meant before. */
  #declareType({ name: { name, offset }, type }: ast.TypeDeclaration): void {
    this.#vars.push({ name, type: type.name, offset, length: name.length });
    this.#scope.set(name, this.#given(name) ?? { kind: "plain", vars: [name] });
  }

  /** What the task gives for a var. Kept, because a script may declare the same one again and again. */
  #given(name: string): Value | undefined {
    const given = this.#rules.vars?.get(name);
    if (given === undefined) return undefined;
    const kept = this.#givenValues.get(name) ?? givenValue(given);
    this.#givenValues.set(name, kept);
    return kept;
  }

  #value(expression: ast.Expression): Value {
    switch (expression.kind) {
      case "chain":
        return this.#chain(expression);
      case "call":
        // A function of the scope; Kapacitor has only `time`.
        this.#firstArgument(expression);
        return unknown;
      case "list":
        return { kind: "list", items: expression.items.map((item) => this.#value(item)) };
      case "binary":
        return combine(
          [expression.first, ...expression.rest.map(({ operand }) => operand)].map((operand) => this.#value(operand)),
          expression.rest.every(({ operator }) => operator === "+"),
        );
      case "unary":
        return combine([this.#value(expression.operand)], false);
      case "identifier":
        return this.#scope.get(expression.name) ?? unknown;
      case "string":
        return constant(expression.value);
      case "lambda":
      case "reference":
      case "number":
      case "duration":
      case "boolean":
      case "regex":
      case "star":
        return opaque;
      default:
        return unknownNode(expression);
    }
  }

  #chain({ head, links }: ast.Chain): Value {
    let receiver = this.#value(head);
    for (const { operator, target } of links) {
      if (target.kind === "identifier") {
        // Reads a field: of what type, reflection decides.
        receiver = unknown;
        continue;
      }
      const argument = this.#firstArgument(target);
      switch (operator) {
        case "|":
          receiver = this.#chainMethod(target, argument);
          break;
        case "@":
          receiver = this.#udf(target);
          break;
        case ".":
          receiver = this.#property(receiver, target, argument);
          break;
        default:
          return unknownNode(operator);
      }
    }
    return receiver;
  }

  /** `|name(…)`, on whatever stands on the left: on what is no node, Kapacitor has none of these names. */
  #chainMethod(call: ast.Call, argument: Argument | undefined): Value {
    const name = methodName(call.name);
    const node = chainNode(name);
    if (node === undefined) {
      return this.#refuse("chain", call, `|${showName(call.name)}() is no documented node; only those may be used`);
    }
    const handler = nodeHandlerKind(name);
    if (handler !== undefined) this.#useHandler(handler, call, "|", argument);
    if (node === "httpOut") this.#checkHttpOut(call, argument);
    return { kind: "node", node };
  }

  #udf(call: ast.Call): Value {
    const { udfs } = this.#rules;
    if (udfs.size > 0 && !udfs.has(call.name)) {
      return this.#refuse("udf", call, `@${showName(call.name)}() is no UDF that the operator allows`);
    }
    return { kind: "node", node: "udf" };
  }

  /** `.name(…)`: a property of what stands on the left, or a handler if that is an alert node, a handler of one, or unknown. */
  #property(receiver: Value, call: ast.Call, argument: Argument | undefined): Value {
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
      this.#topics.push({ ...argumentSpan(argument), text: textOf(argument.value) });
    this.#useAddress(property, receiver, argument);
    return property.gives === "alert" ? alert : receiver;
  }

  #useHandler(handler: HandlerKind, call: ast.Call, operator: "." | "|", argument: Argument | undefined): void {
    this.#handlers.add(handler.kind);
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
    this.#target(receiver.kind === "handler" ? receiver.handler : "sideload", property.address, argument);
  }

  #target(user: TargetUse["user"], form: AddressForm, argument: Argument): void {
    this.#targets.push({ user, form, ...argumentSpan(argument), text: textOf(argument.value) });
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
    if (this.#findings.length < mostFindings) this.#findings.push(finding);
  }

  /** All arguments are evaluated. An only argument that is a list stands for its items. */
  #firstArgument(call: ast.Call): Argument | undefined {
    const values = call.args.map((expression) => this.#value(expression));
    const [expression] = call.args;
    const [value] = values;
    if (expression === undefined || value === undefined) return undefined;
    if (value.kind !== "list" || values.length > 1) return { expression, value };
    const [item] = value.items;
    return item === undefined ? undefined : { expression, value: item };
  }
}

const topicProperty = methodName("topic");

/** What stays one segment below the path of the task, whatever path.Join makes of it. */
function isRouteName(name: string): boolean {
  return name !== "" && name !== "." && !name.includes("/") && !name.includes("..");
}

function unknownNode(node: never): never {
  throw new TypeError(`unknown node: ${JSON.stringify(node)}`);
}
