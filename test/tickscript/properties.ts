/** What holds for every script, valid or not. The tests try each of these a little, the fuzz program for as long as it is told. */
import fc from "fast-check";
import { handlerNames } from "../../src/core/alert-handlers.ts";
import { inspectScript } from "../../src/core/script-policy.ts";
import type { Node } from "../../src/tickscript/ast.ts";
import { isSpace } from "../../src/tickscript/characters.ts";
import { Lexer } from "../../src/tickscript/lexer.ts";
import { parseScript } from "../../src/tickscript/parser.ts";
import { codeFrame, ScriptError } from "../../src/tickscript/problem.ts";
import { walk } from "../../src/tickscript/visit.ts";
import { anyScript } from "./arbitraries.ts";
import { printedTree } from "./trees.ts";
import { charactersRead } from "./work.ts";

function hold(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Every node stands where its first word is. */
function holdPlace(source: string, node: Node): void {
  const first = source.toWellFormed().slice(node.offset);
  const begins = {
    program: "",
    var: "var",
    type: "var",
    dbrp: "dbrp",
    lambda: "lambda:",
    list: "[",
    reference: '"',
    string: "'",
    regex: "/",
    star: "*",
    binary: "",
    chain: "",
    unary: node.kind === "unary" ? node.operator : "",
    boolean: node.kind === "boolean" && node.value ? "TRUE" : "FALSE",
    call: node.kind === "call" ? node.name : "",
    identifier: node.kind === "identifier" ? node.name : "",
    number: node.kind === "number" ? node.text : "",
    duration: node.kind === "duration" ? node.text : "",
  } satisfies Record<Node["kind"], string>;
  hold(first.startsWith(begins[node.kind]), `a ${node.kind} stands at ${node.offset}`);
}

/** A script is a tree or a problem in one harmless line with a place and a frame; never an exception. */
export const treeOrProblem = fc.property(anyScript, (source) => {
  const result = parseScript(source);
  if (result.ok) {
    for (const node of walk(result.program)) holdPlace(source, node);
    return;
  }
  const { message, offset, line, column } = result.problem;
  hold(!/\p{C}|\p{Zl}|\p{Zp}/u.test(message) && message.length < 200, `the message is ${JSON.stringify(message)}`);
  hold(offset >= 0 && offset <= source.length, `the offset is ${offset}`);
  const lineText = source.split("\n")[line - 1];
  hold(lineText !== undefined && column >= 1 && column <= [...lineText].length + 1, `the place is ${line}:${column}`);
  const rows = codeFrame(source, offset, 5).split("\n");
  hold(rows.length >= 2 && rows.length <= 5, `the frame has ${rows.length} rows`);
  hold(
    rows.every((row) => row.length < 120 && !/\p{C}/u.test(row)),
    "the frame is too wide or not harmless",
  );
  hold(
    rows.some((row) => row.startsWith("> ")),
    "the frame has no marked row",
  );
});

/** Tokens stand side by side; between them there is nothing but space and comments. */
export const tokensCoverTheScript = fc.property(anyScript, (script) => {
  const source = script.toWellFormed();
  const lexer = new Lexer(source);
  let end = 0;
  try {
    for (let token = lexer.next(); ; token = lexer.next()) {
      const between = source.slice(end, token.offset);
      hold(
        [...between].every((rune) => isSpace(rune.codePointAt(0) ?? 0)) || between.includes("//"),
        `lost ${JSON.stringify(between)}`,
      );
      hold(
        source.startsWith(token.text, token.offset),
        `the token at ${token.offset} is ${JSON.stringify(token.text)}`,
      );
      end = token.offset + token.text.length;
      if (token.kind === "end") break;
      hold(token.text !== "", `an empty token at ${token.offset}`);
    }
    hold(end === source.length, `the end is at ${end}`);
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    hold(error.offset >= end, `the error is at ${error.offset}, inside of a token`);
  }
});

const rules = { disabled: new Set(handlerNames), udfs: new Set(["known"]) };

/** Whatever a script is, the policy has a verdict on it, in the order of the script and in words that steer no terminal. */
export const everyScriptIsJudged = fc.property(anyScript, fc.boolean(), (source, isTemplate) => {
  const report = inspectScript(source, isTemplate ? rules : { ...rules, vars: new Map() });
  hold(report.ok === parseScript(source).ok, "judged is what parses");
  if (!report.ok) return;
  let last = 0;
  for (const { offset, length, text } of report.findings) {
    hold(offset >= last && length > 0 && offset + length <= source.length, `a finding stands at ${offset}, ${length}`);
    hold(/^[\x20-\x7e]{1,300}$/.test(text), `its text is ${JSON.stringify(text)}`);
    last = offset;
  }
  for (const { offset, length } of [...report.targets, ...report.topics]) {
    hold(offset >= 0 && length > 0 && offset + length <= source.length, `an argument stands at ${offset}, ${length}`);
  }
});

/** A script again and again, in one text: what is looked at and how many tokens there are grows as the text does, however the copies hang together. */
export const workGrowsWithLength = fc.property(anyScript, fc.integer({ min: 1, max: 60 }), (script, copies) => {
  const source = script.repeat(copies).toWellFormed();
  const reads = charactersRead(source);
  hold(reads <= 8 * source.length + 16, `${reads} characters are read of ${source.length}`);
  const lexer = new Lexer(source);
  let tokens = 0;
  try {
    while (lexer.next().kind !== "end") tokens++;
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
  }
  hold(tokens <= source.length, `${tokens} tokens of ${source.length} characters`);
});

/** What a tree is printed as, with any spaces and comments between, parses to that tree. */
export const printedTreeParsesToItself = fc.property(printedTree, ({ program, source }) => {
  const result = parseScript(source);
  if (!result.ok) throw new Error(result.problem.message);
  hold(withoutOffsets(result.program) === withoutOffsets(program), "another tree");
});

function withoutOffsets(node: Node): string {
  return JSON.stringify(node, (key, value: unknown) => (key === "offset" ? undefined : value));
}
