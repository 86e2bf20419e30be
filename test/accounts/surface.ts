/**
 * Every route that Kapacitor 1.5 to 1.8 serves, each with a path that it takes and what each method does there, written down from its sources
 * (services/httpd/handler.go and the api.go of each service) and not from the table of the core, which it checks.
 */

/**
 * What a request does, in the words of Kapacitor's permissions: it needs the privilege `read`, `write` or `delete` for its API resource, or
 * `write` for the database. `guarded` resources are for the role admin unless `[api]` opens them, `admin` ones always are.
 */
export type Need =
  | { readonly privilege: "read" | "write" | "delete"; readonly kind: "plain" | "admin" }
  | { readonly privilege: "read" | "write" | "delete"; readonly kind: "guarded"; readonly guard: string }
  | { readonly privilege: "write"; readonly kind: "database" };

export interface SurfaceRoute {
  readonly path: string;
  readonly methods: Readonly<Record<string, Need>>;
}

type Privilege = Need["privilege"];
const plain = (privilege: Privilege): Need => ({ privilege, kind: "plain" });
const admin = (privilege: Privilege): Need => ({ privilege, kind: "admin" });
const guarded =
  (guard: string) =>
  (privilege: Privilege): Need => ({ privilege, kind: "guarded", guard });

const get = { GET: plain("read") };
const cors = { OPTIONS: plain("read") };
const remove = { DELETE: plain("delete") };
const post = { POST: plain("write") };
const patch = { PATCH: plain("write") };
const database = { POST: { privilege: "write", kind: "database" }, ...cors } as const;
const config = guarded("config");
const test = guarded("service-tests");
const flux = guarded("flux-tasks");

const base = "/kapacitor/v1";

export const surface: readonly SurfaceRoute[] = [
  { path: "/write?db=telegraf&rp=autogen", methods: database },
  { path: `${base}/write?db=telegraf&rp=autogen`, methods: database },
  { path: `${base}/ping`, methods: { ...get, HEAD: plain("read") } },
  { path: `${base}/:routes`, methods: get },
  { path: `${base}/loglevel`, methods: { POST: guarded("loglevel")("write") } },
  { path: `${base}/debug/vars`, methods: get },
  { path: `${base}/debug/pprof/`, methods: { GET: guarded("pprof")("read") } },
  { path: `${base}/debug/pprof/heap`, methods: { GET: guarded("pprof")("read") } },
  { path: `${base}/debug/pprof/cmdline`, methods: { GET: guarded("pprof")("read") } },
  { path: `${base}/debug/pprof/profile?seconds=1`, methods: { GET: guarded("pprof")("read") } },
  { path: `${base}/debug/pprof/symbol`, methods: { GET: guarded("pprof")("read") } },
  { path: `${base}/debug/pprof/trace`, methods: { GET: guarded("pprof")("read") } },
  { path: "/kapacitor/v1preview/logs", methods: get },
  { path: `${base}/tasks`, methods: { ...get, ...post } },
  { path: `${base}/tasks/cpu`, methods: { ...get, ...patch, ...remove, ...cors } },
  { path: `${base}/tasks/cpu/endpoint`, methods: { ...get, ...patch, ...remove, ...cors } },
  { path: `${base}/templates`, methods: { ...get, ...post } },
  { path: `${base}/templates/generic`, methods: { ...get, ...patch, ...remove, ...cors } },
  { path: `${base}/recordings`, methods: get },
  { path: `${base}/recordings/r1`, methods: { ...get, ...remove, ...cors } },
  { path: `${base}/recordings/stream`, methods: { ...get, ...remove, ...cors, ...post } },
  { path: `${base}/recordings/batch`, methods: { ...get, ...remove, ...cors, ...post } },
  { path: `${base}/recordings/query`, methods: { ...get, ...remove, ...cors, ...post } },
  { path: `${base}/replays`, methods: { ...get, ...post } },
  { path: `${base}/replays/r1`, methods: { ...get, ...remove, ...cors } },
  { path: `${base}/replays/batch`, methods: { ...get, ...remove, ...cors, ...post } },
  { path: `${base}/replays/query`, methods: { ...get, ...remove, ...cors, ...post } },
  { path: `${base}/alerts/topics`, methods: get },
  ...["ops", "ops/events", "ops/events/cpu", "ops/handlers", "ops/handlers/tell"].map((rest) => ({
    path: `${base}/alerts/topics/${rest}`,
    methods: { ...get, ...post, PUT: plain("write"), ...patch, ...remove, ...cors },
  })),
  { path: `${base}/config`, methods: { GET: config("read") } },
  ...["slack", "slack/", "slack/default", "smtp/"].map((rest) => ({
    path: `${base}/config/${rest}`,
    methods: { GET: config("read"), POST: config("write") },
  })),
  { path: `${base}/service-tests`, methods: { GET: test("read") } },
  { path: `${base}/service-tests/slack`, methods: { GET: test("read"), POST: test("write") } },
  { path: `${base}/storage/backup`, methods: { GET: guarded("backup")("read"), POST: admin("write") } },
  { path: `${base}/storage/stores`, methods: { ...get, POST: admin("write") } },
  { path: `${base}/storage/stores/tasks`, methods: { POST: admin("write") } },
  { path: `${base}/subscriptions`, methods: { POST: admin("write") } },
  { path: `${base}/sideload/reload`, methods: { POST: admin("write") } },
  { path: `${base}/users`, methods: { GET: admin("read"), POST: admin("write") } },
  {
    path: `${base}/users/bob`,
    methods: { GET: admin("read"), PATCH: admin("write"), DELETE: admin("delete"), OPTIONS: plain("read") },
  },
  { path: `${base}/api/v2/tasks`, methods: { GET: flux("read"), POST: flux("write") } },
  ...["t1", "t1/logs", "t1/runs", "t1/runs/r1", "t1/runs/r1/logs", "t1/runs/r1/retry"].map((rest) => ({
    path: `${base}/api/v2/tasks/${rest}`,
    methods: { GET: flux("read"), POST: flux("write"), PATCH: flux("write"), DELETE: flux("delete") },
  })),
];

/** What is no route of Kapacitor. */
export const elsewhere: readonly string[] = [
  "/",
  "/ping",
  "/query?q=x",
  "/kapacitor",
  "/kapacitor/v1",
  "/kapacitor/v1/",
  "/kapacitor/v1/logs",
  "/kapacitor/v1/write/",
  "/write/",
  "/kapacitor/v1/alerts",
  "/kapacitor/v1/debug/",
  "/kapacitor/v1/api/v2/authorizations",
  "/kapacitor/v1preview/kapacitor/v1preview/tasks",
  "/KAPACITOR/V1/tasks",
];
