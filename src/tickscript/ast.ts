/**
 * The tree of a script. It holds what Kapacitor's tree holds, with two differences in shape: a chain and a row of binary operators are flat lists
 * instead of left-leaning trees, so the depth of a tree is bounded by the nesting of the script, never by its length, and a recursive reader is safe.
 * Comments and parentheses have no nodes.
 */
import type { BinaryOperator } from "./token.ts";

interface Located {
  /** UTF-16 index into the script of the token that the node is about: the name of a call, the first token of everything else. */
  readonly offset: number;
}

export interface Program extends Located {
  readonly kind: "program";
  readonly statements: readonly Statement[];
}

export type Statement = VarDeclaration | TypeDeclaration | DbrpStatement | Expression;

/** `var name = value` */
export interface VarDeclaration extends Located {
  readonly kind: "var";
  readonly name: Identifier;
  readonly value: Expression;
}

/** `var name type`: the value comes with the task. */
export interface TypeDeclaration extends Located {
  readonly kind: "type";
  readonly name: Identifier;
  readonly type: Identifier;
}

/** `dbrp "database"."retention policy"` */
export interface DbrpStatement extends Located {
  readonly kind: "dbrp";
  readonly database: Reference;
  readonly retentionPolicy: Reference;
}

/** What a statement, the value of a var and an argument can be. Chains, lambdas and lists stand only here, never inside an operand. */
export type Expression = Chain | Lambda | List | Operand;

export type Operand =
  | Binary
  | Unary
  | Call
  | Identifier
  | Reference
  | StringLiteral
  | NumberLiteral
  | DurationLiteral
  | BooleanLiteral
  | RegexLiteral
  | Star;

/**
 * `head|a().b()@c()`. The receiver of a link is what the head and all links before it evaluate to: links are applied from left to right.
 */
export interface Chain extends Located {
  readonly kind: "chain";
  readonly head: Call | Identifier;
  /** At least one. */
  readonly links: readonly Link[];
}

export interface Link extends Located {
  readonly operator: "." | "|" | "@";
  /** An identifier reads a field; it can follow `.` and `@` (Kapacitor treats both the same), not `|`. */
  readonly target: Call | Identifier;
}

export interface Call extends Located {
  readonly kind: "call";
  /** What Kapacitor looks up: a function of the scope, a `.property`, a `|chain` method, an `@udf`. */
  readonly form: "function" | "property" | "chain" | "udf";
  /** As written; methodName() gives the name that Kapacitor looks up for properties and chain methods. */
  readonly name: string;
  /** An only argument that evaluates to a list is spread. */
  readonly args: readonly Expression[];
}

/** `lambda: body` */
export interface Lambda extends Located {
  readonly kind: "lambda";
  readonly body: Operand;
}

/** `['a', name, *]` */
export interface List extends Located {
  readonly kind: "list";
  readonly items: readonly ListItem[];
}

export type ListItem = Identifier | StringLiteral | Star;

/** Applied from left to right: `a - b - c` is first `a`, rest `- b` and `- c`, and means (a - b) - c. */
export interface Binary extends Located {
  readonly kind: "binary";
  readonly first: Operand;
  /** At least one. */
  readonly rest: readonly Operation[];
}

export interface Operation extends Located {
  readonly operator: BinaryOperator;
  readonly operand: Operand;
}

export interface Unary extends Located {
  readonly kind: "unary";
  readonly operator: "-" | "!";
  readonly operand: Operand;
}

export interface Identifier extends Located {
  readonly kind: "identifier";
  readonly name: string;
}

/** `"value"`, a field, tag, database or retention policy. */
export interface Reference extends Located {
  readonly kind: "reference";
  /** Decoded. */
  readonly value: string;
}

/** `'value'` or `'''value'''` */
export interface StringLiteral extends Located {
  readonly kind: "string";
  /** Decoded. */
  readonly value: string;
  readonly tripleQuoted: boolean;
}

export interface NumberLiteral extends Located {
  readonly kind: "number";
  /** As written: decimal, octal after a leading 0, or a float. */
  readonly text: string;
}

export interface DurationLiteral extends Located {
  readonly kind: "duration";
  /** As written: `10s`, `5m`. */
  readonly text: string;
}

export interface BooleanLiteral extends Located {
  readonly kind: "boolean";
  readonly value: boolean;
}

/** `/pattern/` */
export interface RegexLiteral extends Located {
  readonly kind: "regex";
  /** Decoded; not compiled, so it may be one that Kapacitor refuses. */
  readonly pattern: string;
}

/** `*` */
export interface Star extends Located {
  readonly kind: "star";
}

export type Node = Program | Statement;
