/** What characters mean, in the terms of Kapacitor's own lexer (tick/ast/lex.go), whose tokens for these rows were the same. */
import t from "tap";
import { isDigit, isLetter, isSpace, methodName } from "../../src/tickscript/characters.ts";
import { Lexer } from "../../src/tickscript/lexer.ts";
import { ScriptError } from "../../src/tickscript/problem.ts";
import { describeToken } from "../../src/tickscript/token.ts";
import { quote } from "./notation.ts";

/** `kind` for tokens that are always written alike, `kind(text)` for the others; ends with `offset: message` when the lexer gives up. */
function lexed(source: string): string {
  const words: string[] = [];
  try {
    const lexer = new Lexer(source);
    for (let token = lexer.next(); token.kind !== "end"; token = lexer.next()) {
      words.push(token.kind === token.text ? token.kind : `${token.kind}(${token.text})`);
    }
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    words.push(`${error.offset}: ${error.message}`);
  }
  return words.join(" ");
}

const table = (name: string, rows: readonly (readonly [source: string, tokens: string])[]) =>
  t.test(name, async (t) => {
    for (const [source, tokens] of rows) t.equal(lexed(source), tokens, quote(source));
  });

table("every operator, mark and keyword", [
  ["a+b-c*d/e%f", "identifier(a) + identifier(b) - identifier(c) * identifier(d) / identifier(e) % identifier(f)"],
  ["a == b != c < d > e", "identifier(a) == identifier(b) != identifier(c) < identifier(d) > identifier(e)"],
  ["a <= b >= c =~ d !~ e", "identifier(a) <= identifier(b) >= identifier(c) =~ identifier(d) !~ identifier(e)"],
  ["a = b ! c", "identifier(a) = identifier(b) ! identifier(c)"],
  ["()[].|@,!-*", "( ) [ ] . | @ , ! - star(*)"],
  ["AND OR TRUE FALSE var dbrp", "AND OR TRUE FALSE var dbrp"],
  ["and True Var DBRP", "identifier(and) identifier(True) identifier(Var) identifier(DBRP)"],
  ["ANDy varx dbrp_", "identifier(ANDy) identifier(varx) identifier(dbrp_)"],
  ["", ""],
]);

table("lambda is a keyword only with a colon right behind it", [
  ["lambda: x", "lambda: identifier(x)"],
  ["lambda.x", "identifier(lambda) . identifier(x)"],
  ["lambda : x", 'identifier(lambda) 7: unexpected character ":" (U+003A)'],
  ["lambdas: x", 'identifier(lambdas) 7: unexpected character ":" (U+003A)'],
]);

table("a slash divides behind a name, keyword, literal or closing parenthesis, and starts a regex elsewhere", [
  ["a /b/", "identifier(a) / identifier(b) /"],
  ["5 /b/ 5s /c/", "number(5) / identifier(b) / duration(5s) / identifier(c) /"],
  ["'s' /b/", "string('s') / identifier(b) /"],
  ['"r" /b/', 'reference("r") / identifier(b) /'],
  [") /b/", ") / identifier(b) /"],
  ["a AND /b/", "identifier(a) AND / identifier(b) /"],
  ["lambda: /b/", "lambda: / identifier(b) /"],
  ["/b/ /c/", "regex(/b/) regex(/c/)"],
  ["(/b/", "( regex(/b/)"],
  ["[/b/] /c/", "[ regex(/b/) ] regex(/c/)"],
  [", /b/", ", regex(/b/)"],
  ["*/b/", "star(*) regex(/b/)"],
  ["a == /b/", "identifier(a) == regex(/b/)"],
  ["a = /b/", "identifier(a) = regex(/b/)"],
  ["a =~ /b/", "identifier(a) =~ regex(/b/)"],
  ["a !~\n/b/", "identifier(a) !~ regex(/b/)"],
  ["lambda: // c\n\n/b/", "lambda: regex(/b/)"],
  ["a // c\n\n/b/", "identifier(a) regex(/b/)"],
]);

table("behind =, =~ and !~ two slashes are an empty regex and no comment", [
  ["a = // c\n5", "identifier(a) = regex(//) identifier(c) number(5)"],
  ["a =~ // c", "identifier(a) =~ regex(//) identifier(c)"],
  ["a !~ //", "identifier(a) !~ regex(//)"],
  ["a == // c\n5", "identifier(a) == number(5)"],
]);

