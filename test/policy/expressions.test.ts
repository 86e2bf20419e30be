import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { parseExpression } from "../../src/tickscript/parser.ts";
import { startTestGateway } from "../support/gateway.ts";
import { expressionRequests } from "./expressions.ts";

t.test("an expression alone is what stands behind lambda:, and nothing else", async (t) => {
  const rows: readonly (readonly [expression: string, problem: RegExp | undefined])[] = [
    ["changed() == TRUE", undefined],
    ['level() >= WARNING AND "host" =~ /^web/ OR duration() > 5m', undefined],
    ["'x' =~ /é/", undefined],
    ['// why\n"a" > 1', undefined],
    ['-1 + if(!"b", 2, (3))', undefined],
    ["", /expected a value/],
    ["lambda: TRUE", /expected a value/],
    ["TRUE FALSE", /expected the end of the script/],
    ["TRUE var x = 1", /expected the end of the script/],
    ["a.exec('x')", /expected the end of the script/],
    ["stream|from()", /expected the end of the script/],
    ["/é/ == 'x'", /cannot read a regex here/],
    ["('x' == /é/)", /cannot read a regex here/],
    ["!/\u2028/", /cannot read a regex here/],
    ["'x", /does not end/],
    [`${"(".repeat(300)}1${")".repeat(300)}`, /nested deeper/],
  ];
  for (const [expression, problem] of rows) {
    const parsed = parseExpression(expression);
    const name = encodeURI(expression.slice(0, 60));
    t.equal(parsed.ok, problem === undefined, name);
    if (!parsed.ok && problem !== undefined) t.match(parsed.problem.message, problem, name);
  }
});

// The oracle found it: one request of an editor, `"match": "/é/"`, ended a real Kapacitor 1.5 with everybody's tasks. The same in the value of a lambda var.
t.test("an expression that ends Kapacitor does not reach it, wherever it stands", async (t) => {
  const standin = await startStandin();
  t.teardown(() => standin.close());
  const gateway = await startTestGateway(
    `[[kapacitor]]\nname = "default"\nurl = "${standin.url}"\ndisable-handlers = ["exec"]\n`,
    { http: "auth-enabled = false" },
  );
  t.teardown(() => gateway.close());
  for (const { story, before, request, text } of expressionRequests("/é/ == 'x'")) {
    for (const { method, path, body } of before) await gateway.request(method, path, { body });
    const count = standin.requests.filter(({ method }) => method !== "GET").length;
    const answer = await gateway.request(request.method, request.path, { body: request.body });
    t.equal(answer.status, 400, `${story}: ${answer.body}`);
    t.match(JSON.parse(answer.body).error, text, story);
    t.equal(standin.requests.filter(({ method }) => method !== "GET").length, count, `${story}: nothing is sent`);
  }
  for (const { story, before, request } of expressionRequests("'x' =~ /é/")) {
    for (const { method, path, body } of before) await gateway.request(method, path, { body });
    const answer = await gateway.request(request.method, request.path, { body: request.body });
    t.notOk(answer.body.includes('"code"'), `${story}: another one passes: ${answer.body}`);
  }
});
