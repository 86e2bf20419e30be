import { readdirSync, readFileSync } from "node:fs";
import t from "tap";
import { type HandlerKindName, handlerKinds } from "../../src/core/alert-handlers.ts";
import { inspectScript } from "../../src/core/script-policy.ts";
import type { ScriptReport, TaskVar } from "../../src/core/script-report.ts";
import { position } from "../../src/tickscript/problem.ts";
import * as rules from "./scripts-rule-cases.ts";
import * as syntax from "./scripts-syntax-cases.ts";

const tables = { ...syntax, ...rules };
const mark = "▸";
const usual: readonly HandlerKindName[] = ["exec", "log"];

/** What the policy says, in the words of the tables. */
function verdict(report: ScriptReport, script: string): string {
  if (!report.ok) return `unparsable ${report.problem.line}:${report.problem.column}`;
  const [first] = report.findings;
  if (first === undefined) return "allowed";
  const { line, column } = position(script, first.offset);
  return `${first.handler ?? first.rule} ${line}:${column}`;
}

/** The place of the mark, counted without the functions that are tested. */
function placeOf(marked: string): string {
  const before = marked.slice(0, marked.indexOf(mark)).split("\n");
  return `${before.length}:${[...(before.at(-1) ?? "")].length + 1}`;
}

t.test("every script is judged as its table says", async (t) => {
  for (const [table, cases] of Object.entries(tables)) {
    for (const { name, script: marked, disabled = usual, udfs = [], vars = {}, expect } of cases) {
      const script = marked.replace(mark, "");
      const report = inspectScript(script, {
        disabled: new Set(disabled),
        udfs: new Set(udfs),
        ...(vars === "template" ? {} : { vars: new Map(Object.entries(vars)) }),
      });
      const expected = marked.includes(mark) ? `${expect} ${placeOf(marked)}` : expect;
      t.equal(verdict(report, script), expected, `${table}: ${name}`);
    }
  }
  const count = Object.values(tables).flat().length;
  t.ok(count >= 200, `${count} cases`);
});

t.test("only what passes has no mark", async (t) => {
  for (const { name, script, expect } of Object.values(tables).flat()) {
    t.equal(script.includes(mark), expect !== "allowed", name);
  }
});

const everyKind = new Set(handlerKinds.map(({ kind }) => kind));

t.test("every handler is refused when it is disabled, and only then", async (t) => {
  for (const { kind, method } of handlerKinds) {
    if (method === undefined) continue;
    const script = `stream|from()|alert().id('x').${method}('a').topic('t')`;
    const offset = script.indexOf(method);
    const only = inspectScript(script, { disabled: new Set([kind]), udfs: new Set(), vars: new Map() });
    t.match(only, { findings: [{ rule: "handler", handler: kind, offset, length: method.length }] }, kind);
    const others = new Set([...everyKind].filter((other) => other !== kind));
    const rest = inspectScript(script, { disabled: others, udfs: new Set(), vars: new Map() });
    t.match(rest, { ok: true, findings: [], handlers: new Set([kind]) }, `all but ${kind}`);
  }
});

const corpus = new URL("corpus/", import.meta.url);
const scripts = readdirSync(corpus).map((file) => ({ file, script: readFileSync(new URL(file, corpus), "utf8") }));

t.test("ordinary scripts pass when nothing that they use is disabled", async (t) => {
  const used = new Set<HandlerKindName>();
  for (const { file, script } of scripts) {
    const open = inspectScript(script, { disabled: new Set(), udfs: new Set() });
    if (!open.ok) throw new Error(`${file}: ${open.problem.message}`);
    t.strictSame(open.findings, [], file);
    for (const kind of open.handlers) used.add(kind);
    const others = new Set([...everyKind].filter((kind) => !open.handlers.has(kind)));
    t.match(inspectScript(script, { disabled: others, udfs: new Set(["none"]) }), { ok: true, findings: [] }, file);
    const closed = inspectScript(script, { disabled: open.handlers, udfs: new Set() });
    t.ok(closed.ok && closed.findings.length >= open.handlers.size, `${file}: each of them is found`);
  }
  const inScripts = handlerKinds.filter(({ method }) => method !== undefined).map(({ kind }) => kind);
  t.strictSame([...used].sort(), inScripts.sort(), "the scripts use every handler");
  t.ok(scripts.length >= 60, `${scripts.length} scripts`);
});

const given = (text: string): TaskVar => ({ type: "string", value: text });
const listed = (...items: readonly string[]): TaskVar => ({ type: "list", items: items.map(given) });
const alert = "stream|from()|alert()";

