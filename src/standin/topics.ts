import { Buffer } from "node:buffer";
import { type Answer, type Call, failure, link, noContent, panic, pretty } from "./answer.ts";
import { decodeBody } from "./body.ts";
import { hasElement, isElementEnabled } from "./config.ts";
import { GoJsonError, onlyValue, type Tree } from "./go-json.ts";
import { anything, decode, map, struct, text } from "./go-json-shapes.ts";
import { compareText, type Encodable, encode } from "./go-json-write.ts";
import { escapePath, first, joinPath, matchGlob } from "./go-url.ts";
import { option, refuseHandler, unsupportedKind } from "./handler-kinds.ts";
import { applyPatch, decodePatch, GoPanic, PatchError } from "./json-patch.ts";
import { parseLevel } from "./level.ts";
import { basePath, type Route } from "./mux.ts";
import { balancedExpression } from "./script.ts";
import type { Store, StoredHandler } from "./store.ts";
import { isSince } from "./version.ts";

const topicsPath = `${basePath}/alerts/topics`;
const prefix = `${topicsPath}/`;
const validTopic = /^[-:._\p{L}0-9]+$/u;
const validHandler = /^[-._\p{L}0-9]+$/u;

const specShape = struct("alert.HandlerSpec", {
  id: text,
  topic: text,
  kind: text,
  options: map(anything, "map[string]interface {}"),
  match: text,
});

/** services/alert/api.go: everything under a topic creates with POST, whatever the rest of the path says. */
export function topicRoutes(store: Store, version: string): readonly Route[] {
  return [
    { method: "GET", pattern: topicsPath, handle: (call) => listTopics(store, call) },
    { method: "GET", pattern: prefix, handle: (call) => readTopic(store, call) },
    { method: "POST", pattern: prefix, handle: (call) => createHandler(store, version, call) },
    { method: "PUT", pattern: prefix, handle: (call) => replaceHandler(store, version, call) },
    { method: "PATCH", pattern: prefix, handle: (call) => patchHandler(store, version, call) },
    { method: "DELETE", pattern: prefix, handle: (call) => deleteTopicOrHandler(store, call) },
    { method: "OPTIONS", pattern: prefix, handle: () => noContent },
  ];
}

function partsOf(call: Call): { rest: string; topic: string; handler: string | undefined } {
  const rest = call.path.slice(prefix.length);
  const slash = rest.lastIndexOf("/") + 1;
  const handler = rest.slice(0, slash).endsWith("handlers/") ? rest.slice(slash) : undefined;
  return { rest, topic: rest.split("/", 1)[0] ?? "", handler };
}

function listTopics(store: Store, call: Call): Answer {
  const pattern = first(call.query, "pattern");
  if (matchGlob(pattern, "") === undefined) return failure(400, "invalid pattern: syntax error in pattern");
  const level = minimalLevel(call);
  if (level === undefined) return unknownLevel(call);
  const topics = [...store.topics]
    .filter((id) => level === 0 && (pattern === "" || matchGlob(pattern, id) === true))
    .toSorted(compareText);
  return pretty({ link: selfLink(call), topics: topics.map(showTopic) });
}

function readTopic(store: Store, call: Call): Answer {
  const { rest, topic, handler } = partsOf(call);
  if (matchGlob("*/events", rest) === true) return listEvents(store, topic, call);
  if (matchGlob("*/events/*", rest) === true) {
    return failure(
      404,
      `unknown event ${JSON.stringify(rest.split("/").findLast((part) => part !== ""))} in topic ${JSON.stringify(topic)}`,
    );
  }
  if (matchGlob("*/handlers", rest) === true) return listHandlers(store, topic, call);
  if (matchGlob("*/handlers/*", rest) === true) {
    const found = store.handler(topic, handler ?? "");
    return found === undefined ? unknownHandler(handler ?? "") : pretty(showHandler(found));
  }
  return store.topics.has(topic) ? pretty(showTopic(topic)) : failure(404, `unknown topic: ${JSON.stringify(topic)}`);
}

