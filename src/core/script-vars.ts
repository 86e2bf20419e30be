/** The `vars` of a task: what Kapacitor makes of them (client/v1/client.go and services/task_store, the same from 1.5 to 1.8). */
import { parseExpression } from "../tickscript/parser.ts";
import type { JsonNode } from "./json.ts";
import { type Refused, readMap, readStruct } from "./json-readers.ts";
import type { TaskVar } from "./script-report.ts";

export type TaskVarsReading = { readonly ok: true; readonly vars: ReadonlyMap<string, TaskVar> } | Refused;

/**
 * Reads the JSON of `vars`: names of the script with `{"type": …, "value": …, "description": …}`. Names are compared as they are, so any distinct ones are legal. Refused is what
 * could be read in two ways, and a var without a type that Kapacitor knows or whose value is not of that type (Kapacitor takes neither). `null` and an absent
 * member are no vars.
 */
export function readTaskVars(node: JsonNode | undefined): TaskVarsReading {
  const vars = new Map<string, TaskVar>();
  if (node === undefined) return { ok: true, vars };
  const map = readMap(node);
  if (!map.ok) return map;
  for (const [name, member] of map.entries) {
    const fields = readStruct(member, ["type", "value", "description"]);
    if (!fields.ok) return fields;
    const given = readVar(fields.get("type"), fields.get("value"), member.start);
    if ("ok" in given) return given;
    vars.set(name, given);
  }
  return { ok: true, vars };
}

function readVar(type: JsonNode | undefined, value: JsonNode | undefined, offset: number): TaskVar | Refused {
  switch (type?.kind === "string" ? type.value : undefined) {
    case "string":
      if (value?.kind !== "string") return refused("a var of the type string needs a text as its value", offset);
      return { type: "string", value: value.value };
    case "list":
      return readList(value, offset);
    case "bool":
      return { type: "bool" };
    case "int":
      return { type: "int" };
    case "float":
      return { type: "float" };
    case "duration":
      return { type: "duration" };
    case "regex":
      return { type: "regex" };
    case "lambda":
      return readLambda(value, offset);
    case "star":
      return { type: "star" };
    default:
      return refused("a var needs a type: bool, int, float, duration, string, regex, lambda, star or list", offset);
  }
}

/** Kapacitor reads it with the parser of scripts, whose lexer ends the whole daemon at some that it cannot read (`/\u00e9/`). */
function readLambda(value: JsonNode | undefined, offset: number): TaskVar | Refused {
  if (value?.kind !== "string") return refused("a var of the type lambda needs a text as its value", offset);
  const parsed = parseExpression(value.value);
  if (parsed.ok) return { type: "lambda" };
  const { line, column, message } = parsed.problem;
  return refused(`the lambda of a var, line ${line}:${column}: ${message}`, offset);
}

/** The items are decoded into maps, not structs: their member names are compared as they are. */
function readList(value: JsonNode | undefined, offset: number): TaskVar | Refused {
  if (value?.kind !== "array") return refused("a var of the type list needs an array as its value", offset);
  const items: TaskVar[] = [];
  for (const item of value.items) {
    const map = readMap(item);
    if (!map.ok) return map;
    const given = readVar(map.entries.get("type"), map.entries.get("value"), item.start);
    if ("ok" in given) return given;
    items.push(given);
  }
  return { type: "list", items };
}

function refused(text: string, offset: number): Refused {
  return { ok: false, text, offset };
}