/** Each target as `USER FORM TEXT`, with `?` and the vars for a text that is not constant. */
const targets: readonly (readonly [
  script: string,
  vars: Readonly<Record<string, TaskVar>> | "template",
  targets: readonly string[],
])[] = [
  [`${alert}.post('http://a')`, {}, ["post url http://a"]],
  [`${alert}.post('http://a', 'http://b')`, {}, ["post url http://a"]],
  [`${alert}.post(['http://a', 'http://b'])`, {}, ["post url http://a"]],
  [`${alert}.post().endpoint('x')`, {}, []],
  [`${alert}.post('http://' + 'a' + '/x')`, {}, ["post url http://a/x"]],
  [`${alert}.post('http://' + ('a' + '/x'))`, {}, ["post url http://a/x"]],
  [`var h = 'a'\nvar u = 'http://' + h\n${alert}.post(u)`, {}, ["post url http://a"]],
  [`var h = 'a'\nvar u = 'http://' + h\n${alert}.post(u)`, "template", ["post url http://a (u h)"]],
  [`var h = 'a'\n${alert}.post('http://' + h)`, { h: given("b") }, ["post url http://b"]],
  [`var h string\n${alert}.post('http://' + h)`, { h: given("b") }, ["post url http://b"]],
  [`var h string\n${alert}.post('http://' + h)`, "template", ["post url ? h"]],
  [`var h string\n${alert}.post('http://' + h)`, {}, ["post url ? h"]],
  [`var p int\n${alert}.post('http://a:' + string(p))`, "template", ["post url ?"]],
  [`var l = ['http://a']\n${alert}.post(l)`, "template", ["post url http://a (l)"]],
  [`var l = []\n${alert}.post(l)`, "template", ["post url ? l"]],
  [`var l = []\n${alert}.post(l)`, {}, []],
  [`var l list\n${alert}.post(l)`, { l: listed("http://b") }, ["post url http://b"]],
  [`var l = ['http://a']\n${alert}.post(l)`, { l: listed("http://b") }, ["post url http://b"]],
  [`var l = ['http://a']\nvar m = l\n${alert}.post(m)`, "template", ["post url http://a (m l)"]],
  [`var u = 'http://a'\nvar l = [u]\n${alert}.post(l)`, "template", ["post url http://a (l u)"]],
  [`var x = 1\n${alert}.post(x)`, {}, ["post url ?"]],
  [`var a = ${alert}.id('http://a')\n${alert}.post(a.id)`, {}, ["post url ?"]],
  [`${alert}.post('a' - 'b')`, {}, ["post url ?"]],
  [`var u string\nvar u = 'http://b'\n${alert}.post(u)`, {}, ["post url http://b"]],
  [`var u = 'http://a'\nvar u string\n${alert}.post(u)`, { u: given("http://b") }, ["post url http://b"]],
  [`${alert}.post('http://{{ .ID }}/')`, {}, ["post url http://{{ .ID }}/"]],
  ["stream|from()|httpPost('http://a')", {}, ["post url http://a"]],
  ["stream|from()|HttpPost('http://a')", {}, ["post url http://a"]],
  [`${alert}.tcp('a:1')`, {}, ["tcp hostport a:1"]],
  [`${alert}.tcp('a:1').address('b:2')`, {}, ["tcp hostport a:1", "tcp hostport b:2"]],
  [`${alert}.teams().channelURL('https://a')`, {}, ["teams url https://a"]],
  [`${alert}.serviceNow().URL('https://a').node('n')`, {}, ["servicenow url https://a"]],
  [`${alert}.serviceNow().uRL('https://a')`, {}, ["servicenow url https://a"]],
  [`${alert}.zenoss().URL('https://a')`, {}, ["zenoss url https://a"]],
  [`${alert}.pushover().URL('https://a')`, {}, []],
  [`${alert}.discord().avatarURL('https://a')`, {}, []],
  [`${alert}.pagerDuty2().link('https://a')`, {}, []],
  ["stream|from()|sideload().source('file:///a')", {}, ["sideload url file:///a"]],
  ["stream|from()|sideload().source('http://a').order('x')", {}, ["sideload url http://a"]],
  [`${alert}.sensu().source('a')`, {}, []],
  [`${alert}.serviceNow().source('a')`, {}, []],
  ["stream@f().post('http://a').tcp('b:1')", {}, []],
  [`${alert}.id('http://a').message('http://b').details('http://c').topic('http://d')`, {}, []],
  [
    `var a = ${alert}\na.post('http://a')\na.post('http://b').tcp('c:1')`,
    {},
    ["post url http://a", "post url http://b", "tcp hostport c:1"],
  ],
  [`stream|from()|union(${alert}.post('http://a'))`, {}, ["post url http://a"]],
];