/** No task runs here, so no topic has events and every topic is OK. */
function listEvents(store: Store, topic: string, call: Call): Answer {
  if (minimalLevel(call) === undefined) return unknownLevel(call);
  if (!store.topics.has(topic))
    return failure(500, `failed to get topic events: unknown topic ${JSON.stringify(topic)}`);
  return pretty({ link: link(joinPath(topicsPath, topic, "events")), topic, events: [] });
}

function listHandlers(store: Store, topic: string, call: Call): Answer {
  const pattern = first(call.query, "pattern");
  if (matchGlob(pattern, "") === undefined) return failure(400, "invalid pattern: syntax error in pattern");
  const handlers = store
    .handlersOf(topic)
    .filter(({ id }) => pattern === "" || matchGlob(pattern, id) === true)
    .toSorted((left, right) => compareText(left.id, right.id));
  return pretty({ link: selfLink(call), topic, handlers: handlers.map(showHandler) });
}

function createHandler(store: Store, version: string, call: Call): Answer {
  const { topic } = partsOf(call);
  const read = decodeBody(call, specShape);
  if ("error" in read) return failure(400, `invalid handler json: ${read.error}`);
  const spec = { ...read.value, topic };
  const invalid = invalidSpec(spec);
  if (invalid !== undefined) return failure(400, `invalid handler spec: ${invalid}`);
  const refused = refuseSpec(store, spec, version);
  if (typeof refused === "object") return refused;
  if (refused !== undefined) return failure(500, `failed to create handler: ${refused}`);
  if (store.handler(topic, spec.id) !== undefined) {
    const id = JSON.stringify(spec.id);
    return failure(500, `failed to create handler: cannot register handler, handler with ID ${id} already exists`);
  }
  store.setHandler(spec);
  return pretty(showHandler(spec));
}

function replaceHandler(store: Store, version: string, call: Call): Answer {
  const { topic, handler } = partsOf(call);
  const old = store.handler(topic, handler ?? "");
  if (old === undefined) return unknownHandler(handler ?? "");
  const read = decodeBody(call, specShape);
  if ("error" in read) return failure(400, `failed to unmarshal JSON: ${read.error}`);
  return update(store, version, old, { ...read.value, topic });
}

function patchHandler(store: Store, version: string, call: Call): Answer {
  const { topic, handler } = partsOf(call);
  const old = store.handler(topic, handler ?? "");
  if (old === undefined) return unknownHandler(handler ?? "");
  try {
    const operations = decodePatch(call.body);
    const patched = applyPatch(toTree(old), operations, isSince(version, "1.6.0"));
    try {
      return update(store, version, old, decode(patched, specShape, { ...specShape.zero(), topic }));
    } catch (error) {
      if (!(error instanceof GoJsonError)) throw error;
      return failure(500, `failed to unmarshal patched json: ${error.message}`);
    }
  } catch (error) {
    if (error instanceof GoPanic) return panic;
    if (error instanceof PatchError) return failure(400, `failed to apply patch: ${error.message}`);
    if (error instanceof GoJsonError) return failure(400, `invalid patch json: ${error.message}`);
    throw error;
  }
}

function update(store: Store, version: string, old: StoredHandler, spec: StoredHandler): Answer {
  const invalid = invalidSpec(spec);
  if (invalid !== undefined) return failure(400, `invalid handler spec: ${invalid}`);
  const refused = spec.topic === old.topic ? refuseSpec(store, spec, version) : "cannot change topic in update";
  if (typeof refused === "object") return refused;
  if (refused !== undefined) return failure(500, `failed to update handler: ${refused}`);
  // From 1.5.8 on a new id takes the place of whatever had it.
  if (spec.id !== old.id && store.handler(spec.topic, spec.id) !== undefined && !isSince(version, "1.5.8")) {
    return failure(500, "failed to update handler: object already exists");
  }
  store.deleteHandler(old.topic, old.id);
  store.setHandler(spec);
  return pretty(showHandler(spec));
}

