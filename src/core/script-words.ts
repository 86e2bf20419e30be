/** Places and words of findings. */
import type * as ast from "../tickscript/ast.ts";
import type { Span } from "./script-report.ts";
import type { Value } from "./script-values.ts";

/** An argument of a call and what it evaluates to. */
export interface Argument {
  readonly expression: ast.Expression;
  readonly value: Value;
}

/** The name of a call. */
export function callSpan({ offset, name }: ast.Call): Span {
  return { offset, length: name.length };
}

/** A name or a string as a whole; of anything else the first character. */
export function argumentSpan({ expression }: Argument): Span {
  return { offset: expression.offset, length: lengthOf(expression) };
}

function lengthOf(expression: ast.Expression): number {
  switch (expression.kind) {
    case "identifier":
      return expression.name.length;
    case "string":
      return expression.value.length + (expression.tripleQuoted ? 6 : 2 + expression.value.split("'").length - 1);
    default:
      return 1;
  }
}

/** What stands on the left of a dot. */
export function describeReceiver(receiver: Value): string {
  switch (receiver.kind) {
    case "node":
      return receiver.node === "source" ? "stream and batch" : `the node "${receiver.node}"`;
    case "handler":
      return `the alert handler "${receiver.handler}"`;
    case "unknown":
      return "alert nodes (what stands on its left cannot be followed)";
    default:
      return "a value that is no node";
  }
}

const longestName = 40;

/** A name of the script in a message: short, and only ASCII, so that it cannot steer a terminal. */
export function showName(name: string): string {
  const short = name.length > longestName ? `${name.slice(0, longestName)}...` : name;
  return short.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
