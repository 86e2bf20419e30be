/** Random trees and their text, for the round trip: what is printed must parse to the same tree. */
import fc from "fast-check";
import type * as ast from "../../src/tickscript/ast.ts";
import { type BinaryOperator, precedences } from "../../src/tickscript/token.ts";

const offset = fc.constant(0);
const some = <T>(item: fc.Arbitrary<T>, minLength = 0) => fc.array(item, { minLength, maxLength: 3 });
const kind = <K extends string>(name: K) => fc.constant(name);

const name = fc.constantFrom("a", "stream", "exec", "lambda", "x_1", "ſlack", "größe", "𝐀", "变量", "truE", "and");
const identifier: fc.Arbitrary<ast.Identifier> = fc.record({ kind: kind("identifier"), offset, name });
/** A backslash at the end would hide the quote. */
const text = fc
  .string({ unit: fc.constantFrom("a", "'", '"', "/", "\\", "\n", "é", "😀", " "), maxLength: 6 })
  .filter((value) => !value.endsWith("\\"));
const reference: fc.Arbitrary<ast.Reference> = fc.record({ kind: kind("reference"), offset, value: text });
const star: fc.Arbitrary<ast.Star> = fc.record({ kind: kind("star"), offset });
const string: fc.Arbitrary<ast.StringLiteral> = fc.oneof(
  fc.record({ kind: kind("string"), offset, value: text, tripleQuoted: fc.constant(false) }),
  fc.record({
    kind: kind("string"),
    offset,
    value: fc.constantFrom("", "\\", "it\\''s"),
    tripleQuoted: fc.constant(true),
  }),
);
const literal: fc.Arbitrary<ast.Operand> = fc.oneof(
  identifier,
  reference,
  star,
  string,
  fc.record({ kind: kind("number"), offset, text: fc.constantFrom("0", "7", "017", "42", "1.5", ".5", "1.") }),
  fc.record({
    kind: kind("duration"),
    offset,
    text: fc.constantFrom("10s", "1ms", "5m", "2µ", "3u", "1h", "1d", "1w"),
  }),
  fc.record({ kind: kind("boolean"), offset, value: fc.boolean() }),
  fc.record({ kind: kind("regex"), offset, pattern: fc.constantFrom("a.*", "^a/b$", "x é", "\\d") }),
);

/** As the parser builds them: a row of operators, none of which binds tighter than the one before it. */
const row = (operand: fc.Arbitrary<ast.Operand>): fc.Arbitrary<ast.Operation[]> =>
  some(
    fc.record({ operator: fc.constantFrom(...(Object.keys(precedences) as BinaryOperator[])), offset, operand }),
    1,
  ).map((operations) => operations.toSorted((a, b) => precedences[b.operator] - precedences[a.operator]));

interface Parts {
  operand: ast.Operand;
  expression: ast.Expression;
  call: ast.Call;
  link: ast.Link;
}

const { expression } = fc.letrec<Parts>((tie: fc.LetrecTypedTie<Parts>) => {
  const call = (form: ast.Call["form"], argument: fc.Arbitrary<ast.Expression>): fc.Arbitrary<ast.Call> =>
    fc.record({ kind: kind("call"), offset, form: fc.constant(form), name, args: some(argument) });
  const binary = (first: fc.Arbitrary<ast.Operand>): fc.Arbitrary<ast.Binary> =>
    fc.record({ kind: kind("binary"), offset, first, rest: row(tie("operand")) });
  const link = (operator: ast.Link["operator"], target: fc.Arbitrary<ast.Link["target"]>): fc.Arbitrary<ast.Link> =>
    fc.record({ operator: fc.constant(operator), offset, target });
  return {
    operand: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      literal,
      binary(tie("operand")),
      fc.record({ kind: kind("unary"), offset, operator: fc.constantFrom("-", "!"), operand: tie("operand") }),
      call("function", tie("operand")),
    ),
    call: call("function", tie("expression")),
    link: fc.oneof(
      link("|", call("chain", tie("expression"))),
      link(".", fc.oneof(call("property", tie("expression")), identifier)),
      link("@", fc.oneof(call("udf", tie("expression")), identifier)),
    ),
    expression: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("operand"),
      tie("call"),
      binary(tie("call")),
      fc.record({ kind: kind("lambda"), offset, body: tie("operand") }),
      fc.record({ kind: kind("list"), offset, items: some(fc.oneof(identifier, string, star)) }),
      fc.record({ kind: kind("chain"), offset, head: fc.oneof(tie("call"), identifier), links: some(tie("link"), 1) }),
    ),
  };
});

