/**
 * Evaluates the tree of a script the way Kapacitor does (tick/eval.go: statement after statement, left before right, arguments before their call), with kinds
 * of values in the place of values.
 */
import type * as ast from "../tickscript/ast.ts";
import type { ScriptDbrp, ScriptVar, TaskVar } from "./script-report.ts";
import { combine, constant, givenValue, opaque, unknown, type Value, withVars } from "./script-values.ts";
import type { Argument } from "./script-words.ts";

/** What is done about the calls of a script, in the order that Kapacitor makes them in. Each gives what the call evaluates to. */
export interface Calls {
  /** `|name(…)` */
  chainMethod(call: ast.Call, argument: Argument | undefined): Value;
  /** `@name(…)` */
  udf(call: ast.Call): Value;
  /** `.name(…)` */
  property(receiver: Value, call: ast.Call, argument: Argument | undefined): Value;
}

/** Takes time and space linear in the script. */
export class Evaluation {
  readonly dbrps: ScriptDbrp[] = [];
  readonly vars: ScriptVar[] = [];
  readonly #calls: Calls;
  readonly #taskVars: ReadonlyMap<string, TaskVar> | undefined;
  readonly #givenValues = new Map<string, Value>();
  readonly #scope = new Map<string, Value>([
    ["stream", { kind: "node", node: "source" }],
    ["batch", { kind: "node", node: "source" }],
  ]);

  /** @param taskVars absent for a template */
  constructor(taskVars: ReadonlyMap<string, TaskVar> | undefined, calls: Calls) {
    this.#taskVars = taskVars;
    this.#calls = calls;
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
        this.dbrps.push({
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
    this.vars.push({ name, type: undefined, offset, length: name.length });
    const value = this.#value(expression);
    const given = this.#given(name);
    if (value.kind !== "plain" && value.kind !== "list") this.#scope.set(name, value);
    else if (given !== undefined) this.#scope.set(name, given);
    else this.#scope.set(name, this.#taskVars === undefined ? withVars(value, [name]) : value);
  }

  /** `var name type`: the value comes with the task, and replaces what the name meant before. */
  #declareType({ name: { name, offset }, type }: ast.TypeDeclaration): void {
    this.vars.push({ name, type: type.name, offset, length: name.length });
    this.#scope.set(name, this.#given(name) ?? { kind: "plain", vars: [name] });
  }

  /** What the task gives for a var. Kept, because a script may declare the same one again and again. */
  #given(name: string): Value | undefined {
    const given = this.#taskVars?.get(name);
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
        return { kind: "list", items: expression.items.map((item) => this.#value(item)), vars: [] };
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
          receiver = this.#calls.chainMethod(target, argument);
          break;
        case "@":
          receiver = this.#calls.udf(target);
          break;
        case ".":
          receiver = this.#calls.property(receiver, target, argument);
          break;
        default:
          return unknownNode(operator);
      }
    }
    return receiver;
  }

  /** All arguments are evaluated. An only argument that is a list stands for its items. */
  #firstArgument(call: ast.Call): Argument | undefined {
    const values = call.args.map((expression) => this.#value(expression));
    const [expression] = call.args;
    const [value] = values;
    if (expression === undefined || value === undefined) return undefined;
    if (value.kind !== "list" || values.length > 1) return { expression, value };
    const [item = value.vars.length > 0 ? opaque : undefined] = value.items;
    if (item === undefined) return undefined;
    return { expression, value: item.kind === "plain" || item.kind === "list" ? withVars(item, value.vars) : item };
  }
}

function unknownNode(node: never): never {
  throw new TypeError(`unknown node: ${JSON.stringify(node)}`);
}
