import t from "tap";
import { classInfo, listRoutes, matchRoute, routeClasses } from "../../src/core/routes.ts";

t.test("requests are classified by method and decoded path as Kapacitor's mux does", async (t) => {
  const rows: [method: string, path: string, expected: string][] = [
    ["GET", "/kapacitor/v1/ping", "ping"],
    ["HEAD", "/kapacitor/v1/ping", "ping"],
    ["POST", "/write", "write"],
    ["POST", "/kapacitor/v1/write", "write"],
    ["POST", "/kapacitor/v1preview/write", "write"],
    ["OPTIONS", "/write", "cors"],
    ["GET", "/kapacitor/v1/:routes", "routes"],
    ["POST", "/kapacitor/v1/loglevel", "loglevel"],
    ["GET", "/kapacitor/v1/debug/vars", "vars"],
    ["GET", "/kapacitor/v1/debug/pprof/heap", "pprof"],
    ["GET", "/kapacitor/v1/debug/pprof/", "pprof"],
    ["GET", "/kapacitor/v1preview/logs", "logs"],
    ["GET", "/kapacitor/v1/tasks", "task-read"],
    ["POST", "/kapacitor/v1/tasks", "task-define"],
    ["GET", "/kapacitor/v1/tasks/a/out", "task-read"],
    ["PATCH", "/kapacitor/v1/tasks/a b/c", "task-define"],
    ["DELETE", "/kapacitor/v1/tasks/a", "task-delete"],
    ["PATCH", "/kapacitor/v1preview/tasks/a", "task-define"],
    ["POST", "/kapacitor/v1/templates", "template-define"],
    ["PATCH", "/kapacitor/v1/templates/t", "template-define"],
    ["POST", "/kapacitor/v1/recordings/stream", "recording-start"],
    ["GET", "/kapacitor/v1/recordings/stream", "recording-read"],
    ["POST", "/kapacitor/v1/replays", "replay-start"],
    ["POST", "/kapacitor/v1/replays/batch", "replay-start"],
    ["POST", "/kapacitor/v1/alerts/topics/t", "handler-define"],
    ["POST", "/kapacitor/v1/alerts/topics/t/a/b/c", "handler-define"],
    ["PUT", "/kapacitor/v1/alerts/topics/t/xhandlers/h", "handler-define"],
    ["PATCH", "/kapacitor/v1/alerts/topics/t/handlers/h", "handler-define"],
    ["DELETE", "/kapacitor/v1/alerts/topics/t/handlers/h", "topic-delete"],
    ["GET", "/kapacitor/v1/config/smtp", "config-read"],
    ["POST", "/kapacitor/v1/config/smtp/", "config-change"],
    ["POST", "/kapacitor/v1/service-tests/slack//", "service-test-run"],
    ["GET", "/kapacitor/v1/storage/backup", "backup"],
    ["GET", "/kapacitor/v1/storage/stores", "storage-read"],
    ["POST", "/kapacitor/v1/storage/stores/tasks", "storage-change"],
    ["POST", "/kapacitor/v1/storage/anything", "storage-change"],
    ["POST", "/kapacitor/v1/subscriptions", "subscriptions"],
    ["POST", "/kapacitor/v1/sideload/reload", "sideload"],
    ["POST", "/kapacitor/v1/users", "user-change"],
    ["POST", "/kapacitor/v1/api/v2/tasks/x/runs", "flux-define"],
    ["DELETE", "/kapacitor/v1/api/v2/tasks/x/runs/r", "flux-delete"],
    ["OPTIONS", "/kapacitor/v1/tasks/a", "cors"],
    // Known paths, other methods.
    ["PUT", "/kapacitor/v1/tasks/a", "405 GET, PATCH, DELETE, OPTIONS"],
    ["GET", "/write", "405 POST, OPTIONS"],
    ["DELETE", "/kapacitor/v1/tasks", "405 GET, POST"],
    ["POST", "/kapacitor/v1/recordings", "405 GET"],
    ["GET", "/kapacitor/v1/storage/x", "405 POST"],
    ["toString", "/kapacitor/v1/ping", "405 GET, HEAD"],
    ["post", "/write", "405 POST, OPTIONS"],
    // Unknown paths.
    ["GET", "/", "404"],
    ["GET", "/ping", "404"],
    ["POST", "/write/", "404"],
    ["POST", "/kapacitor/v1/tasks/", "405 GET, PATCH, DELETE, OPTIONS"],
    ["GET", "/KAPACITOR/v1/tasks", "404"],
    ["GET", "/kapacitor/v1/logs", "404"],
    ["GET", "/kapacitor/v1preview", "404"],
    ["GET", "/kapacitor/v1preview/v1preview/tasks", "404"],
    ["GET", "/kapacitor/v2/tasks", "404"],
    ["GET", "/kapacitor/v1/tasksx", "404"],
    ["GET", "/__proto__", "404"],
  ];
  for (const [method, path, expected] of rows) {
    const match = matchRoute(method, path);
    const got =
      match.kind === "route" ? match.class : match.kind === "unknown" ? "404" : `405 ${match.allow.join(", ")}`;
    t.equal(got, expected, `${method} ${path}`);
  }
});

t.test("every class is reachable, and every writing class of an inspected object is a definition", async (t) => {
  const listed = new Set(listRoutes().map((route) => route.class));
  t.same([...listed].sort(), [...routeClasses].sort());
  for (const name of routeClasses) {
    if (/-(?:define|change)$/.test(name)) t.equal(classInfo(name).definition, true, name);
  }
});