table("a star multiplies where a slash divides; other operators are errors where it does not", [
  ["a * *", "identifier(a) * star(*)"],
  ["f(*) * *", "identifier(f) ( star(*) ) * star(*)"],
  ["/b/ * c", "regex(/b/) star(*) identifier(c)"],
  ["[a] * b", "[ identifier(a) ] star(*) identifier(b)"],
  ["a // c\n* b", "identifier(a) star(*) identifier(b)"],
  ["a // c\n- b", "identifier(a) - identifier(b)"],
  ["a // c\n+ b", 'identifier(a) 7: unexpected character "+" (U+002B)'],
  ["/b/ < c", 'regex(/b/) 4: unexpected character "<" (U+003C)'],
]);

// Kapacitor steps back by the bytes of the character behind the slash. `/é/` at the start of a script ends the daemon, the third row makes an endless row of
// empty regexes; never is there a tree.
table("a regex that begins beyond ASCII is refused where Kapacitor stumbles over it", [
  ["x =~ /é/", "identifier(x) =~ regex(/é/)"],
  ["/é/", '0: Kapacitor cannot read a regex here that begins with "é" (U+00E9); assign it to a var first'],
  [
    '"" /a/ /€/',
    'reference("") / identifier(a) / 7: Kapacitor cannot read a regex here that begins with "€" (U+20AC); assign it to a var first',
  ],
  ["/aé/", "regex(/aé/)"],
]);

table("the only escape in a regex, a reference and a string is a backslash before what ends it", [
  ["/\\//", "regex(/\\//)"],
  ["/\\\\/", "0: a regex that does not end"],
  ["/", "0: a regex that does not end"],
  ['"\\""', 'reference("\\"")'],
  ['"\\\\"', "0: a reference that does not end"],
  ['""', 'reference("")'],
  ["'\\''", "string('\\'')"],
  ["'\\\\'", "0: a string that does not end"],
  ["'a\nb'", "string('a\nb')"],
  ["'a''b'", "string('a') string('b')"],
  ["''", "string('')"],
]);

table("three quotes know no escape, save that a backslash behind two quotes hides a third", [
  ["''''''", "string('''''')"],
  ["'''a''b'''", "string('''a''b''')"],
  ["'''a\\'''", "string('''a\\''')"],
  ["'''a'\\'''", "string('''a'\\''')"],
  ["'''a''\\''", "string('''a''\\'')"],
  ["'''a''\\\\''", "string('''a''\\\\'')"],
  ["'''a''\\b'''", "string('''a''\\b''')"],
  ["'''a''\\", "0: a string in three quotes that does not end"],
  ["''''", "0: a string in three quotes that does not end"],
]);

table("numbers and durations", [
  ["5 017 1.5 .5 5.", "number(5) number(017) number(1.5) number(.5) number(5.)"],
  ["5.a", "number(5.) identifier(a)"],
  ["a.5", "identifier(a) number(.5)"],
  ["a..5", "identifier(a) . number(.5)"],
  ["1.2.3", "0: a number has more than one decimal point"],
  ["10s 1ms 5u 5µ", "duration(10s) duration(1ms) duration(5u) duration(5µ)"],
  ["1us 5mss 1.5s", "duration(1u) identifier(s) duration(5ms) identifier(s) number(1.5) identifier(s)"],
  ["5w2d", "duration(5w) duration(2d)"],
  ["5n 5μ", "number(5) identifier(n) number(5) identifier(μ)"],
  ["-5", "- number(5)"],
  ["5٣ ٣", "number(5٣) number(٣)"],
]);

table("names", [
  ["x_1 a_ é ſlack", "identifier(x_1) identifier(a_) identifier(é) identifier(ſlack)"],
  ["𝐀b a𝟎 a٣", "identifier(𝐀b) identifier(a𝟎) identifier(a٣)"],
  ["_a", '0: unexpected character "_" (U+005F)'],
  ["a\u0301", "identifier(a) 1: unexpected character U+0301"],
  ["a😀", 'identifier(a) 1: unexpected character "😀" (U+1F600)'],
  ["`a`", '0: unexpected character "`" (U+0060)'],
]);

