/** Scripts for property tests and for the fuzz program: arbitrary text, words in any order, edited scripts, and printed trees. */
import fc from "fast-check";

/** Words that mean different things in different places, and characters on both sides of every class. */
const words = [
  ..."()[].|@,+-*/%=<>!:;'\"\\_ \t\n\r",
  ..."\0\v\u0085\u00A0\u2028\u3000\u200B\uFEFF\uFFFDéſıß٣５µμ😀\u{1D400}\u{1D7CE}",
  "\uD800",
  ...["==", "!=", "=~", "!~", "<=", ">=", "//", "// c\n", "// c\n/", "// c\n\n", "AND", "OR", "TRUE", "FALSE"],
  ...["var", "dbrp", "lambda", "lambda:", "var x = ", "a", "exec", ".exec(", "|alert()", "@udf()", ".A()", "f(", "x_1"],
  ...["'s'", "''", "'''", "'''t'''", "'\\''", "'''a''\\''", '"r"', '"\\""', '""', "/re/", "/\\//", "/é/", "/(/"],
  ...[
    "0",
    "7",
    "08",
    "017",
    "1.5",
    ".5",
    "1.",
    "1..2",
    "10s",
    "1ms",
    "5m",
    "2µ",
    "3us",
    "9223372036854775807",
    "9223372036854775808",
  ],
  ...["15250w", "15251w", "99999999999999999999s", `${"9".repeat(309)}.0`],
];

const samples = [
  `// CPU\nvar period = 10m\nvar name string\ndbrp "telegraf"."autogen"\nvar data = stream\n    |from()\n        .measurement('cpu')\n        .where(lambda: "host" =~ /^web-\\d+$/ AND "cpu" == 'cpu-total')\n    |window()\n        .period(period)\n        .every(5m)\n    |mean("usage_idle")\n        .as('idle')\ndata\n    |alert()\n        .id('{{ .Name }}/{{ index .Tags "host" }}')\n        .crit(lambda: "idle" < 10.0 + sigma("idle") * 2)\n        .exec('/bin/notify', 'it\\'s down')\n        .log('/tmp/a.log')\n`,
  `batch|query('''SELECT mean("x") FROM "db"."rp"."m" WHERE t = 'a' ''').period(1h).groupBy(time(1m), *)|httpOut('top')`,
  `var a = stream|from()\nvar b = stream|from()\na|join(b).as('a', 'b').tolerance(1ms)@udf().opt(-1, !TRUE, [x, 'y', *])|union(a|eval(lambda: -"v" / 2 % (3 - 1)).as('z'))\n    // why\n    |deadman(100.0, 10s,).slack().channel('#ops')`,
];

export const anyText = fc.string({ unit: "binary", maxLength: 200 });

export const anyWords = fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((parts) => parts.join(""));

const edit = fc.record({ at: fc.nat(1000), drop: fc.nat(3), put: fc.constantFrom("", ...words) });

export const editedSample = fc
  .tuple(fc.constantFrom(...samples), fc.array(edit, { maxLength: 4 }))
  .map(([sample, edits]) =>
    edits.reduce((text, { at, drop, put }) => text.slice(0, at) + put + text.slice(at + drop), sample),
  );

export const anyScript = fc.oneof(anyWords, editedSample, anyText);
