/** What scripts mean. The trees of these rows were the same in Kapacitor's own parser (tick/ast of 1.8.3), the refusals were refusals there, too. */
import t from "tap";
import { parseScript } from "../../src/tickscript/parser.ts";
import { walk } from "../../src/tickscript/visit.ts";
import { meaning, quote } from "./notation.ts";

const table = (name: string, rows: readonly (readonly [source: string, meaning: string])[]) =>
  t.test(name, async (t) => {
    for (const [source, expected] of rows) t.equal(meaning(source), expected, quote(source));
  });

/** The one statement of a script, as the parser gives it. */
function statementOf(source: string): unknown {
  const result = parseScript(source);
  return result.ok ? result.program.statements[0] : result.problem;
}

table("statements need nothing between them", [
  ["", ""],
  ["// nothing", ""],
  ["a b c(1) d", "a; b; c(1); d"],
  ["var x = a var y = b", "var x = a; var y = b"],
  ["var x int var y = x", "var x: int; var y = x"],
  ["var lambda = 5 lambda.x()", "var lambda = 5; lambda.x()"],
  ['dbrp "a"."b" dbrp "c" . "d" stream|from()', 'dbrp "a"."b"; dbrp "c"."d"; stream|from()'],
  ["5 'a' [b] *", "5; 'a'; [b]; *"],
  ["a ! b", "a; (!b)"],
  ["a.b - c", "a.b; (-c)"],
  ["a\n(b)", "a(b)"],
  ["a\n-b", "(a - b)"],
]);

table("links apply from left to right", [
  [
    "stream|from().measurement('cpu')|alert().exec('/bin/x', 'y').log('z')",
    "stream|from().measurement('cpu')|alert().exec('/bin/x', 'y').log('z')",
  ],
  ["a().b", "a().b"],
  ["a@udf().field(1)", "a@udf().field(1)"],
  ["a.b.c", "a.b.c"],
  ["a@b", "a@b"],
  ["a.b()|c()@d() e", "a.b()|c()@d(); e"],
  [". \n", '1:1 expected a value, found "."'],
  ["a.\u00A0\n// why\n exec // how\n\r(\u2028'x'\v)", "a.exec('x')"],
  ["a|b", '1:4 expected "(", found the end of the script'],
  ["a|b.c()", '1:4 expected "(", found "."'],
  ["a.b + c", '1:5 expected a value, found "+"'],
  ["a + b.c()", '1:6 expected a value, found "."'],
  ["(a).b()", '1:4 expected a value, found "."'],
  ["'a'.b()", '1:4 expected a value, found "."'],
  ["[a].b()", '1:4 expected a value, found "."'],
  ["a.'exec'()", "1:3 expected a name, found a 'string'"],
  ['a."exec"()', '1:3 expected a name, found a "reference"'],
  ["a.(exec)()", '1:3 expected a name, found "("'],
  ["a.var()", '1:3 expected a name, found "var"'],
  ["a.lambda()", "a.lambda()"],
  ["a.5()", '1:5 expected a value, found ")"'],
]);

table("arguments are expressions: calls, chains, lists, lambdas and operations", [
  [
    "a.b(c, 'd' + 'e', [f, 'g', *], lambda: h, i|j(k.l()).m)",
    "a.b(c, ('d' + 'e'), [f, 'g', *], lambda: h, i|j(k.l()).m)",
  ],
  ["s|union(a.exec('p', q))", "s|union(a.exec('p', q))"],
  ["a.b(c(d.e()) + 1)", "a.b((c(d.e()) + 1))"],
  ["a.b(c,)", "a.b(c)"],
  ["a.b([c,])", "a.b([c])"],
  ["a.b([])", "a.b([])"],
  ["a.b(,)", '1:5 expected a value, found ","'],
  ["a.b(c,,d)", '1:7 expected a value, found ","'],
  ["a.b(c d)", '1:7 expected ")", found "d"'],
  ["a.b([[c]])", "1:6 expected a name, a 'string' or *, found \"[\""],
  ["a.b([1])", "1:6 expected a name, a 'string' or *, found \"1\""],
  ["a.b([c.d()])", '1:7 expected "]", found "."'],
  ["a.b(var x = 1)", '1:5 expected a value, found "var"'],
]);

table("behind the first operand only operands follow: no chains, lists or lambdas", [
  ["lambda: f(a, b(c + 1)) AND !d", "lambda: (f(a, b((c + 1))) AND (!d))"],
  ["lambda: a.b()", '1:10 expected a value, found "."'],
  ["lambda: f(a.b())", '1:12 expected ")", found "."'],
  ["1 + f(a.b())", '1:8 expected ")", found "."'],
  ["f(a.b()) + 1", "(f(a.b()) + 1)"],
  ["f([a], lambda: b) + 1", "(f([a], lambda: b) + 1)"],
  ["1 + f([a])", '1:7 expected a value, found "["'],
  ["lambda: lambda: a", '1:9 expected a value, found "lambda:"'],
  ["(lambda: a)", '1:2 expected a value, found "lambda:"'],
  ["-lambda: a", '1:2 expected a value, found "lambda:"'],
]);

