/**
 * TICKscript's parser, faithful to Kapacitor's (tick/ast/parser.go, the same from 1.5 to 1.8): the tree it gives for a script is the one that Kapacitor
 * evaluates. Each method opens with its production. Regexes are not compiled; beyond that and the limits it takes what Kapacitor takes.
 */
import type * as ast from "./ast.ts";
import { TokenCursor } from "./cursor.ts";
import { isDuration, isNumber, isTripleQuoted, stringValue, unquote } from "./literal.ts";
import { position, ScriptError, type SyntaxProblem } from "./problem.ts";
import { isBinaryOperator, precedences, type TokenKind } from "./token.ts";

/** Kapacitor itself has none. */
export interface ScriptLimits {
  /** UTF-16 units. */
  readonly size: number;
  /** Comments and spaces are none. */
  readonly tokens: number;
  /** Arguments, parentheses, unary operators and operators of higher precedence inside each other; never more than 500, which the stack has room for. */
  readonly depth: number;
}

export const defaultLimits: ScriptLimits = { size: 1_048_576, tokens: 200_000, depth: 200 };

const deepest = 500;

export type ParseResult =
  | { readonly ok: true; readonly program: ast.Program }
  | { readonly ok: false; readonly problem: SyntaxProblem };

/** The tree of a script, or why there is none. Never throws. A lone surrogate counts as U+FFFD, which is what Go makes of it. */
export function parseScript(source: string, limits: Partial<ScriptLimits> = {}): ParseResult {
  return parse(source, limits, (parser) => ({ ok: true, program: parser.program() }));
}

export type ExpressionResult =
  | { readonly ok: true; readonly expression: ast.Operand }
  | { readonly ok: false; readonly problem: SyntaxProblem };

/** What stands behind `lambda:`, alone: the value of a var of that type, the `match` of a topic handler (ParseLambda). As parseScript. */
export function parseExpression(source: string, limits: Partial<ScriptLimits> = {}): ExpressionResult {
  return parse(source, limits, (parser) => ({ ok: true, expression: parser.onlyExpression() }));
}

function parse<Result>(
  source: string,
  limits: Partial<ScriptLimits>,
  read: (parser: Parser) => Result,
): Result | { readonly ok: false; readonly problem: SyntaxProblem } {
  const effective = { ...defaultLimits, ...limits };
  try {
    if (source.length > effective.size) {
      throw new ScriptError(`the script is longer than ${effective.size} characters`, effective.size);
    }
    return read(new Parser(source.toWellFormed(), effective));
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    const { message, offset } = error;
    return { ok: false, problem: { message, offset, ...position(source, offset) } };
  }
}

/** Recursive descent. Throws ScriptError. */
class Parser {
  readonly #tokens: TokenCursor;
  readonly #depthLimit: number;
  #depth = 0;

  constructor(source: string, limits: ScriptLimits) {
    this.#tokens = new TokenCursor(source, limits.tokens);
    this.#depthLimit = Math.min(limits.depth, deepest);
  }

  /** Program = { Statement } */
  program(): ast.Program {
    const statements: ast.Statement[] = [];
    while (this.#tokens.current.kind !== "end") statements.push(this.#statement());
    return { kind: "program", offset: 0, statements };
  }

  /** Operation, and nothing behind it. */
  onlyExpression(): ast.Operand {
    const expression = this.#operation();
    this.#tokens.expect("end");
    return expression;
  }

  /** Statement = Declaration | DbrpStatement | Expression */
  #statement(): ast.Statement {
    switch (this.#tokens.current.kind) {
      case "var":
        return this.#declaration();
      case "dbrp":
        return this.#dbrpStatement();
      default:
        return this.#expression();
    }
  }

