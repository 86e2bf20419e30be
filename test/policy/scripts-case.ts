import type { HandlerKindName } from "../../src/core/alert-handlers.ts";
import type { TaskVar } from "../../src/core/script-report.ts";

/** A script and what the policy must say about it. Where something is refused, ▸ (not part of the script) stands right before its place. */
export interface ScriptCase {
  readonly name: string;
  readonly script: string;
  /** A number of facts.ts that the case is about. */
  readonly fact?: string;
  /** `exec` and `log` when absent. */
  readonly disabled?: readonly HandlerKindName[];
  readonly udfs?: readonly string[];
  /** Of a task; `template` judges the script as a template. No vars when absent. */
  readonly vars?: Readonly<Record<string, TaskVar>> | "template";
  /** `allowed`, `unparsable`, or what the first finding is: the kind of the handler, or its rule where it is about none. */
  readonly expect: string;
}

export type Row = readonly [
  name: string,
  script: string,
  expect: string,
  more?: Omit<ScriptCase, "name" | "script" | "expect">,
];

export function cases(rows: readonly Row[]): readonly ScriptCase[] {
  return rows.map(([name, script, expect, more]) => ({ name, script, expect, ...more }));
}

export const text = (value: string): TaskVar => ({ type: "string", value });
export const list = (...values: readonly string[]): TaskVar => ({ type: "list", items: values.map(text) });

export const alert = "stream|from()|alert()";