table("operators by precedence and from left to right", [
  ["a - b - c", "((a - b) - c)"],
  ["a + b * c", "(a + (b * c))"],
  ["a * b + c", "((a * b) + c)"],
  ["a OR b AND c == d > e + f * g", "(a OR (b AND (c == (d > (e + (f * g))))))"],
  ["a * b + c > d == e AND f OR g", "((((((a * b) + c) > d) == e) AND f) OR g)"],
  ["a OR b * c + d == e AND f", "(a OR ((((b * c) + d) == e) AND f))"],
  ["a + b == c - d", "((a + b) == (c - d))"],
  ["a == b != c =~ /d/ OR e !~ /f/", "((((a == b) != c) =~ /d/) OR (e !~ /f/))"],
  ["a < b <= c > d >= e", "((((a < b) <= c) > d) >= e)"],
  ["a / b % c * d", "(((a / b) % c) * d)"],
  ["a - (b - c)", "(a - (b - c))"],
  ["((a))", "a"],
  ["-a + b", "((-a) + b)"],
  ["-(a + b)", "(-(a + b))"],
  ["!a AND - - b", "((!a) AND (-(-b)))"],
  ["a + ", "1:5 expected a value, found the end of the script"],
  ["(a", '1:3 expected ")", found the end of the script'],
  ["a = b", '1:3 expected a value, found "="'],
]);

table("the context of the lexer shows in the tree", [
  ["var x = // c\n5", "var x = //; c; 5"],
  ["a // c\n* b", "a; *; b"],
  ["a // c\n- b", "(a - b)"],
  ["a // c\n / .exec('x')\n.log('y')", "a.log('y')"],
  ["lambda: /a/", '1:9 expected a value, found "/"'],
  ["lambda: // c\n\n/a/", "lambda: /a/"],
  ["lambda: *", '1:9 expected a value, found "*"'],
  ["f(a, *)", "f(a, *)"],
  ["f(a *)", '1:6 expected a value, found ")"'],
  ["f(/a/, b / c / d)", "f(/a/, ((b / c) / d))"],
  ['"a" =~ /b\\/c/', '("a" =~ /b/c/)'],
]);

table("declarations", [
  ["var x = lambda: y", "var x = lambda: y"],
  ["var x = [a]", "var x = [a]"],
  ["var x = a|b()", "var x = a|b()"],
  ["var x", "1:6 expected a name, found the end of the script"],
  ["var x 'y'", "1:7 expected a name, found a 'string'"],
  ["var x // c\n= 5", '2:1 unexpected character "=" (U+003D)'],
  ["var 'x' = 5", "1:5 expected a name, found a 'string'"],
  ["var x == 5", '1:7 expected a name, found "=="'],
  ["var TRUE = 5", '1:5 expected a name, found "TRUE"'],
  ['dbrp "a"', '1:9 expected ".", found the end of the script'],
  ["dbrp 'a'.'b'", "1:6 expected a \"reference\", found a 'string'"],
]);

table("numbers that Kapacitor cannot hold", [
  ["9223372036854775807", "9223372036854775807"],
  ["9223372036854775808", "1:1 a number that is malformed or too large"],
  ["0777777777777777777777", "0777777777777777777777"],
  ["01000000000000000000000", "1:1 a number that is malformed or too large"],
  ["00000000000000000000000001", "00000000000000000000000001"],
  ["08", "1:1 a number that is malformed or too large"],
  ["٣", "1:1 a number that is malformed or too large"],
  [".٣", "1:1 a number that is malformed or too large"],
  [`${"9".repeat(308)}.`, `${"9".repeat(308)}.`],
  [`${"9".repeat(309)}.`, "1:1 a number that is malformed or too large"],
]);

table("durations that Kapacitor cannot hold: what wraps around to a positive number, it takes", [
  ["106751d 15250w 9223372036854ms", "106751d; 15250w; 9223372036854ms"],
  ["106752d", "1:1 a duration that is malformed or too large"],
  ["15251w", "1:1 a duration that is malformed or too large"],
  ["30500w", "1:1 a duration that is malformed or too large"],
  ["30501w", "30501w"],
  ["000000000000000000000000010s", "000000000000000000000000010s"],
  ["9223372036854775808u", "1:1 a duration that is malformed or too large"],
  ["٣s", "1:1 a duration that is malformed or too large"],
]);

