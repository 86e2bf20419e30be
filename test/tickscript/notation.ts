/** Trees as one line of text, every operation in parentheses, so that a table can say what a script means. */
import type { Node } from "../../src/tickscript/ast.ts";
import { parseScript, type ScriptLimits } from "../../src/tickscript/parser.ts";

/** The tree of a script, or `line:column message`. */
export function meaning(source: string, limits?: Partial<ScriptLimits>): string {
  const result = parseScript(source, limits);
  if (result.ok) return notation(result.program);
  return `${result.problem.line}:${result.problem.column} ${result.problem.message}`;
}

export function notation(node: Node): string {
  switch (node.kind) {
    case "program":
      return node.statements.map(notation).join("; ");
    case "var":
      return `var ${notation(node.name)} = ${notation(node.value)}`;
    case "type":
      return `var ${notation(node.name)}: ${notation(node.type)}`;
    case "dbrp":
      return `dbrp ${notation(node.database)}.${notation(node.retentionPolicy)}`;
    case "chain":
      return notation(node.head) + node.links.map((link) => link.operator + notation(link.target)).join("");
    case "call":
      return `${node.name}(${node.args.map(notation).join(", ")})`;
    case "lambda":
      return `lambda: ${notation(node.body)}`;
    case "list":
      return `[${node.items.map(notation).join(", ")}]`;
    case "binary":
      return node.rest.reduce(
        (left, { operator, operand }) => `(${left} ${operator} ${notation(operand)})`,
        notation(node.first),
      );
    case "unary":
      return `(${node.operator}${notation(node.operand)})`;
    case "identifier":
      return node.name;
    case "reference":
      return JSON.stringify(node.value);
    case "string":
      return `'${node.value}'`;
    case "number":
    case "duration":
      return node.text;
    case "boolean":
      return String(node.value);
    case "regex":
      return `/${node.pattern}/`;
    case "star":
      return "*";
  }
}

/** A script as the name of a test: tap's own parser takes U+0085 and U+2028 for ends of lines. */
export function quote(source: string): string {
  return JSON.stringify(source).replace(
    /[\u007F-\uFFFF]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