table("spaces are Go's spaces", [
  ["a\tb\nc\vd\fe\rf", "identifier(a) identifier(b) identifier(c) identifier(d) identifier(e) identifier(f)"],
  ["a\u00A0b\u0085c\u2003d\u2028e", "identifier(a) identifier(b) identifier(c) identifier(d) identifier(e)"],
  ["a\u200Bb", "identifier(a) 1: unexpected character U+200B"],
  ["a\0", "identifier(a) 1: unexpected character U+0000"],
  ["\uFEFFa", "0: unexpected character U+FEFF"],
  ["a\uFFFD", 'identifier(a) 1: unexpected character "\uFFFD" (U+FFFD)'],
]);

table("a comment goes to LF, and on while the next line begins with a slash", [
  ["a.// b\nc// d\n(", "identifier(a) . identifier(c) ("],
  ["a//b", "identifier(a)"],
  ["// a\rb", ""],
  ["// a\u2028b\nc", "identifier(c)"],
  ["// a\n / b\nc", "identifier(c)"],
  ["// a\n\t\u2003/b/\n// c\nd", "identifier(d)"],
  ["// a\n\n/b/", "regex(/b/)"],
  ["a // c\n / b", "identifier(a)"],
]);

t.test("a token knows where it stands, and the end repeats", async (t) => {
  const lexer = new Lexer(" a\n");
  t.strictSame(lexer.next(), { kind: "identifier", offset: 1, text: "a" });
  t.strictSame(lexer.next(), { kind: "end", offset: 3, text: "" });
  t.strictSame(lexer.next(), { kind: "end", offset: 3, text: "" });
});

t.test("a token in a message is clipped, and a string is not repeated", async (t) => {
  const describe = (source: string) => describeToken(new Lexer(source).next());
  t.equal(describe("exec"), '"exec"');
  t.equal(describe("a".repeat(1000)), `"${"a".repeat(40)}…"`);
  t.equal(describe("'secret\u001B'"), "a 'string'");
  t.equal(describe(""), "the end of the script");
});

t.test("the name that Kapacitor looks up has its first rune in upper case", async (t) => {
  const rows = [
    ["exec", "Exec"],
    ["Exec", "Exec"],
    ["eXEC", "EXEC"],
    ["x", "X"],
    ["ſlack", "Slack"],
    ["ıd", "Id"],
    ["\u212Aafka", "\u212Aafka"],
    ["ßx", "ßx"],
    ["ŉx", "ŉx"],
    ["ﬁx", "ﬁx"],
    ["ǆx", "Ǆx"],
    ["ᾀx", "ᾈx"],
    ["ᾈx", "ᾈx"],
    ["ᾳx", "ᾼx"],
    ["ｅxec", "Ｅxec"],
    ["𐐨x", "𐐀x"],
  ] as const;
  for (const [name, looked] of rows) t.equal(methodName(name), looked, name);
});

t.test("over all of Unicode: an upper case is one rune, and only a to z, ı and ſ become ASCII", async (t) => {
  const intoAscii: string[] = [];
  const expanded: string[] = [];
  for (const rune of runes()) {
    const upper = methodName(rune);
    if ([...upper].length !== 1) expanded.push(rune);
    if (upper !== rune && upper < "\x80") intoAscii.push(rune);
  }
  t.equal(intoAscii.join(""), "abcdefghijklmnopqrstuvwxyzıſ");
  t.strictSame(expanded, []);
});

t.test("over all of Unicode: the spaces are Go's, and space, letter and digit exclude each other", async (t) => {
  const spaces: string[] = [];
  for (const rune of runes()) {
    const code = rune.codePointAt(0) ?? 0;
    if (isSpace(code)) spaces.push(code.toString(16));
    if (Number(isSpace(code)) + Number(isLetter(code)) + Number(isDigit(code)) > 1) t.fail(`U+${code.toString(16)}`);
  }
  const expected =
    "9 a b c d 20 85 a0 1680 2000 2001 2002 2003 2004 2005 2006 2007 2008 2009 200a 2028 2029 202f 205f 3000";
  t.equal(spaces.join(" "), expected);
});

function* runes(): Generator<string> {
  for (let code = 0; code <= 0x10ffff; code++) if (code < 0xd800 || code > 0xdfff) yield String.fromCodePoint(code);
}