t.test("the shape of the tree: every node with its place", async (t) => {
  const rows: readonly (readonly [source: string, statement: unknown])[] = [
    [
      " a|b('c').d@e(1)",
      {
        kind: "chain",
        offset: 1,
        head: { kind: "identifier", offset: 1, name: "a" },
        links: [
          {
            operator: "|",
            offset: 2,
            target: {
              kind: "call",
              offset: 3,
              form: "chain",
              name: "b",
              args: [{ kind: "string", offset: 5, value: "c", tripleQuoted: false }],
            },
          },
          { operator: ".", offset: 9, target: { kind: "identifier", offset: 10, name: "d" } },
          {
            operator: "@",
            offset: 11,
            target: {
              kind: "call",
              offset: 12,
              form: "udf",
              name: "e",
              args: [{ kind: "number", offset: 14, text: "1" }],
            },
          },
        ],
      },
    ],
    [
      "f().g()",
      {
        kind: "chain",
        offset: 0,
        head: { kind: "call", offset: 0, form: "function", name: "f", args: [] },
        links: [
          { operator: ".", offset: 3, target: { kind: "call", offset: 4, form: "property", name: "g", args: [] } },
        ],
      },
    ],
    [
      "var x = lambda: -y * 2s",
      {
        kind: "var",
        offset: 0,
        name: { kind: "identifier", offset: 4, name: "x" },
        value: {
          kind: "lambda",
          offset: 8,
          body: {
            kind: "binary",
            offset: 16,
            first: { kind: "unary", offset: 16, operator: "-", operand: { kind: "identifier", offset: 17, name: "y" } },
            rest: [{ operator: "*", offset: 19, operand: { kind: "duration", offset: 21, text: "2s" } }],
          },
        },
      },
    ],
    [
      "var x int",
      {
        kind: "type",
        offset: 0,
        name: { kind: "identifier", offset: 4, name: "x" },
        type: { kind: "identifier", offset: 6, name: "int" },
      },
    ],
    [
      'dbrp "d"."r"',
      {
        kind: "dbrp",
        offset: 0,
        database: { kind: "reference", offset: 5, value: "d" },
        retentionPolicy: { kind: "reference", offset: 9, value: "r" },
      },
    ],
    ["[*]", { kind: "list", offset: 0, items: [{ kind: "star", offset: 1 }] }],
    [" FALSE", { kind: "boolean", offset: 1, value: false }],
    [" /a/", { kind: "regex", offset: 1, pattern: "a" }],
  ];
  for (const [source, expected] of rows) t.strictSame(statementOf(source), expected, quote(source));
});

t.test("what stands in quotes", async (t) => {
  const rows = [
    [String.raw`'it\'s'`, "it's", false],
    [String.raw`'a\b\n\"'`, String.raw`a\b\n\"`, false],
    [String.raw`'\\''`, String.raw`\'`, false],
    ["''", "", false],
    [String.raw`'''it\'s'''`, String.raw`it\'s`, true],
    ["''''''", "", true],
    [String.raw`'''a''\''`, "a''", true],
    ["'\uD800'", "\uFFFD", false],
  ] as const;
  for (const [source, value, tripleQuoted] of rows) {
    t.strictSame(statementOf(source), { kind: "string", offset: 0, value, tripleQuoted }, quote(source));
  }
  t.strictSame(statementOf(String.raw`"a\"\b\'"`), { kind: "reference", offset: 0, value: String.raw`a"\b\'` });
  t.strictSame(statementOf(String.raw`/a\/\d/`), { kind: "regex", offset: 0, pattern: String.raw`a/\d` });
});

t.test("outside of quotes a lone surrogate is the error that U+FFFD is", async (t) => {
  t.equal(meaning("a\uDC00"), '1:2 unexpected character "\uFFFD" (U+FFFD)');
});

t.test("a walk visits every node once, parents first, in the order of the script", async (t) => {
  const source = `dbrp "d"."r" var v int var w = [x, 's', *] a|b(lambda: -f(1, 2s) + "q" =~ /r/).c(TRUE, g.h)`;
  const result = parseScript(source);
  if (!result.ok) throw new Error(result.problem.message);
  t.strictSame(
    [...walk(result.program)].map((node) => `${node.kind} ${node.offset}`),
    [
      ...["program 0", "dbrp 0", "reference 5", "reference 9"],
      ...["type 13", "identifier 17", "identifier 19"],
      ...["var 23", "identifier 27", "list 31", "identifier 32", "string 35", "star 40"],
      ...["chain 43", "identifier 43", "call 45", "lambda 47", "binary 55", "unary 55", "call 56", "number 58"],
      ...[
        "duration 61",
        "reference 67",
        "regex 74",
        "call 79",
        "boolean 81",
        "chain 87",
        "identifier 87",
        "identifier 89",
      ],
    ],
  );
});
