import t from "tap";
import { changedObject, isChange, nameInAnswer, nameInBody } from "../../src/core/changed-object.ts";
import { listRoutes, matchRoute, routeClasses } from "../../src/core/routes.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

t.test("a name in a body is read as Go reads it", async (t) => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['{"id":"cpu","script":"stream"}', "cpu"],
    ['{"ID":"cpu"}', "cpu"],
    ['{"id":"first","Id":"last"}', "last"],
    ['{"id":"a","ID":"b","id":"c"}', "c"],
    ['{"id":1}', undefined],
    ['{"id":""}', undefined],
    ['{"vars":{"id":"cpu"}}', undefined],
    ['[{"op":"replace","path":"/id"}]', undefined],
    ['{"id":"cpu"', undefined],
    ["", undefined],
    [`{"id":"cpu","script":"${"x".repeat(300_000)}"}`, undefined],
  ];
  for (const [body, name] of cases) t.equal(nameInBody("/tasks", bytes(body)), name, body.slice(0, 60));
  t.equal(nameInBody("/users", bytes('{"id":"no","name":"bob"}')), "bob");
});

t.test("a name in an answer is the last part of the link it begins with, wherever the answer is cut", async (t) => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['{"link":{"rel":"self","href":"/kapacitor/v1/tasks/cpu"},"id":"cpu","sc', "cpu"],
    ['{\n  "link" : { "rel": "self", "href": "/kapacitor/v1/tasks/a%20b" }', "a b"],
    ['{"link":{"rel":"self","href":"/kapacitor/v1/tasks/%zz"}', "%zz"],
    ['{"link":{"rel":"self","href":"/kapacitor/v1/ta', undefined],
    ['{"error":"no"}', undefined],
    ["", undefined],
  ];
  for (const [start, name] of cases) t.equal(nameInAnswer(start), name, start);
});

t.test("every route that changes something names what it changes", async (t) => {
  const expected: readonly (readonly [string, string, string | undefined, string, string?])[] = [
    ["POST", "/kapacitor/v1/tasks", "cpu", "task:cpu"],
    ["POST", "/kapacitor/v1/tasks", undefined, "task"],
    ["PATCH", "/kapacitor/v1/tasks/cpu", undefined, "task:cpu"],
    ["PATCH", "/kapacitor/v1/tasks/cpu", "cpu", "task:cpu"],
    ["PATCH", "/kapacitor/v1preview/tasks/cpu", "mem", "task:cpu", "mem"],
    ["DELETE", "/kapacitor/v1/templates/t", undefined, "template:t"],
    ["POST", "/kapacitor/v1/recordings/stream", "r", "recording:r"],
    ["DELETE", "/kapacitor/v1/recordings/r", undefined, "recording:r"],
    ["POST", "/kapacitor/v1/replays", "p", "replay:p"],
    ["POST", "/kapacitor/v1/replays/batch", undefined, "replay"],
    ["POST", "/kapacitor/v1/alerts/topics/ops/handlers", "mail", "handler:ops/mail"],
    ["POST", "/kapacitor/v1/alerts/topics/ops", "mail", "handler:ops/mail"],
    ["PUT", "/kapacitor/v1/alerts/topics/ops/handlers/mail", "post", "handler:ops/mail", "post"],
    ["DELETE", "/kapacitor/v1/alerts/topics/ops/handlers/mail", undefined, "handler:ops/mail"],
    ["DELETE", "/kapacitor/v1/alerts/topics/ops", undefined, "topic:ops"],
    ["POST", "/kapacitor/v1/config/influxdb/localhost", undefined, "config:influxdb/localhost"],
    ["POST", "/kapacitor/v1/config/smtp/", "x", "config:smtp"],
    ["POST", "/kapacitor/v1/service-tests/slack", "x", "service-test:slack"],
    ["POST", "/kapacitor/v1/storage/stores/tasks", undefined, "storage:stores/tasks"],
    ["POST", "/kapacitor/v1/users", "bob", "user:bob"],
    ["DELETE", "/kapacitor/v1/users/bob", undefined, "user:bob"],
    ["POST", "/kapacitor/v1/api/v2/tasks", "f", "flux-task:f"],
    ["POST", "/kapacitor/v1/loglevel", undefined, "loglevel"],
    ["POST", "/kapacitor/v1/subscriptions", undefined, "subscriptions"],
    ["POST", "/kapacitor/v1/sideload/reload", undefined, "sideload"],
    ["DELETE", `/kapacitor/v1/tasks/${"x".repeat(1000)}`, undefined, `task:${"x".repeat(256)}…`],
  ];
  for (const [method, path, named, object, newName] of expected) {
    const route = matchRoute(method, path);
    if (route.kind !== "route") throw new Error(`${method} ${path} is no route`);
    t.ok(isChange(route.class), route.class);
    t.same(changedObject(route, named), { object, newName }, `${method} ${path.slice(0, 60)}`);
  }
  for (const { method, pattern, class: name } of listRoutes()) {
    if (!isChange(name)) continue;
    const route = matchRoute(method, pattern.endsWith("/") ? `${pattern}x` : pattern);
    if (route.kind === "route") t.not(changedObject(route, "x").object, "object", `${method} ${pattern}`);
  }
  const changing = routeClasses.filter(isChange);
  t.ok(changing.includes("service-test-run") && !changing.includes("write") && !changing.includes("backup"));
});
