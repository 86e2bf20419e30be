/** Walking a tree. */
import type { Node } from "./ast.ts";

/** The nodes right below a node, in the order of the script. A kind that is missing here does not compile. */
function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "program":
      return node.statements;
    case "var":
      return [node.name, node.value];
    case "type":
      return [node.name, node.type];
    case "dbrp":
      return [node.database, node.retentionPolicy];
    case "chain":
      return [node.head, ...node.links.map((link) => link.target)];
    case "call":
      return node.args;
    case "lambda":
      return [node.body];
    case "list":
      return node.items;
    case "binary":
      return [node.first, ...node.rest.map((operation) => operation.operand)];
    case "unary":
      return [node.operand];
    case "identifier":
    case "reference":
    case "string":
    case "number":
    case "duration":
    case "boolean":
    case "regex":
    case "star":
      return [];
    default:
      return unknownKind(node);
  }
}

/** A node and everything below it, each before its children, in the order of the script. */
export function* walk(root: Node): Generator<Node, void, undefined> {
  const pending: Node[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    yield node;
    for (const child of childrenOf(node).toReversed()) pending.push(child);
  }
}

function unknownKind(node: never): never {
  throw new TypeError(`unknown node: ${JSON.stringify(node)}`);
}
