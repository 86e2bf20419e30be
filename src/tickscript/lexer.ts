/**
 * TICKscript's lexer, faithful to Kapacitor's (tick/ast/lex.go, the same from 1.5 to 1.8), because a policy is judged on what comes of it.
 *
 * What a character means depends on what came before. There are three contexts:
 * - *operator*, after a name, a keyword, a literal other than a regex, and `)`: `*` multiplies, `/` divides, `+ % = < >` are operators;
 * - *operand*, at the start, after every other token and after any comment: `*` is the star, `/` starts a regex, `+ % = < >` are errors;
 * - *pattern*, after `=`, `=~` and `!~`: as operand, but `//` is an empty regex and no comment.
 */
import { isDigit, isLetter, isSpace } from "./characters.ts";
import { ScriptError } from "./problem.ts";
import type { Token, TokenKind } from "./token.ts";

type Context = "operand" | "operator" | "pattern";

/** The context behind a token; operand behind all others. */
const contexts: Partial<Record<TokenKind, Context>> = {
  identifier: "operator",
  var: "operator",
  dbrp: "operator",
  "lambda:": "operator",
  AND: "operator",
  OR: "operator",
  TRUE: "operator",
  FALSE: "operator",
  reference: "operator",
  string: "operator",
  number: "operator",
  duration: "operator",
  ")": "operator",
  "=": "pattern",
  "=~": "pattern",
  "!~": "pattern",
};

const keywords: ReadonlyMap<string, TokenKind> = new Map<string, TokenKind>([
  ["AND", "AND"],
  ["OR", "OR"],
  ["TRUE", "TRUE"],
  ["FALSE", "FALSE"],
  ["var", "var"],
  ["dbrp", "dbrp"],
]);

const character = {
  lineFeed: 0x0a,
  exclamation: 0x21,
  doubleQuote: 0x22,
  percent: 0x25,
  quote: 0x27,
  star: 0x2a,
  plus: 0x2b,
  minus: 0x2d,
  dot: 0x2e,
  slash: 0x2f,
  colon: 0x3a,
  less: 0x3c,
  equals: 0x3d,
  greater: 0x3e,
  backslash: 0x5c,
  underscore: 0x5f,
  m: 0x6d,
  s: 0x73,
  tilde: 0x7e,
  lastOfAscii: 0x7f,
} as const;

/** Characters that are a token by themselves where an operand may stand. */
const punctuation: ReadonlyMap<number, TokenKind> = new Map<number, TokenKind>([
  [character.exclamation, "!"],
  [character.minus, "-"],
  [character.star, "star"],
  [0x28, "("],
  [0x29, ")"],
  [0x2c, ","],
  [0x40, "@"],
  [0x5b, "["],
  [0x5d, "]"],
  [0x7c, "|"],
]);

/** u, µ (U+00B5), s, m, h, d, w */
const durationUnits: ReadonlySet<number> = new Set([0x75, 0xb5, 0x73, 0x6d, 0x68, 0x64, 0x77]);

const endOfScript = -1;

/** Reads a script token by token, looking at each character a bounded number of times. `next` throws ScriptError where Kapacitor's lexer gives up. */
export class Lexer {
  readonly #source: string;
  #position = 0;
  #context: Context = "operand";

  /** Wants well-formed UTF-16: Go sees U+FFFD for a lone surrogate. */
  constructor(source: string) {
    this.#source = source;
  }

  /** The next token; `end` from the end of the script on. Spaces and comments may stand between any two tokens. */
  next(): Token {
    this.#skipSpace();
    while (this.#startsComment()) {
      this.#skipComment();
      this.#skipSpace();
      this.#context = "operand";
    }
    return (this.#context === "operator" ? this.#operator() : undefined) ?? this.#operand();
  }

  #operator(): Token | undefined {
    const offset = this.#position;
    const following = this.#codeAt(offset + 1);
    const equals = following === character.equals;
    const tilde = following === character.tilde;
    switch (this.#codeAt(offset)) {
      case character.plus:
        return this.#take("+", offset + 1);
      case character.minus:
        return this.#take("-", offset + 1);
      case character.star:
        return this.#take("*", offset + 1);
      case character.slash:
        return this.#take("/", offset + 1);
      case character.percent:
        return this.#take("%", offset + 1);
      case character.greater:
        return equals ? this.#take(">=", offset + 2) : this.#take(">", offset + 1);
      case character.less:
        return equals ? this.#take("<=", offset + 2) : this.#take("<", offset + 1);
      case character.exclamation:
        if (equals) return this.#take("!=", offset + 2);
        return tilde ? this.#take("!~", offset + 2) : this.#take("!", offset + 1);
      case character.equals:
        if (equals) return this.#take("==", offset + 2);
        return tilde ? this.#take("=~", offset + 2) : this.#take("=", offset + 1);
      default:
        return undefined;
    }
  }

