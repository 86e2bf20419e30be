/** What Kapacitor makes of the bodies of requests, by the model of its decoder: the structs of client/v1 and of the services, and what they lead to. */
import {
  type Any,
  decodeFirst,
  equalFold,
  GoError,
  goAny,
  goAnyNumber,
  goFresh,
  goMap,
  goSlice,
  goString,
  goStruct,
  goWord,
} from "./go-decoder.ts";

/** The scripts, addresses and stored objects that random documents are made of. `dirty` ones must not come to be. */
export const scripts = {
  clean: "stream|from()|alert().crit(lambda: TRUE).topic('x')",
  exec: "stream|from()|alert().exec('/bin/sh')",
  inside: "stream|from()|alert().post('http://10.0.0.1/')",
  given: "var u string\nstream|from()|alert().post(u)",
} as const;
export const addresses = { outside: "http://198.51.100.7/", inside: "http://10.0.0.1/" } as const;

/** Ids of what is stored, and the script of each. */
export const storedScripts: Readonly<Record<string, string>> = {
  clean: scripts.clean,
  dirty: scripts.exec,
  given: scripts.given,
};

/** Kinds that are disabled where documents are tried. */
export const disabledKinds = ["exec", "log", "smtp", "slack"] as const;

interface Var {
  readonly type: string;
  readonly value: Any;
  readonly description: string;
}

const noVar: Var = { type: "", value: null, description: "" };
const types = ["bool", "int", "float", "string", "regex", "duration", "lambda", "list", "star"];
const varMap = goMap(goStruct<Var>({ type: goWord(...types), value: goAnyNumber, description: goString }), noVar);

/** The rest of UnmarshalJSON of client.Vars, for every member of that name: a value that is there has the type that it says. */
function checkedVars(tree: Parameters<typeof varMap>[0]): ReadonlyMap<string, Var> {
  const read = varMap(tree, new Map<string, Var>());
  for (const { type, value } of read.values()) {
    const isPlain = value === null || !["int", "float", "duration", "list"].includes(type);
    if (!isPlain && !isOfType(type, value)) throw new GoError("invalid var");
  }
  return read;
}

/** newVar, for what there is in the end. */
function canBeStored(vars: ReadonlyMap<string, Var>): boolean {
  return [...vars.values()].every(({ type, value }) => isOfType(type, value));
}

function isOfType(type: string, value: Any): boolean {
  switch (type) {
    case "bool":
      return typeof value === "boolean";
    case "int":
      return Number.isInteger(value);
    case "float":
      return typeof value === "number";
    case "duration":
      return Number.isInteger(value) || (typeof value === "string" && /^\d+(?:u|µ|ms|s|m|h|d|w)$/.test(value));
    case "list":
      return Array.isArray(value) && value.every((item) => item instanceof Map && isItem(item));
    case "star":
      return true;
    default:
      return type !== "" && typeof value === "string";
  }
}

function isItem(item: ReadonlyMap<string, Any>): boolean {
  const type = item.get("type");
  return typeof type === "string" && types.includes(type) && item.has("value");
}

const vars = goFresh(checkedVars, new Map<string, Var>());

interface Task {
  readonly id: string;
  readonly "template-id": string;
  readonly script: string;
  readonly status: string;
  readonly type: string;
  readonly vars: ReadonlyMap<string, Var>;
  readonly dbrps: readonly Dbrp[];
}

interface Dbrp {
  readonly db: string;
  readonly rp: string;
}

const task = goStruct<Task>({
  id: goString,
  "template-id": goString,
  script: goString,
  status: goWord("enabled", "disabled"),
  type: goWord("stream", "batch"),
  vars,
  dbrps: goSlice(goStruct<Dbrp>({ db: goString, rp: goString }), { db: "", rp: "" }),
});
const noTask: Task = { id: "", "template-id": "", script: "", status: "", type: "", vars: new Map(), dbrps: [] };

function isDirty(script: string, given: ReadonlyMap<string, Var>): boolean {
  if (script === scripts.exec || script === scripts.inside) return true;
  return script === scripts.given && given.get("u")?.type === "string" && given.get("u")?.value === addresses.inside;
}

function createsTask(body: Uint8Array): boolean {
  const read = decodeFirst(body, task, noTask);
  if (read === undefined || !canBeStored(read.vars)) return false;
  const template = read["template-id"];
  return isDirty(template === "" ? read.script : (storedScripts[template] ?? ""), read.vars);
}

/** Of a stored task whose script is not clean, only what starts it again counts. */
function changesTask(stored: string, body: Uint8Array): boolean {
  const read = decodeFirst(body, task, noTask);
  if (read === undefined || !canBeStored(read.vars)) return false;
  const template = read["template-id"];
  const script = template === "" ? read.script || (storedScripts[stored] ?? "") : (storedScripts[template] ?? "");
  const isNew = template !== "" || read.script !== "";
  return isDirty(script, read.vars) && (isNew || read.status === "enabled" || read.id !== "");
}

