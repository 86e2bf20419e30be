import { Buffer } from "node:buffer";
import { type Answer, type Call, failure, noContent } from "./answer.ts";
import { decodeBody } from "./body.ts";
import { struct, text } from "./go-json-shapes.ts";
import { type Encodable, encode } from "./go-json-write.ts";
import { basePath, type Route } from "./mux.ts";
import type { Store } from "./store.ts";

const debugPath = `${basePath}/debug`;
const levels = ["DEBUG", "INFO", "ERROR"];
const levelShape = struct("client.LogLevelOptions", { level: text });

/** Log level, expvar and pprof; the profiles are empty. */
export function debugRoutes(store: Store, version: string, serverId: string): readonly Route[] {
  const profile = (name: string, handle: (call: Call) => Answer): Route => ({
    method: "GET",
    pattern: `${debugPath}/pprof/${name}`,
    handle,
    noJson: true,
  });
  return [
    { method: "POST", pattern: `${basePath}/loglevel`, handle: (call) => setLevel(call) },
    {
      method: "GET",
      pattern: `${debugPath}/vars`,
      handle: () => ({ kind: "value", status: 200, body: expvar(variables(store, version, serverId)) }),
    },
    profile("", (call) => profileIndex(call.path.slice(`${debugPath}/pprof/`.length))),
    profile("cmdline", () => plain("kapacitord")),
    profile("symbol", () => plain("num_symbols: 1\n")),
    profile("profile", () => binary("profile")),
    profile("trace", () => binary("trace")),
  ];
}

function setLevel(call: Call): Answer {
  const read = decodeBody(call, levelShape);
  if ("error" in read) return failure(400, `invalid json: ${read.error}`);
  return levels.includes(read.value.level.toUpperCase()) ? noContent : failure(400, "invalid log level");
}

/** What Telegraf's inputs.kapacitor reads: the counts, `memstats`, and named series under `kapacitor`. */
function variables(store: Store, version: string, serverId: string): Readonly<Record<string, Encodable>> {
  const tasks = [...store.tasks.values()];
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  const tags = { cluster_id: serverId, server_id: serverId, host: "localhost" };
  const ingress = [...store.ingress].map(([key, count]): [string, Encodable] => {
    const [database, retention_policy, measurement] = JSON.parse(key) as [string, string, string];
    const place = { task_master: "main", database, retention_policy, measurement };
    return [key, { name: "ingress", tags: { ...tags, ...place }, values: { points_received: count } }];
  });
  return {
    cluster_id: serverId,
    cmdline: ["kapacitord"],
    host: "localhost",
    kapacitor: new Map(ingress),
    memstats: { Alloc: heapUsed, TotalAlloc: heapUsed, Sys: rss, HeapAlloc: heapUsed, HeapSys: heapTotal, NumGC: 0 },
    num_enabled_tasks: tasks.filter(({ status }) => status === "enabled").length,
    num_subscriptions: 0,
    num_tasks: tasks.length,
    platform: "OSS",
    product: "kapacitor",
    server_id: serverId,
    version,
  };
}

/** expvar's own layout: one variable a line. */
function expvar(given: Readonly<Record<string, Encodable>>): string {
  return `{\n${Object.entries(given)
    .map(([name, value]) => `${JSON.stringify(name)}: ${encode(value)}`)
    .join(",\n")}\n}\n`;
}

function profileIndex(name: string): Answer {
  if (name === "") {
    return {
      kind: "value",
      status: 200,
      body: "<html>\n<head>\n<title>/debug/pprof/</title>\n</head>\n<body>\n/debug/pprof/<br>\n</body>\n</html>\n",
      headers: { "Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff" },
    };
  }
  if (["allocs", "block", "goroutine", "heap", "mutex", "threadcreate"].includes(name)) return binary(name);
  const missing = plain("Unknown profile\n");
  return { ...missing, status: 404, headers: { ...missing.headers, "X-Go-Pprof": "1" } };
}

type Value = Answer & { kind: "value" };

function plain(body: string): Value {
  const headers = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };
  return { kind: "value", status: 200, body, headers };
}

function binary(name: string): Value {
  return {
    kind: "value",
    status: 200,
    body: Buffer.alloc(0),
    headers: {
      "Content-Type": "application/octet-stream",
      "Content-Disposition": `attachment; filename="${name}"`,
      "X-Content-Type-Options": "nosniff",
    },
  };
}
