/** The parser's view of the tokens: the current one, one more ahead, and how many there have been. */
import { Lexer } from "./lexer.ts";
import { ScriptError } from "./problem.ts";
import { describeKind, describeToken, type Token, type TokenKind } from "./token.ts";

/** Throws ScriptError on more tokens than the limit, and what the lexer throws. */
export class TokenCursor {
  readonly #lexer: Lexer;
  readonly #limit: number;
  #count = 0;
  #current: Token;
  #following: Token | undefined;

  constructor(source: string, limit: number) {
    this.#lexer = new Lexer(source);
    this.#limit = limit;
    this.#current = this.#read();
  }

  get current(): Token {
    return this.#current;
  }

  /** The token behind the current one. */
  peek(): Token {
    this.#following ??= this.#read();
    return this.#following;
  }

  /** Gives the current token and goes on to the next. */
  advance(): Token {
    const token = this.#current;
    this.#current = this.peek();
    this.#following = undefined;
    return token;
  }

  /** As advance, for a token that must be of this kind. */
  expect(kind: TokenKind): Token {
    if (this.#current.kind !== kind) throw this.unexpected(describeKind(kind));
    return this.advance();
  }

  /** As advance, for a token that may be there; says whether it was. */
  skip(kind: TokenKind): boolean {
    const found = this.#current.kind === kind;
    if (found) this.advance();
    return found;
  }

  /** The error for a current token that is none of what may stand here. */
  unexpected(expected: string): ScriptError {
    return new ScriptError(`expected ${expected}, found ${describeToken(this.#current)}`, this.#current.offset);
  }

  #read(): Token {
    const token = this.#lexer.next();
    if (token.kind !== "end" && ++this.#count > this.#limit) {
      throw new ScriptError(`the script has more than ${this.#limit} tokens`, token.offset);
    }
    return token;
  }
}