function deleteTopicOrHandler(store: Store, call: Call): Answer {
  const { topic, handler } = partsOf(call);
  if (handler === undefined) store.topics.delete(topic);
  else store.deleteHandler(topic, handler);
  return noContent;
}

function invalidSpec(spec: StoredHandler): string | undefined {
  const rule = "must contain only letters, numbers, '-', '.' and '_'.";
  if (!validTopic.test(spec.topic)) return `handler topic ${rule} ${JSON.stringify(spec.id)}`;
  if (!validHandler.test(spec.id)) return `handler ID ${rule} ${JSON.stringify(spec.id)}`;
  return spec.kind === "" ? "handler Kind must not be empty" : undefined;
}

/** Why the handler cannot be built, an answer where the daemon would not give one, undefined when it can. */
function refuseSpec(store: Store, spec: StoredHandler, version: string): string | Answer | undefined {
  const refused = refuseHandler(spec.kind, spec.options, version) ?? refuseTarget(store, spec, version);
  const badMatch = spec.match !== "" && !balancedExpression(spec.match);
  const matched = badMatch ? "invalid match expression: parser: unexpected EOF" : undefined;
  if (spec.match !== "" && refused === unsupportedKind(spec.kind) && !isSince(version, "1.5.8")) return matched;
  // A ticker with no interval: the real daemon dies of it.
  if (refused === undefined && spec.kind === "aggregate" && !(Number(option(spec.options, "interval") ?? 0) > 0)) {
    return panic;
  }
  return refused ?? matched;
}

function refuseTarget(store: Store, spec: StoredHandler, version: string): string | undefined {
  if (spec.kind === "log") {
    const path = option(spec.options, "path") ?? "";
    if (!String(path).startsWith("/")) return `log path must be absolute: ${path} is not absolute`;
  }
  if (spec.kind === "post" && isSince(version, "1.5.7")) {
    const endpoint = option(spec.options, "endpoint") ?? "";
    if ((option(spec.options, "url") ?? "") === "" && !hasElement(store, version, "httppost", String(endpoint))) {
      return "An appropriately formatted url must be specified if an endpoint is not specified";
    }
  }
  if (spec.kind === "kafka") {
    const cluster = option(spec.options, "cluster") ?? "";
    if (!isElementEnabled(store, version, "kafka", String(cluster))) {
      return `unknown cluster ${JSON.stringify(cluster)}`;
    }
  }
  return undefined;
}

function minimalLevel(call: Call): number | undefined {
  return parseLevel(first(call.query, "min-level").toUpperCase());
}

function unknownLevel(call: Call): Answer {
  return failure(400, `unknown alert level '${first(call.query, "min-level").toUpperCase()}'`);
}

function unknownHandler(id: string): Answer {
  return failure(404, `unknown handler: ${JSON.stringify(id)}`);
}

function selfLink(call: Call): { readonly rel: string; readonly href: string } {
  return link(`${escapePath(call.path)}${call.rawQuery === undefined ? "" : `?${call.rawQuery}`}`);
}

function showTopic(id: string): Encodable {
  return {
    link: link(joinPath(topicsPath, id)),
    id,
    level: "OK",
    collected: 0,
    "events-link": link(joinPath(topicsPath, id, "events"), "events"),
    "handlers-link": link(joinPath(topicsPath, id, "handlers"), "handlers"),
  };
}

function showHandler({ id, topic, kind, options, match }: StoredHandler): Encodable {
  return { link: link(joinPath(topicsPath, topic, "handlers", id)), id, kind, options, match };
}

/** The stored spec as the document that a patch is applied to. */
function toTree({ id, topic, kind, options, match }: StoredHandler): Tree {
  return onlyValue(Buffer.from(encode({ id, topic, kind, options, match })));
}
