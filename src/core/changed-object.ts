import { handlerOfPath } from "./inspect-handler.ts";
import { parseJson } from "./json.ts";
import { foldName } from "./json-readers.ts";
import { classInfo, type RouteClass, type RouteMatch } from "./routes.ts";

type Route = Extract<RouteMatch, { readonly kind: "route" }>;

/** What a call changes, in the words of `accepted` where it has them: `task:cpu`, `handler:ops/restart`. */
export interface ChangedObject {
  readonly object: string;
  /** The name that the object gets, where it gets another. */
  readonly newName: string | undefined;
}

/** Names are cut behind this: whoever may define things may make them up. */
const longestName = 256;
/** Larger bodies are not read for a name. */
const longestBody = 262_144;

/** Whether requests of a class change what Kapacitor stores or runs. Points that are written are its business, not a change of it. */
export function isChange(routeClass: RouteClass): boolean {
  return routeClass !== "write" && classInfo(routeClass).access !== "read";
}

/** What stands before the names of what is changed below a path; without a name it stands alone. */
const words: readonly (readonly [pattern: string, word: string])[] = [
  ["/tasks", "task"],
  ["/templates", "template"],
  ["/recordings", "recording"],
  ["/replays", "replay"],
  ["/config/", "config"],
  ["/service-tests/", "service-test"],
  ["/storage/", "storage"],
  ["/users", "user"],
  ["/api/v2/tasks", "flux-task"],
  ["/loglevel", "loglevel"],
  ["/subscriptions", "subscriptions"],
  ["/sideload", "sideload"],
];

/** The routes whose path has no name in it; the body or the answer has. */
const creating = /^(?:\/tasks|\/templates|\/users|\/api\/v2\/tasks|\/recordings\/.+|\/replays(?:\/.+)?)$/;

/** The routes where a name in the body is another one for what the path names. */
const renaming: readonly string[] = ["/tasks/", "/templates/", "/api/v2/tasks/"];

/**
 * Names what a request changes, from its path and from the name in its body.
 * @param named the name in the body, or else the one that Kapacitor gave it
 */
export function changedObject({ pattern, rest }: Route, named: string | undefined): ChangedObject {
  if (pattern === "/alerts/topics/") return changedTopic(rest, named);
  const word = words.find(([start]) => pattern.startsWith(start))?.[1] ?? "object";
  const isNew = rest === "" && creating.test(pattern);
  const name = isNew ? named : rest.replace(/\/+$/, "");
  return {
    object: name === undefined || name === "" ? word : `${word}:${cut(name)}`,
    newName: isNew || !renaming.includes(pattern) ? undefined : another(name, named),
  };
}

/** The topic is the first segment of the path; a handler is created below it and named by the body (services/alert/api.go). */
function changedTopic(rest: string, named: string | undefined): ChangedObject {
  const handler = handlerOfPath(rest);
  const [topic = ""] = rest.split("/", 1);
  if (handler !== undefined)
    return { object: `handler:${cut(topic)}/${cut(handler.id)}`, newName: another(handler.id, named) };
  if (named !== undefined) return { object: `handler:${cut(topic)}/${cut(named)}`, newName: undefined };
  return { object: `topic:${cut(topic)}`, newName: undefined };
}

function another(name: string | undefined, named: string | undefined): string | undefined {
  return named === undefined || named === "" || named === name ? undefined : cut(named);
}

function cut(name: string): string {
  return name.length > longestName ? `${name.slice(0, longestName)}…` : name;
}

/**
 * The name that a body gives to what it defines, as Go reads it: the last member that is called `id`, whatever its case, or `name` for users.
 * undefined when there is none, when the body is no JSON object, or too long to be read for this.
 */
export function nameInBody(pattern: string, body: Uint8Array): string | undefined {
  if (body.length === 0 || body.length > longestBody) return undefined;
  const reading = parseJson(body);
  if (!reading.ok || reading.value.kind !== "object") return undefined;
  const field = pattern.startsWith("/users") ? "name" : "id";
  const member = reading.value.members.findLast(({ name }) => foldName(name) === field);
  return member?.value.kind === "string" && member.value.value !== "" ? member.value.value : undefined;
}

/** The name in the link that Kapacitor's answer to a definition begins with; `start` may end anywhere. */
export function nameInAnswer(start: string): string | undefined {
  const [, path] = /^\s*\{\s*"link"\s*:\s*\{\s*"rel"\s*:\s*"self"\s*,\s*"href"\s*:\s*"([^"\\]+)"/.exec(start) ?? [];
  const last = path?.split("/").at(-1);
  if (last === undefined || last === "") return undefined;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
