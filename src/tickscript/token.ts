/** The words of TICKscript (Kapacitor tick/ast/lex.go). */

/** Binary operators and how tightly they bind; all associate to the left. */
export const precedences = {
  OR: 0,
  AND: 1,
  "==": 2,
  "!=": 2,
  "=~": 2,
  "!~": 2,
  ">": 3,
  ">=": 3,
  "<": 3,
  "<=": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
} as const;

export type BinaryOperator = keyof typeof precedences;

/** `star` is the operand `*`, in `groupBy(*)`; the token `*` is multiplication. */
export type TokenKind =
  | BinaryOperator
  | ("!" | "=" | "." | "|" | "@" | "(" | ")" | "[" | "]" | ",")
  | ("var" | "dbrp" | "lambda:" | "TRUE" | "FALSE")
  | ("identifier" | "reference" | "string" | "number" | "duration" | "regex" | "star")
  | "end";

export interface Token {
  readonly kind: TokenKind;
  /** UTF-16 index of the first unit in the script. */
  readonly offset: number;
  /** As written, quotes and escapes included. Empty at the end of the script. */
  readonly text: string;
}

export function isBinaryOperator(kind: TokenKind): kind is BinaryOperator {
  return Object.hasOwn(precedences, kind);
}

const names: Partial<Record<TokenKind, string>> = {
  identifier: "a name",
  reference: 'a "reference"',
  string: "a 'string'",
  number: "a number",
  duration: "a duration",
  regex: "a /regex/",
  star: '"*"',
  end: "the end of the script",
};

/** A kind of token in the words of an error message. */
export function describeKind(kind: TokenKind): string {
  return names[kind] ?? `"${kind}"`;
}

const longest = 40;

/** A token in the words of an error message; what is in quotes is not repeated. */
export function describeToken({ kind, text }: Token): string {
  if (kind !== "identifier" && kind !== "number" && kind !== "duration") return describeKind(kind);
  return text.length > longest ? `"${text.slice(0, longest)}…"` : `"${text}"`;
}
