import { parseScript } from "../../src/tickscript/parser.ts";

/** How often a character is looked at while a script is parsed: what a parse costs, without a clock. */
export function charactersRead(source: string): number {
  const { codePointAt, charCodeAt } = String.prototype;
  let reads = 0;
  try {
    String.prototype.codePointAt = function (this: string, index: number) {
      reads++;
      return codePointAt.call(this, index);
    };
    String.prototype.charCodeAt = function (this: string, index: number) {
      reads++;
      return charCodeAt.call(this, index);
    };
    parseScript(source, { tokens: Number.POSITIVE_INFINITY });
  } finally {
    Object.assign(String.prototype, { codePointAt, charCodeAt });
  }
  return reads;
}