  /** Everything that may stand where no operator does. */
  #operand(): Token {
    const offset = this.#position;
    const code = this.#codeAt(offset);
    const mark = punctuation.get(code);
    if (mark !== undefined) return this.#take(mark, offset + 1);
    switch (code) {
      case endOfScript:
        return this.#take("end", offset);
      case character.dot:
        return isDigit(this.#codeAt(offset + 1)) ? this.#number() : this.#take(".", offset + 1);
      case character.doubleQuote:
        return this.#take("reference", this.#endOfQuoted(code, "reference"));
      case character.quote:
        return this.#take(
          "string",
          this.#startsTripleQuoted() ? this.#endOfTripleQuoted() : this.#endOfQuoted(code, "string"),
        );
      case character.slash:
        return this.#regex();
      default:
        if (isDigit(code)) return this.#number();
        if (isLetter(code)) return this.#name();
        throw new ScriptError(`unexpected character ${describeCharacter(code)}`, offset);
    }
  }

  /** letter { letter | digit | "_" }. `lambda` is a keyword only with a colon right behind it. */
  #name(): Token {
    let end = this.#position;
    for (let code = this.#codeAt(end); isNamePart(code); code = this.#codeAt(end)) end += unitsOf(code);
    const name = this.#source.slice(this.#position, end);
    if (name === "lambda" && this.#codeAt(end) === character.colon) return this.#take("lambda:", end + 1);
    return this.#take(keywords.get(name) ?? "identifier", end);
  }

  /** Digits with at most one dot anywhere, or digits and a unit. The unit ends the token: `1us` is `1u` and the name `s`. */
  #number(): Token {
    let end = this.#position;
    let decimal = false;
    for (;;) {
      const code = this.#codeAt(end);
      if (code === character.dot) {
        if (decimal) throw new ScriptError("a number has more than one decimal point", this.#position);
        decimal = true;
      } else if (!decimal && durationUnits.has(code)) {
        const milliseconds = code === character.m && this.#codeAt(end + 1) === character.s;
        return this.#take("duration", end + (milliseconds ? 2 : 1));
      } else if (!isDigit(code)) {
        return this.#take("number", end);
      }
      end += unitsOf(code);
    }
  }

  /**
   * A `/` where an operand may stand. When the character behind it is not ASCII, Kapacitor steps back by that character's bytes instead of one and then
   * fails, in some places with the whole daemon (`/é/` at the start of a script). Behind `=`, `=~` and `!~` it does not step back.
   */
  #regex(): Token {
    const first = this.#codeAt(this.#position + 1);
    if (this.#context !== "pattern" && first > character.lastOfAscii) {
      const text = `Kapacitor cannot read a regex here that begins with ${describeCharacter(first)}; assign it to a var first`;
      throw new ScriptError(text, this.#position);
    }
    return this.#take("regex", this.#endOfQuoted(character.slash, "regex"));
  }

  /** The end of what is enclosed in a quote (or slash). A backslash means something only before that quote, so `\\'` does not end a string. */
  #endOfQuoted(quote: number, what: string): number {
    for (let end = this.#position + 1; ; end++) {
      const code = this.#unitAt(end);
      if (code === quote) return end + 1;
      if (code === endOfScript) throw new ScriptError(`a ${what} that does not end`, this.#position);
      if (code === character.backslash && this.#unitAt(end + 1) === quote) end++;
    }
  }

  #startsTripleQuoted(): boolean {
    return this.#unitAt(this.#position + 1) === character.quote && this.#unitAt(this.#position + 2) === character.quote;
  }

  /**
   * The end of a string in three quotes, which knows no escapes. The oddity: right behind two quotes a backslash hides a third and the two still count,
   * so `'''a''\''` is complete.
   */
  #endOfTripleQuoted(): number {
    let quotes = 0;
    for (let end = this.#position + 3; ; end++) {
      const code = this.#unitAt(end);
      if (code === endOfScript) throw new ScriptError("a string in three quotes that does not end", this.#position);
      if (code === character.quote) {
        quotes++;
        if (quotes === 3) return end + 1;
      } else if (code !== character.backslash || quotes !== 2) {
        quotes = 0;
      } else if (this.#unitAt(end + 1) === character.quote) {
        end++;
      }
    }
  }

  #startsComment(): boolean {
    return (
      this.#context !== "pattern" &&
      this.#unitAt(this.#position) === character.slash &&
      this.#unitAt(this.#position + 1) === character.slash
    );
  }

  /** To the end of the line (LF only), and on through every next line that begins, after spaces, with a `/`: one is enough. */
  #skipComment(): void {
    for (let code = this.#unitAt(this.#position); code !== endOfScript; code = this.#unitAt(this.#position)) {
      this.#position++;
      if (code !== character.lineFeed) continue;
      for (
        code = this.#unitAt(this.#position);
        isSpace(code) && code !== character.lineFeed;
        code = this.#unitAt(this.#position)
      ) {
        this.#position++;
      }
      if (code !== character.slash) return;
    }
  }

  /** Every space is one UTF-16 unit. */
  #skipSpace(): void {
    while (isSpace(this.#unitAt(this.#position))) this.#position++;
  }

  #take(kind: TokenKind, end: number): Token {
    const token = { kind, offset: this.#position, text: this.#source.slice(this.#position, end) };
    this.#position = end;
    this.#context = contexts[kind] ?? "operand";
    return token;
  }

  #codeAt(index: number): number {
    return this.#source.codePointAt(index) ?? endOfScript;
  }

  #unitAt(index: number): number {
    return index < this.#source.length ? this.#source.charCodeAt(index) : endOfScript;
  }
}

function isNamePart(code: number): boolean {
  return isLetter(code) || isDigit(code) || code === character.underscore;
}

function unitsOf(code: number): number {
  return code > 0xffff ? 2 : 1;
}

function describeCharacter(code: number): string {
  const text = String.fromCodePoint(code);
  const number = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return /[\p{C}\p{Z}\p{M}]/u.test(text) ? number : `"${text}" (${number})`;
}
