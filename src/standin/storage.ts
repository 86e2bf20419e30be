import { Buffer } from "node:buffer";
import { type Answer, type Call, failure, link, noContent, pretty } from "./answer.ts";
import { decodeBody } from "./body.ts";
import { struct, words } from "./go-json-shapes.ts";
import { encode } from "./go-json-write.ts";
import { joinPath } from "./go-url.ts";
import { basePath, type Route } from "./mux.ts";
import type { Store } from "./store.ts";

const storesPath = `${basePath}/storage/stores`;
const stores = ["topic-states", "tasks", "recordings", "replays", "overrides", "load", "handler-specs"];
const actionShape = struct("client.StorageActionOptions", { action: words("StorageAction", ["rebuild"]) });

/** services/storage/api.go. The backup is not a BoltDB, but it has what a backup has: every script and handler. */
export function storageRoutes(store: Store): readonly Route[] {
  return [
    {
      method: "GET",
      pattern: `${basePath}/storage/backup`,
      handle: () => backup(store),
      noGzip: true,
      noJson: true,
    },
    {
      method: "GET",
      pattern: storesPath,
      handle: () =>
        pretty({
          link: link(storesPath),
          storage: stores.map((name) => ({ link: link(joinPath(storesPath, name)), name })),
        }),
    },
    { method: "POST", pattern: `${basePath}/storage/`, handle: (call) => act(call) },
  ];
}

function backup(store: Store): Answer {
  const scripts = [...store.tasks.values(), ...store.templates.values()].map(({ id, script }) => ({ id, script }));
  const handlers = store.handlers().map(({ id, topic, kind, options, match }) => ({ id, topic, kind, options, match }));
  const body = Buffer.from(encode({ scripts, handlers }));
  return {
    kind: "value",
    status: 200,
    body,
    headers: {
      "Content-Type": "application/octet-stream",
      "Content-Disposition": 'attachment; filename="kapacitor.db"',
      "Content-Length": String(body.length),
    },
  };
}

function act(call: Call): Answer {
  const name = call.path.startsWith(`${storesPath}/`) ? call.path.slice(storesPath.length + 1) : call.path;
  if (!stores.includes(name)) return failure(404, `unknown storage ${JSON.stringify(name)}`);
  const read = decodeBody(call, actionShape);
  if ("error" in read) return failure(400, `failed to unmarshal storage action ${read.error}`);
  return read.value.action === "rebuild" ? noContent : failure(400, 'unkown storage action "unknown StorageAction 0"');
}
