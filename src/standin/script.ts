/**
 * As much of TICKscript as the stand-in needs to answer like Kapacitor: whether strings and brackets close, stream or batch,
 * and `dbrp` statements. It does not know the language; a script that Kapacitor refuses for its meaning is taken here.
 */
export interface Script {
  readonly type: "stream" | "batch" | "invalid";
  readonly dbrps: readonly { readonly db: string; readonly rp: string }[];
}

/** Reads a script; a string is the parser's complaint. */
export function readScript(script: string): Script | string {
  const bare = withoutLiterals(script);
  if (bare === undefined || !balanced(bare)) return `parser: unexpected EOF line 1 char ${script.length + 1}`;
  const roots = [...bare.matchAll(/(?:^|[^\s.|@(,\w])\s*(stream|batch)\b|\n\s*(stream|batch)\b/g)];
  const types = new Set(roots.map((root) => root[1] ?? root[2]));
  const [type] = types.size === 1 ? types : [];
  return { type: type === "stream" || type === "batch" ? type : "invalid", dbrps: readDbrps(script) };
}

function readDbrps(script: string): Script["dbrps"] {
  const found = script.matchAll(/^[ \t]*dbrp\s+"((?:[^"\\]|\\.)*)"\s*\.\s*"((?:[^"\\]|\\.)*)"/gm);
  return [...found].map(([, db = "", rp = ""]) => ({ db: db.replaceAll('\\"', '"'), rp: rp.replaceAll('\\"', '"') }));
}

/** Comments, strings and regular expressions blanked out; undefined when a string does not end. */
function withoutLiterals(script: string): string | undefined {
  const literal =
    /\/\/[^\n]*|(?<=[=~(,[]\s*)\/(?:\\\/|[^/])*\/|'''[\s\S]*?'''|'(?:[^'\\]|\\'|\\(?!'))*'|"(?:[^"\\]|\\"|\\(?!"))*"/g;
  const bare = script.replace(literal, (found) => (found.startsWith("/") ? "" : "_"));
  return /['"]/.test(bare) ? undefined : bare;
}

/** Whether strings and brackets of an expression close. */
export function balancedExpression(expression: string): boolean {
  const bare = withoutLiterals(expression);
  return bare !== undefined && balanced(bare);
}

function balanced(bare: string): boolean {
  const open: string[] = [];
  const closes: Readonly<Record<string, string>> = { ")": "(", "]": "[" };
  for (const char of bare) {
    if (char === "(" || char === "[") open.push(char);
    else if (closes[char] !== undefined && open.pop() !== closes[char]) return false;
  }
  return open.length === 0;
}