/** Between these statements nothing can run together: each begins with a word, and no expression begins behind an expression. */
const statement: fc.Arbitrary<ast.Statement> = fc.oneof(
  fc.record({ kind: kind("var"), offset, name: identifier, value: expression }),
  fc.record({ kind: kind("type"), offset, name: identifier, type: identifier }),
  fc.record({ kind: kind("dbrp"), offset, database: reference, retentionPolicy: reference }),
);

/** A tree with the text that a seed of gaps makes of it. */
export const printedTree = fc
  .tuple(some(statement), fc.array(fc.nat(gaps().length - 1), { minLength: 1, maxLength: 50 }))
  .map(([statements, choices]) => {
    const program: ast.Program = { kind: "program", offset: 0, statements };
    return { program, source: join(words(program), choices) };
  });

interface Word {
  readonly text: string;
  /** `value`: a regex or star, which reads as division or multiplication behind a name or keyword, unless a comment stands between. */
  readonly role: "operator" | "mark" | "value" | "word";
}

const word = (text: string): Word => ({ text, role: "word" });
const mark = (text: string): Word => ({ text, role: "mark" });
const quoted = (quote: string, value: string) => quote + value.replaceAll(quote, `\\${quote}`) + quote;
const separated = (nodes: readonly ast.Node[]) =>
  nodes.flatMap((node, index) => [...(index > 0 ? [mark(",")] : []), ...words(node)]);

function words(node: ast.Node): Word[] {
  switch (node.kind) {
    case "program":
      return node.statements.flatMap(words);
    case "var":
      return [word("var"), ...words(node.name), { text: "=", role: "operator" }, ...words(node.value)];
    case "type":
      return [word("var"), ...words(node.name), ...words(node.type)];
    case "dbrp":
      return [word("dbrp"), ...words(node.database), mark("."), ...words(node.retentionPolicy)];
    case "chain":
      return [...words(node.head), ...node.links.flatMap((link) => [mark(link.operator), ...words(link.target)])];
    case "call":
      return [word(node.name), mark("("), ...separated(node.args), mark(")")];
    case "lambda":
      return [word("lambda:"), ...words(node.body)];
    case "list":
      return [mark("["), ...separated(node.items), mark("]")];
    case "binary": {
      const last = node.rest.length - 1;
      return [
        ...grouped(node.first),
        ...node.rest.flatMap(({ operator, operand }, index): Word[] => [
          { text: operator, role: "operator" },
          ...(index === last && bindsTighter(operand, operator) ? words(operand) : grouped(operand)),
        ]),
      ];
    }
    case "unary":
      return [{ text: node.operator, role: "operator" }, ...grouped(node.operand)];
    case "identifier":
      return [word(node.name)];
    case "reference":
      return [word(quoted('"', node.value))];
    case "string":
      return [word(node.tripleQuoted ? `'''${node.value}'''` : quoted("'", node.value))];
    case "number":
    case "duration":
      return [word(node.text)];
    case "boolean":
      return [word(node.value ? "TRUE" : "FALSE")];
    case "regex":
      return [{ text: quoted("/", node.pattern), role: "value" }];
    case "star":
      return [{ text: "*", role: "value" }];
  }
}

/** Behind a regex or a star most operators are errors; behind a parenthesis they are not. */
function grouped(operand: ast.Operand): Word[] {
  const plain = operand.kind !== "binary" && operand.kind !== "regex" && operand.kind !== "star";
  return plain ? words(operand) : [mark("("), ...words(operand), mark(")")];
}

function bindsTighter(operand: ast.Operand, operator: BinaryOperator): boolean {
  return (
    operand.kind !== "binary" || operand.rest.every((inner) => precedences[inner.operator] > precedences[operator])
  );
}

function gaps() {
  return ["", " ", "\n", "\t", "\u00A0", "\u2028", "\r\n\v", " // /* note */ 'x' \n / too\n\n"] as const;
}

function join(all: readonly Word[], choices: readonly number[]): string {
  const comment = gaps().length - 1;
  let previous: Word = mark("(");
  let source = "";
  for (const [index, next] of all.entries()) {
    let choice = choices[index % choices.length] ?? 1;
    const apart = previous.role !== "mark" && next.role !== "mark";
    if (next.role === "value" && /^(AND|OR|lambda:)$/.test(previous.text)) choice = comment;
    else if (choice === comment && (next.role === "operator" || previous.role === "operator")) choice = 1;
    else if (choice === 0 && apart) choice = 1;
    source += gaps()[choice] + next.text;
    previous = next;
  }
  return source;
}
