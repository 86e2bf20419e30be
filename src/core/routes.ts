/** What a route class lets its caller do; roles and metrics are in these words (Kapacitor's own privileges, auth/auth.go). */
export type Access = "read" | "write" | "delete";

/** Guards that an operator can open or close in `[api]`. */
export type Guard = "backup" | "config" | "loglevel" | "pprof" | "service-tests" | "flux-tasks";

interface ClassInfo {
  readonly access: Access;
  readonly guard?: Guard;
  /** Answers that may start late and never end: no first-byte limit. */
  readonly stream?: true;
  /** Changes what Kapacitor stores or runs: judged and sent one at a time, never aborted once sent. */
  readonly definition?: true;
}

const classTable = {
  ping: { access: "read" },
  write: { access: "write" },
  cors: { access: "read" },
  routes: { access: "read" },
  vars: { access: "read" },
  pprof: { access: "read", guard: "pprof", stream: true },
  logs: { access: "read", stream: true },
  loglevel: { access: "write", guard: "loglevel" },
  "task-read": { access: "read" },
  "task-define": { access: "write", definition: true },
  "task-delete": { access: "delete", definition: true },
  "template-read": { access: "read" },
  "template-define": { access: "write", definition: true },
  "template-delete": { access: "delete", definition: true },
  "recording-read": { access: "read" },
  "recording-start": { access: "write", stream: true },
  "recording-delete": { access: "delete" },
  "replay-read": { access: "read" },
  "replay-start": { access: "write", stream: true, definition: true },
  "replay-delete": { access: "delete" },
  "topic-read": { access: "read" },
  "topic-delete": { access: "delete", definition: true },
  "handler-define": { access: "write", definition: true },
  "config-read": { access: "read", guard: "config" },
  "config-change": { access: "write", guard: "config", definition: true },
  "service-test-read": { access: "read", guard: "service-tests" },
  "service-test-run": { access: "write", guard: "service-tests", stream: true },
  backup: { access: "read", guard: "backup", stream: true },
  "storage-read": { access: "read" },
  "storage-change": { access: "write", definition: true },
  subscriptions: { access: "write" },
  sideload: { access: "write" },
  "user-read": { access: "read" },
  "user-change": { access: "write", definition: true },
  "user-delete": { access: "delete", definition: true },
  "flux-read": { access: "read", guard: "flux-tasks" },
  "flux-define": { access: "write", guard: "flux-tasks", definition: true },
  "flux-delete": { access: "delete", guard: "flux-tasks", definition: true },
} as const satisfies Record<string, ClassInfo>;

/** One kind of thing that a request can do to Kapacitor. A bounded label: logs, metrics and roles speak in these. */
export type RouteClass = keyof typeof classTable;

/** Every route class, for tables and tests. */
export const routeClasses = Object.keys(classTable) as readonly RouteClass[];

/** What is known of a class. */
export function classInfo(name: RouteClass): ClassInfo {
  return classTable[name];
}

interface Pattern {
  /** Exact decoded path, or, with a trailing slash, a prefix. */
  readonly pattern: string;
  readonly methods: Readonly<Record<string, RouteClass>>;
}

const base = "/kapacitor/v1";
const previewBase = "/kapacitor/v1preview";

