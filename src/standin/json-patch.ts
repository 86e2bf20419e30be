/**
 * RFC 6902 as evanphx/json-patch applies it in Kapacitor: its copy of 2016 in 1.5, release 4.9.0 from 1.6 on. Pointers may
 * have any text before their first slash, member names of operations are exact, a patch may leave names that fold alike.
 */
import type { Buffer } from "node:buffer";
import { GoJsonError, onlyValue, type Tree } from "./go-json.ts";
import { compareText } from "./go-json-write.ts";

/** The Go code panics here: the daemon survives, the connection is closed without an answer. */
export class GoPanic extends Error {}

/** Why a patch does not apply. */
export class PatchError extends Error {}

/** A document under change; null stands for Go's nil node, which is what JSON's null becomes. */
type Node = Map<string, Node> | Node[] | Exclude<Tree, { kind: "array" | "object" | "null" }> | null;
type Container = Map<string, Node> | Node[];
type Operation = ReadonlyMap<string, Tree>;

/** `jsonpatch.DecodePatch`. Throws GoJsonError. */
export function decodePatch(body: Buffer): readonly Operation[] {
  const tree = onlyValue(body);
  if (tree.kind === "null") return [];
  if (tree.kind !== "array")
    throw new GoJsonError(`json: cannot unmarshal ${tree.kind} into Go value of type jsonpatch.Patch`);
  return tree.items.map((item) => {
    if (item.kind === "null") return new Map();
    if (item.kind === "object") return new Map(item.members);
    throw new GoJsonError(`json: cannot unmarshal ${item.kind} into Go value of type jsonpatch.operation`);
  });
}

/** Applies the operations to a copy; members come out sorted, as Go writes a map. Throws PatchError and GoPanic. */
export function applyPatch(document: Tree, operations: readonly Operation[], modern: boolean): Tree {
  const root = toNode(document) as Map<string, Node>;
  for (const operation of operations) apply(root, operation, modern);
  return toTree(root);
}

function apply(root: Map<string, Node>, operation: Operation, modern: boolean): void {
  const kind = member(operation, "op");
  const locate = (pointer: string, role = "path") => {
    const found = find(root, pointer, modern);
    if (found !== undefined) return found;
    throw new PatchError(`jsonpatch ${kind} operation does not apply: doc is missing ${role}: ${pointer}`);
  };
  const value = () => toNode(operation.get("value") ?? { kind: "null" });
  if (kind === "add") {
    const { container, key } = locate(member(operation, "path"));
    insert(container, key, value());
  } else if (kind === "replace") {
    const { container, key } = locate(member(operation, "path"));
    put(container, key, value());
  } else if (kind === "remove") {
    const { container, key } = locate(member(operation, "path"));
    take(container, key);
  } else if (kind === "move") {
    const from = locate(member(operation, "from"), "from path");
    const moved = get(from.container, from.key);
    take(from.container, from.key);
    const to = locate(member(operation, "path"), "destination path");
    if (modern) insert(to.container, to.key, moved);
    else put(to.container, to.key, moved);
  } else if (kind === "copy" && modern) {
    const from = locate(member(operation, "from"), "from path");
    const copied = toNode(toTree(get(from.container, from.key)));
    const to = locate(member(operation, "path"), "destination path");
    insert(to.container, to.key, copied);
  } else if (kind === "test") {
    const pointer = member(operation, "path");
    const { container, key } = locate(pointer);
    if (!equal(get(container, key), value())) throw new PatchError(`Testing value ${pointer} failed`);
  } else {
    throw new PatchError(`Unexpected kind: ${kind}`);
  }
}

function member(operation: Operation, name: string): string {
  const tree = operation.get(name);
  return tree?.kind === "string" ? tree.value : "unknown";
}

/** The container that a pointer's last part is a key of; undefined when there is none. */
function find(root: Container, pointer: string, modern: boolean): { container: Container; key: string } | undefined {
  const parts = pointer.split("/");
  if (parts.length < 2) {
    if (modern) return undefined;
    throw new GoPanic("slice bounds out of range [1:0]");
  }
  let container = root;
  for (const part of parts.slice(1, -1)) {
    const next = get(container, unescapePointer(part));
    if (!(next instanceof Map) && !Array.isArray(next)) return undefined;
    container = next;
  }
  return { container, key: unescapePointer(parts.at(-1) ?? "") };
}

function unescapePointer(part: string): string {
  return part.replace(/~[01]/g, (found) => (found === "~1" ? "/" : "~"));
}

function get(container: Container, key: string): Node {
  if (container instanceof Map) return container.get(key) ?? null;
  const at = index(key);
  if (at < 0) throw new GoPanic("index out of range");
  if (at >= container.length) throw new PatchError(`Unable to access invalid index: ${at}`);
  return container[at] ?? null;
}

function insert(container: Container, key: string, value: Node): void {
  if (container instanceof Map) {
    container.set(key, value);
  } else if (key === "-") {
    container.push(value);
  } else {
    const at = index(key);
    if (at < 0 || at > container.length) throw new GoPanic("slice bounds out of range");
    container.splice(at, 0, value);
  }
}

function put(container: Container, key: string, value: Node): void {
  if (container instanceof Map) {
    container.set(key, value);
  } else if (key === "-") {
    container.push(value);
  } else {
    const at = index(key);
    if (at < 0) throw new GoPanic("index out of range");
    while (container.length < at) container.push(null);
    container[at] = value;
  }
}

function take(container: Container, key: string): void {
  if (container instanceof Map) {
    if (!container.delete(key)) throw new PatchError(`Unable to remove nonexistent key: ${key}`);
    return;
  }
  const at = index(key);
  if (at < 0) throw new GoPanic("slice bounds out of range");
  if (at >= container.length) throw new PatchError(`Unable to remove invalid index: ${at}`);
  container.splice(at, 1);
}

/** `strconv.Atoi`, bounded so that a put far behind the end cannot take all memory. */
function index(key: string): number {
  if (!/^[+-]?\d{1,6}$/.test(key)) throw new PatchError(`strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`);
  return Number(key);
}

/** Objects are equal when every member of the left one is in the right one: that is how the library compares. */
function equal(left: Node, right: Node): boolean {
  if (left === null || right === null) return left === right;
  if (left instanceof Map) {
    return (
      right instanceof Map && [...left].every(([key, value]) => right.has(key) && equal(value, right.get(key) ?? null))
    );
  }
  if (Array.isArray(left)) {
    return (
      Array.isArray(right) && left.length === right.length && left.every((item, at) => equal(item, right[at] ?? null))
    );
  }
  return !(right instanceof Map) && !Array.isArray(right) && JSON.stringify(left) === JSON.stringify(right);
}

function toNode(tree: Tree): Node {
  if (tree.kind === "null") return null;
  if (tree.kind === "object") return new Map(tree.members.map(([name, value]) => [name, toNode(value)]));
  return tree.kind === "array" ? tree.items.map(toNode) : tree;
}

function toTree(node: Node): Tree {
  if (node === null) return { kind: "null" };
  if (Array.isArray(node)) return { kind: "array", items: node.map(toTree) };
  if (!(node instanceof Map)) return node;
  const sorted = [...node].sort(([left], [right]) => compareText(left, right));
  return { kind: "object", members: sorted.map(([name, value]) => [name, toTree(value)] as const) };
}