  /** Declaration = "var" identifier ( "=" Expression | identifier ) */
  #declaration(): ast.VarDeclaration | ast.TypeDeclaration {
    const { offset } = this.#tokens.expect("var");
    const name = this.#identifier();
    if (this.#tokens.current.kind !== "=") return { kind: "type", offset, name, type: this.#identifier() };
    this.#tokens.advance();
    return { kind: "var", offset, name, value: this.#expression() };
  }

  /** DbrpStatement = "dbrp" reference "." reference */
  #dbrpStatement(): ast.DbrpStatement {
    const { offset } = this.#tokens.expect("dbrp");
    const database = this.#reference();
    this.#tokens.expect(".");
    return { kind: "dbrp", offset, database, retentionPolicy: this.#reference() };
  }

  /**
   * Expression = ( Call | identifier ) { Link } | Lambda | List | Operation
   *
   * Links and operators exclude each other: what follows the last link cannot be an operator, and an operand (save a plain call at the very beginning)
   * has no links.
   */
  #expression(): ast.Expression {
    switch (this.#tokens.current.kind) {
      case "lambda:":
        return this.#lambda();
      case "[":
        return this.#list();
      case "identifier":
        break;
      default:
        return this.#operation();
    }
    if (this.#tokens.peek().kind === "(") {
      const call = this.#call("function");
      return isLinkOperator(this.#tokens.current.kind) ? this.#chain(call) : this.#operation(call);
    }
    const name = this.#identifier();
    return isLinkOperator(this.#tokens.current.kind) ? this.#chain(name) : this.#operation(name);
  }

  /** Link = "." ( Call | identifier ) | "|" Call | "@" ( Call | identifier ) */
  #chain(head: ast.Call | ast.Identifier): ast.Chain {
    const links: ast.Link[] = [];
    for (let { kind, offset } = this.#tokens.current; isLinkOperator(kind); { kind, offset } = this.#tokens.current) {
      this.#tokens.advance();
      const called = kind === "|" || this.#tokens.peek().kind === "(";
      links.push({ operator: kind, offset, target: called ? this.#call(callForms[kind]) : this.#identifier() });
    }
    return { kind: "chain", offset: head.offset, head, links };
  }

  /** Call = identifier "(" [ Expression { "," Expression } [ "," ] ] ")" */
  #call(form: ast.Call["form"]): ast.Call {
    return this.#callWith(form, () => this.#expression());
  }

  /** OperandCall = identifier "(" [ Operation { "," Operation } [ "," ] ] ")" */
  #operandCall(): ast.Call {
    return this.#callWith("function", () => this.#operation());
  }

  #callWith(form: ast.Call["form"], argument: () => ast.Expression): ast.Call {
    const { offset, text: name } = this.#tokens.expect("identifier");
    const args: ast.Expression[] = [];
    this.#deeper();
    this.#tokens.expect("(");
    while (this.#tokens.current.kind !== ")") {
      args.push(argument());
      if (!this.#tokens.skip(",")) break;
    }
    this.#tokens.expect(")");
    this.#depth--;
    return { kind: "call", offset, form, name, args };
  }

  /** Lambda = "lambda:" Operation */
  #lambda(): ast.Lambda {
    const { offset } = this.#tokens.expect("lambda:");
    return { kind: "lambda", offset, body: this.#operation() };
  }

  /** List = "[" [ Item { "," Item } [ "," ] ] "]" */
  #list(): ast.List {
    const { offset } = this.#tokens.expect("[");
    const items: ast.ListItem[] = [];
    while (this.#tokens.current.kind !== "]") {
      items.push(this.#item());
      if (!this.#tokens.skip(",")) break;
    }
    this.#tokens.expect("]");
    return { kind: "list", offset, items };
  }

  /** Item = identifier | string | "*" */
  #item(): ast.ListItem {
    switch (this.#tokens.current.kind) {
      case "identifier":
        return this.#identifier();
      case "string":
        return this.#string();
      case "star":
        return this.#star();
      default:
        throw this.#tokens.unexpected("a name, a 'string' or *");
    }
  }

  /** Operation = Primary { operator Primary }, by the precedence of the operators and, where it is equal, from left to right. */
  #operation(first: ast.Operand = this.#primary(), loosest = 0): ast.Operand {
    const rest: ast.Operation[] = [];
    for (let { kind, offset } = this.#tokens.current; isBinaryOperator(kind); { kind, offset } = this.#tokens.current) {
      if (precedences[kind] < loosest) break;
      this.#tokens.advance();
      rest.push({ operator: kind, offset, operand: this.#rightOperand(precedences[kind]) });
    }
    return rest.length === 0 ? first : { kind: "binary", offset: first.offset, first, rest };
  }

  /** What an operator is applied to: a primary and all that binds tighter than the operator. */
  #rightOperand(precedence: number): ast.Operand {
    const operand = this.#primary();
    const { kind } = this.#tokens.current;
    if (!isBinaryOperator(kind) || precedences[kind] <= precedence) return operand;
    this.#deeper();
    const operation = this.#operation(operand, precedence + 1);
    this.#depth--;
    return operation;
  }

  /** Primary = "(" Operation ")" | ( "-" | "!" ) Primary | OperandCall | identifier | reference | literal | "*" */
  #primary(): ast.Operand {
    const { kind, offset, text } = this.#tokens.current;
    switch (kind) {
      case "(": {
        this.#deeper();
        this.#tokens.advance();
        const operation = this.#operation();
        this.#tokens.expect(")");
        this.#depth--;
        return operation;
      }
      case "-":
      case "!": {
        this.#deeper();
        this.#tokens.advance();
        const operand = this.#primary();
        this.#depth--;
        return { kind: "unary", offset, operator: kind, operand };
      }
      case "identifier":
        return this.#tokens.peek().kind === "(" ? this.#operandCall() : this.#identifier();
      case "reference":
        return this.#reference();
      case "string":
        return this.#string();
      case "star":
        return this.#star();
      case "number":
        if (!isNumber(text)) throw new ScriptError("a number that is malformed or too large", offset);
        this.#tokens.advance();
        return { kind, offset, text };
      case "duration":
        if (!isDuration(text)) throw new ScriptError("a duration that is malformed or too large", offset);
        this.#tokens.advance();
        return { kind, offset, text };
      case "regex":
        this.#tokens.advance();
        return { kind, offset, pattern: unquote(text) };
      case "TRUE":
      case "FALSE":
        this.#tokens.advance();
        return { kind: "boolean", offset, value: kind === "TRUE" };
      default:
        throw this.#tokens.unexpected("a value");
    }
  }

  #identifier(): ast.Identifier {
    const { offset, text } = this.#tokens.expect("identifier");
    return { kind: "identifier", offset, name: text };
  }

  #reference(): ast.Reference {
    const { offset, text } = this.#tokens.expect("reference");
    return { kind: "reference", offset, value: unquote(text) };
  }

  #string(): ast.StringLiteral {
    const { offset, text } = this.#tokens.expect("string");
    return { kind: "string", offset, value: stringValue(text), tripleQuoted: isTripleQuoted(text) };
  }

  #star(): ast.Star {
    const { offset } = this.#tokens.expect("star");
    return { kind: "star", offset };
  }

  /** Every caller takes one off the depth when it is done; a refusal ends the whole parse. */
  #deeper(): void {
    this.#depth++;
    if (this.#depth <= this.#depthLimit) return;
    throw new ScriptError(`nested deeper than ${this.#depthLimit}`, this.#tokens.current.offset);
  }
}

const callForms = { ".": "property", "|": "chain", "@": "udf" } as const;

function isLinkOperator(kind: TokenKind): kind is ast.Link["operator"] {
  return Object.hasOwn(callForms, kind);
}
