import t from "tap";
import { facts } from "./facts.ts";
import { deadlyGroup, groups, routeGroup } from "./flow-cases.ts";
import { kindGroup } from "./kind-cases.ts";
import { raceCases } from "./race-cases.ts";
import { rawCases } from "./raw-cases.ts";
import * as rules from "./scripts-rule-cases.ts";
import * as syntax from "./scripts-syntax-cases.ts";
import { storedAnswers } from "./stored-answer-cases.ts";

const requests = [...groups, deadlyGroup, routeGroup, kindGroup].flatMap((group) => group.cases);
const scripts = Object.values({ ...syntax, ...rules }).flat();
const named = [
  ...requests.flatMap((entry) => entry.facts),
  ...scripts.flatMap((entry) => (entry.fact === undefined ? [] : [entry.fact])),
  ...[...rawCases, ...raceCases].flatMap((entry) => entry.facts),
  ...storedAnswers.map((entry) => entry.fact),
];

t.test("every fact about Kapacitor's surface has a case", async (t) => {
  const seen = new Set(named);
  t.strictSame(
    Object.keys(facts).filter((fact) => !seen.has(fact)),
    [],
  );
});

t.test("no case is about a fact that there is not", async (t) => {
  t.strictSame(
    named.filter((fact) => !Object.hasOwn(facts, fact)),
    [],
  );
});

t.test("there are enough of them, and near misses among them", async (t) => {
  const attacks = requests.filter(({ refused }) => refused !== undefined);
  t.ok(requests.length >= 250, `${requests.length} requests`);
  t.ok(attacks.length >= 150 && requests.length - attacks.length >= 80, `${attacks.length} attacks`);
  t.ok(scripts.length >= 200, `${scripts.length} scripts`);
  const places = requests.filter(({ text }) => text !== undefined).length;
  const marks = scripts.filter(({ script }) => script.includes("▸")).length;
  t.ok(places + marks >= 150, `${places + marks} places or texts are expected`);
  t.ok(new Set(requests.map(({ story }) => story)).size >= 250, "no story is told again and again");
});
