/**
 * JSON Patch (RFC 6902) as Kapacitor applies it to a stored topic handler: the library of 1.5 (evanphx/json-patch of 2016) and of 1.6 and later (4.9).
 * Only patches that both take for the same thing are applied; where the two differ, or one ends the request with a panic, the patch is refused.
 */
import type { JsonNode } from "./json.ts";
import { readStruct } from "./json-readers.ts";

export type PatchResult =
  | { readonly ok: true; readonly document: JsonNode }
  | { readonly ok: false; readonly text: string; readonly offset: number };

class PatchError extends Error {}

const deepest = 32;
const mostOperations = 1000;
/** Operations times values: each operation may look at, and copy, every member of what it changes. */
const mostWork = 10_000_000;

/**
 * The document after the patch. `test` is taken to hold: when it does not, Kapacitor changes nothing. `replace` of what is not there adds it, as in 1.5; later releases
 * change nothing then. Never throws.
 */
export function applyPatch(document: JsonNode, patch: JsonNode): PatchResult {
  if (patch.kind !== "array") return { ok: false, text: "a patch is an array of operations", offset: patch.start };
  if (patch.items.length > mostOperations) {
    return { ok: false, text: `a patch has at most ${mostOperations} operations`, offset: patch.start };
  }
  if (patch.items.length * (valuesOf(document) + valuesOf(patch)) > mostWork) {
    return { ok: false, text: "so many operations on so large a handler are not judged", offset: patch.start };
  }
  let result = document;
  for (const operation of patch.items) {
    try {
      result = applyOperation(result, operation);
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      return { ok: false, text: error.message, offset: operation.start };
    }
  }
  return { ok: true, document: result };
}

function valuesOf(node: JsonNode): number {
  let count = 1;
  if (node.kind === "array") for (const item of node.items) count += valuesOf(item);
  if (node.kind === "object") for (const { value } of node.members) count += valuesOf(value);
  return count;
}

function applyOperation(document: JsonNode, operation: JsonNode): JsonNode {
  // Go decodes an operation into a map: other spellings of its members mean nothing, and are refused because they look as if they did.
  const members = readStruct(operation, ["op", "path", "from", "value"]);
  if (!members.ok) throw new PatchError(`in an operation: ${members.text}`);
  const op = members.get("op");
  if (op?.kind !== "string") throw new PatchError(`an operation has no "op"`);
  const path = readPointer(members.get("path"), "path");
  switch (op.value) {
    case "add":
    case "replace":
      return put(document, path, givenValue(operation), op.value);
    case "remove":
      return remove(document, path);
    case "move": {
      const from = readPointer(members.get("from"), "from");
      return put(remove(document, from), path, valueAt(document, from), "set");
    }
    case "copy":
      return put(document, path, valueAt(document, readPointer(members.get("from"), "from")), "set");
    case "test":
      givenValue(operation);
      return document;
    default:
      throw new PatchError(`the operation ${JSON.stringify(op.value.slice(0, 40))} is none of RFC 6902`);
  }
}

/** `null` is a value here. */
function givenValue(operation: JsonNode): JsonNode {
  const given = operation.kind === "object" ? operation.members.find(({ name }) => name === "value") : undefined;
  if (given === undefined) throw new PatchError(`an operation has no "value"`);
  return given.value;
}

/** The decoded steps of a pointer. Whatever stands before the first slash means nothing to Kapacitor; here nothing may. */
function readPointer(node: JsonNode | undefined, name: string): readonly string[] {
  if (node?.kind !== "string") throw new PatchError(`an operation has no "${name}"`);
  const [lead, ...steps] = node.value.split("/");
  if (lead !== "" || steps.length === 0) throw new PatchError(`"${name}" must begin with a slash`);
  if (steps.length > deepest) throw new PatchError(`"${name}" has more than ${deepest} steps`);
  return steps.map((step) => {
    if (/~(?![01])/.test(step)) throw new PatchError(`"${name}" holds a tilde that escapes nothing`);
    return step.replaceAll("~1", "/").replaceAll("~0", "~");
  });
}

function missing(step: string): PatchError {
  return new PatchError(`the stored handler has no ${JSON.stringify(step.slice(0, 40))} there`);
}

function valueAt(node: JsonNode, path: readonly string[]): JsonNode {
  const [step, ...rest] = path;
  if (step === undefined) return node;
  return valueAt(childOf(node, step), rest);
}

function childOf(node: JsonNode, step: string): JsonNode {
  if (node.kind === "object") {
    const found = node.members.filter(({ name }) => name === step);
    if (found.length > 1) throw new PatchError(`the member ${JSON.stringify(step.slice(0, 40))} is there twice`);
    if (found[0] === undefined) throw missing(step);
    return found[0].value;
  }
  if (node.kind === "array") {
    const child = node.items[indexOf(step)];
    if (child !== undefined) return child;
  }
  throw missing(step);
}

function indexOf(step: string): number {
  if (!/^(?:0|[1-9][0-9]{0,5})$/.test(step)) throw new PatchError("an index into a list is not a plain number");
  return Number(step);
}

type Change = (parent: JsonNode, step: string) => JsonNode;

/** The document with the parent of the last step changed. */
function change(node: JsonNode, path: readonly string[], apply: Change): JsonNode {
  const [step = "", ...rest] = path;
  if (rest.length === 0) return apply(node, step);
  return replaceChild(node, step, change(childOf(node, step), rest, apply));
}

function replaceChild(node: JsonNode, step: string, value: JsonNode): JsonNode {
  if (node.kind === "object") {
    const members = node.members.map((member) => (member.name === step ? { ...member, value } : member));
    return { ...node, members };
  }
  if (node.kind === "array") return { ...node, items: node.items.with(indexOf(step), value) };
  throw missing(step);
}

/** `set` is what move and copy do; into a list the two libraries do it in two ways. */
function put(document: JsonNode, path: readonly string[], value: JsonNode, how: "add" | "replace" | "set"): JsonNode {
  return change(document, path, (parent, step) => {
    if (parent.kind === "object") {
      if (parent.members.some(({ name }) => name === step)) return replaceChild(parent, step, value);
      return { ...parent, members: [...parent.members, { name: step, offset: value.start, value }] };
    }
    if (parent.kind !== "array" || how === "set") throw missing(step);
    const index = how === "add" && step === "-" ? parent.items.length : indexOf(step);
    if (index > parent.items.length - (how === "add" ? 0 : 1)) throw missing(step);
    return { ...parent, items: parent.items.toSpliced(index, how === "add" ? 0 : 1, value) };
  });
}

function remove(document: JsonNode, path: readonly string[]): JsonNode {
  return change(document, path, (parent, step) => {
    childOf(parent, step);
    if (parent.kind === "object") return { ...parent, members: parent.members.filter(({ name }) => name !== step) };
    if (parent.kind === "array") return { ...parent, items: parent.items.toSpliced(indexOf(step), 1) };
    throw missing(step);
  });
}