t.test("every address that a script gives is reported", async (t) => {
  for (const [script, vars, expected] of targets) {
    const report = inspectScript(script, {
      disabled: new Set(),
      udfs: new Set(),
      ...(vars === "template" ? {} : { vars: new Map(Object.entries(vars)) }),
    });
    if (!report.ok) throw new Error(`${script}: ${report.problem.message}`);
    const found = report.targets.map(({ user, form, text }) =>
      [
        user,
        form,
        text.constant ? text.value : "?",
        text.constant && text.vars.length > 0 ? `(${text.vars.join(" ")})` : text.vars.join(" "),
      ]
        .filter(Boolean)
        .join(" "),
    );
    t.strictSame(found, expected, script);
  }
});

t.test("a target, a topic and a finding say where they stand", async (t) => {
  const script = `${alert}.topic('x').post('it\\'s').tcp('''b:1''').exec('c')|httpOut(name)`;
  const report = inspectScript(script, { disabled: new Set(["exec"]), udfs: new Set() });
  if (!report.ok) throw new Error(report.problem.message);
  const cut = ({ offset, length }: { offset: number; length: number }) => script.slice(offset, offset + length);
  t.strictSame(report.topics.map(cut), ["'x'"]);
  t.strictSame(report.targets.map(cut), ["'it\\'s'", "'''b:1'''"]);
  t.strictSame(report.findings.map(cut), ["exec", "name"]);
});

t.test("topics, dbrps and vars are reported", async (t) => {
  const script = `dbrp "telegraf"."autogen"
    var a = 'x'
    var b string
    var c = lambda: TRUE
    ${alert}.topic(a).topic(b).mqtt('m').topic('not this one').slack().topic('y')`;
  t.match(inspectScript(script, { disabled: new Set(), udfs: new Set(), vars: new Map([["b", given("z")]]) }), {
    ok: true,
    topics: [
      { text: { constant: true, value: "x" } },
      { text: { constant: true, value: "z" } },
      { text: { constant: true, value: "y" } },
    ],
    dbrps: [{ database: "telegraf", retentionPolicy: "autogen", offset: 0 }],
    vars: [
      { name: "a", type: undefined },
      { name: "b", type: "string" },
      { name: "c", type: undefined },
    ],
  });
});

t.test("a hostile script costs no more than its length", async (t) => {
  const rules = { disabled: new Set<HandlerKindName>(["exec"]), udfs: new Set<string>() };
  const names = Array.from({ length: 5_000 }, (_, index) => `v${index}`);
  const hostile: Readonly<Record<string, string>> = {
    "texts that double": `var v0 = 'ab'\n${names
      .slice(1)
      .map((name, index) => `var ${name} = v${index} + v${index}`)
      .join("\n")}\n${alert}.post(v4999)`,
    "vars that hang on all before them": `var v0 string\n${names
      .slice(1)
      .map((name, index) => `var ${name}x string\nvar ${name} = v${index} + ${name}x`)
      .join("\n")}\n${alert}.post(v4999)`,
    "a long list, spread again and again": `var l = [${"'x',".repeat(40_000)}]\nvar a = ${alert}\n${"a.exec(l)\n".repeat(10_000)}`,
    "a list passed on": `var v0 = [${"'x',".repeat(40_000)}]\n${names
      .slice(1)
      .map((name, index) => `var ${name} = v${index}`)
      .join("\n")}`,
    findings: `var a = ${alert}\n${"a.exec()\n".repeat(20_000)}`,
    "deep arguments": `${"stream|union(".repeat(150)}${alert}.exec()${")".repeat(150)}`,
    "long names": `${alert}.${"x".repeat(500_000)}()`,
  };
  for (const [name, script] of Object.entries(hostile)) {
    const { user } = process.threadCpuUsage();
    const report = inspectScript(script, rules);
    // CPU time of this thread: at most 200 ms, however busy the machine is.
    t.ok(process.threadCpuUsage().user - user < 5_000_000, name);
    if (!report.ok) throw new Error(`${name}: ${report.problem.message}`);
    t.ok(report.findings.length <= 100, "findings are bounded");
    for (const { text } of report.findings) t.ok(text.length < 200, "and so are their texts");
  }
  const kept = inspectScript(`var a = ${alert}\n${"a.exec()\n".repeat(200)}a.post('http://far')`, rules);
  t.match(kept, { targets: [{ text: { value: "http://far" } }] }, "targets are never left out");
});
