/** From what zod says to findings in the operator's words, and the tree without what was found wrong. */
import type { z } from "zod";
import { hintFor } from "./hints.ts";
import { sections } from "./schema.ts";
import { nearest } from "./suggest.ts";
import { copyTable, type Finding, type Path, setAt, type Table, valueAt } from "./tree.ts";

/** One finding per key that is unknown or does not hold what it should. */
export function findingsOf(issues: readonly z.core.$ZodIssue[], tree: Table): readonly Finding[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((step) => typeof step !== "symbol");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => error([...path, key], unknownKey(path, key)));
    }
    const missing = valueAt(tree, path) === undefined;
    return [error(path, missing ? `is required, and ${issue.message}` : issue.message)];
  });
}

/**
 * The tree with everything that the findings name taken out, so that the checks that compare keys can still run.
 * Required keys get a placeholder; the caller leaves out what those checks say about a key that was wrong already.
 */
export function withoutFindings(findings: readonly Finding[], tree: Table): Table {
  const result = copyTable(tree);
  for (const { path } of findings) {
    const end = path.findLastIndex((step) => typeof step === "string");
    const whole = path.slice(0, end + 1);
    setAt(result, whole, placeholderOf(whole));
  }
  return result;
}

function placeholderOf(path: Path): string | undefined {
  if (path[0] !== "user" || path.length !== 3) return undefined;
  return path[2] === "role" ? "admin" : path[2] === "name" ? `user-${path[1]}` : undefined;
}

function unknownKey(path: Path, key: string): string {
  const [name] = path;
  if (path.length === 0) {
    const near = nearest(
      key,
      sections.map((section) => section.name),
    );
    return `unknown section${hintFor(key) ?? (near === undefined ? "" : `; did you mean ${near}?`)}`;
  }
  const section = sections.find((candidate) => candidate.name === name);
  const known = Object.keys(section?.keys ?? {});
  const hint = hintFor(`${name}.${key}`);
  if (hint !== undefined) return `unknown key${hint}`;
  const elsewhere = sections.find((candidate) => Object.hasOwn(candidate.keys, key));
  const near = nearest(key, known);
  if (near !== undefined) return `unknown key; did you mean ${near}?`;
  return elsewhere === undefined ? "unknown key" : `unknown key; it belongs into [${elsewhere.name}]`;
}

function error(path: Path, text: string): Finding {
  return { severity: "error", path, text };
}