function definesTemplate(body: Uint8Array): boolean {
  const template = goStruct({ id: goString, type: goWord("stream", "batch"), script: goString });
  const read = decodeFirst(body, template, { id: "", type: "", script: "" });
  return read !== undefined && isDirty(read.script, new Map());
}

/** mapstructure takes the option of that very name, else one that folds to it: which one is up to Go's order of maps. */
function option(options: ReadonlyMap<string, Any>, name: string): readonly Any[] {
  const exact = options.get(name);
  if (exact !== undefined) return [exact];
  return [...options].filter(([key]) => equalFold(name, key)).map(([, value]) => value);
}

const handler = goStruct<{ id: string; topic: string; kind: string; match: string; options: ReadonlyMap<string, Any> }>(
  {
    id: goString,
    topic: goString,
    kind: goString,
    match: goString,
    options: goMap(goAny, null),
  },
);

/** Whether a topic handler is one that must not be: `body` is the whole of it. */
export function definesHandler(body: Uint8Array): boolean {
  const read = decodeFirst(body, handler, { id: "", topic: "", kind: "", match: "", options: new Map() });
  if (read === undefined) return false;
  if (disabledKinds.some((kind) => kind === read.kind)) return true;
  return read.kind === "post" && option(read.options, "url").includes(addresses.inside);
}

const change = goStruct<{
  set: ReadonlyMap<string, Any>;
  delete: readonly string[];
  add: ReadonlyMap<string, Any>;
  remove: readonly string[];
}>({
  set: goMap(goAny, null),
  delete: goSlice(goString, ""),
  add: goMap(goAny, null),
  remove: goSlice(goString, ""),
});

/** Options of the configuration are compared as they are. */
function changesSection(section: string, body: Uint8Array): boolean {
  const read = decodeFirst(body, change, { set: new Map(), delete: [], add: new Map(), remove: [] });
  if (read === undefined) return false;
  if (section === "telegram") return read.set.get("url") === addresses.inside;
  return read.set.get("enabled") === true || read.set.get("global") === true || read.add.size > 0;
}

/** Defaults are in the variable before the body is decoded into it. */
function runsTest(body: Uint8Array): boolean {
  const options = goStruct<{ endpoint: string; url: string; headers: ReadonlyMap<string, string> }>({
    endpoint: goString,
    url: goString,
    headers: goMap(goString, ""),
  });
  const read = decodeFirst(body, options, { endpoint: "example", url: "http://localhost:3000/", headers: new Map() });
  return read !== undefined && (read.url === addresses.inside || read.url === "http://localhost:3000/");
}

function replays(body: Uint8Array): boolean {
  const replay = goStruct({ id: goString, task: goString, recording: goString, clock: goWord("real", "fast") });
  const read = decodeFirst(body, replay, { id: "", task: "", recording: "", clock: "fast" });
  return read !== undefined && isDirty(storedScripts[read.task] ?? "", new Map());
}

/** A route, the members that its body has, and whether a body makes Kapacitor do what the policy forbids. */
export interface RouteModel {
  readonly method: string;
  readonly path: string;
  readonly members: readonly string[];
  readonly isHarmful: (body: Uint8Array) => boolean;
}

const api = "/kapacitor/v1";
const taskMembers = ["id", "template-id", "script", "status", "type", "vars", "dbrps"];

export const routeModels: readonly RouteModel[] = [
  { method: "POST", path: `${api}/tasks`, members: taskMembers, isHarmful: createsTask },
  {
    method: "PATCH",
    path: `${api}/tasks/clean`,
    members: taskMembers,
    isHarmful: (body) => changesTask("clean", body),
  },
  {
    method: "PATCH",
    path: `${api}/tasks/dirty`,
    members: taskMembers,
    isHarmful: (body) => changesTask("dirty", body),
  },
  { method: "POST", path: `${api}/templates`, members: ["id", "script", "type"], isHarmful: definesTemplate },
  { method: "PATCH", path: `${api}/templates/clean`, members: ["id", "script", "type"], isHarmful: definesTemplate },
  {
    method: "POST",
    path: `${api}/alerts/topics/ops/handlers`,
    members: ["id", "kind", "options", "match", "topic"],
    isHarmful: definesHandler,
  },
  {
    method: "PUT",
    path: `${api}/alerts/topics/ops/handlers/h`,
    members: ["id", "kind", "options", "match", "topic"],
    isHarmful: definesHandler,
  },
  {
    method: "POST",
    path: `${api}/config/smtp/`,
    members: ["set", "delete", "add", "remove"],
    isHarmful: (body) => changesSection("smtp", body),
  },
  {
    method: "POST",
    path: `${api}/config/telegram/`,
    members: ["set", "delete", "add", "remove"],
    isHarmful: (body) => changesSection("telegram", body),
  },
  {
    method: "POST",
    path: `${api}/service-tests/httppost`,
    members: ["endpoint", "url", "headers", "timeout"],
    isHarmful: runsTest,
  },
  { method: "POST", path: `${api}/replays`, members: ["id", "task", "recording", "clock"], isHarmful: replays },
];