/** Every route that Kapacitor 1.5 to 1.8 registers (services/httpd/handler.go and each service's api.go). Compared with a daemon's own list in test/e2e. */
const patterns: readonly Pattern[] = [
  { pattern: "/write", methods: { POST: "write", OPTIONS: "cors" } },
  { pattern: `${base}/write`, methods: { POST: "write", OPTIONS: "cors" } },
  { pattern: `${base}/ping`, methods: { GET: "ping", HEAD: "ping" } },
  { pattern: `${base}/:routes`, methods: { GET: "routes" } },
  { pattern: `${base}/loglevel`, methods: { POST: "loglevel" } },
  { pattern: `${base}/debug/vars`, methods: { GET: "vars" } },
  { pattern: `${base}/debug/pprof/`, methods: { GET: "pprof" } },
  { pattern: `${previewBase}/logs`, methods: { GET: "logs" } },
  { pattern: `${base}/tasks`, methods: { GET: "task-read", POST: "task-define" } },
  {
    pattern: `${base}/tasks/`,
    methods: { GET: "task-read", PATCH: "task-define", DELETE: "task-delete", OPTIONS: "cors" },
  },
  { pattern: `${base}/templates`, methods: { GET: "template-read", POST: "template-define" } },
  {
    pattern: `${base}/templates/`,
    methods: { GET: "template-read", PATCH: "template-define", DELETE: "template-delete", OPTIONS: "cors" },
  },
  { pattern: `${base}/recordings`, methods: { GET: "recording-read" } },
  { pattern: `${base}/recordings/`, methods: { GET: "recording-read", DELETE: "recording-delete", OPTIONS: "cors" } },
  { pattern: `${base}/recordings/stream`, methods: { POST: "recording-start" } },
  { pattern: `${base}/recordings/batch`, methods: { POST: "recording-start" } },
  { pattern: `${base}/recordings/query`, methods: { POST: "recording-start" } },
  { pattern: `${base}/replays`, methods: { GET: "replay-read", POST: "replay-start" } },
  { pattern: `${base}/replays/`, methods: { GET: "replay-read", DELETE: "replay-delete", OPTIONS: "cors" } },
  { pattern: `${base}/replays/batch`, methods: { POST: "replay-start" } },
  { pattern: `${base}/replays/query`, methods: { POST: "replay-start" } },
  { pattern: `${base}/alerts/topics`, methods: { GET: "topic-read" } },
  {
    pattern: `${base}/alerts/topics/`,
    methods: {
      GET: "topic-read",
      POST: "handler-define",
      PUT: "handler-define",
      PATCH: "handler-define",
      DELETE: "topic-delete",
      OPTIONS: "cors",
    },
  },
  { pattern: `${base}/config`, methods: { GET: "config-read" } },
  { pattern: `${base}/config/`, methods: { GET: "config-read", POST: "config-change" } },
  { pattern: `${base}/service-tests`, methods: { GET: "service-test-read" } },
  { pattern: `${base}/service-tests/`, methods: { GET: "service-test-read", POST: "service-test-run" } },
  { pattern: `${base}/storage/backup`, methods: { GET: "backup" } },
  { pattern: `${base}/storage/stores`, methods: { GET: "storage-read" } },
  { pattern: `${base}/storage/`, methods: { POST: "storage-change" } },
  { pattern: `${base}/subscriptions`, methods: { POST: "subscriptions" } },
  { pattern: `${base}/sideload/reload`, methods: { POST: "sideload" } },
  { pattern: `${base}/users`, methods: { GET: "user-read", POST: "user-change" } },
  {
    pattern: `${base}/users/`,
    methods: { GET: "user-read", PATCH: "user-change", DELETE: "user-delete", OPTIONS: "cors" },
  },
  { pattern: `${base}/api/v2/tasks`, methods: { GET: "flux-read", POST: "flux-define" } },
  {
    pattern: `${base}/api/v2/tasks/`,
    methods: { GET: "flux-read", POST: "flux-define", PATCH: "flux-define", DELETE: "flux-delete" },
  },
];

const exact = new Map(patterns.filter((entry) => !entry.pattern.endsWith("/")).map((entry) => [entry.pattern, entry]));
const prefixes = patterns
  .filter((entry) => entry.pattern.endsWith("/"))
  .sort((a, b) => b.pattern.length - a.pattern.length);

export type RouteMatch =
  | {
      readonly kind: "route";
      readonly class: RouteClass;
      /** The matched pattern without the `/kapacitor/v1` base: `/tasks/`. */
      readonly pattern: string;
      /** What follows a prefix pattern, decoded: a task id, `TOPIC/handlers/ID`; "" for an exact one. */
      readonly rest: string;
    }
  | { readonly kind: "method_not_allowed"; readonly allow: readonly string[] }
  | { readonly kind: "unknown" };

/** The path that Kapacitor routes: its preview catch-all rewrites the first `/kapacitor/v1preview` once; a nested one is its 404. */
function canonicalPath(decodedPath: string): string | undefined {
  if (!decodedPath.startsWith(`${previewBase}/`) || decodedPath === `${previewBase}/logs`) return decodedPath;
  const rewritten = base + decodedPath.slice(previewBase.length);
  return rewritten.startsWith(`${previewBase}/`) ? undefined : rewritten;
}

/**
 * Looks a request up in the table by its decoded path, as Kapacitor's mux does: one table per method, the longest pattern wins.
 * What is not in the table is unknown, and the caller refuses it.
 */
export function matchRoute(method: string, decodedPath: string): RouteMatch {
  const path = canonicalPath(decodedPath);
  if (path === undefined) return { kind: "unknown" };
  const exactEntry = exact.get(path);
  const candidates = exactEntry === undefined ? [] : [exactEntry];
  for (const entry of prefixes) if (path.startsWith(entry.pattern)) candidates.push(entry);
  for (const entry of candidates) {
    const name = Object.hasOwn(entry.methods, method) ? entry.methods[method] : undefined;
    if (name === undefined) continue;
    const rest = entry.pattern.endsWith("/") ? path.slice(entry.pattern.length) : "";
    const pattern = entry.pattern.startsWith(base) ? entry.pattern.slice(base.length) : entry.pattern;
    return { kind: "route", class: name, pattern, rest };
  }
  if (candidates.length === 0) return { kind: "unknown" };
  return { kind: "method_not_allowed", allow: [...new Set(candidates.flatMap((entry) => Object.keys(entry.methods)))] };
}

/** Every (method, pattern, class) of the table, for documentation and tests. */
export function listRoutes(): { method: string; pattern: string; class: RouteClass }[] {
  return patterns.flatMap((entry) =>
    Object.entries(entry.methods).map(([method, name]) => ({ method, pattern: entry.pattern, class: name })),
  );
}
