/** What {@link inspectScript} takes and tells. Offsets and lengths are UTF-16 units of the script. */
import type { SyntaxProblem } from "../tickscript/problem.ts";
import type { AddressForm, HandlerKindName } from "./alert-handlers.ts";

/** A value that comes with a task (`vars`), as far as a policy needs it: of the types without text only the type. */
export type TaskVar =
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "list"; readonly items: readonly TaskVar[] }
  | { readonly type: "bool" | "int" | "float" | "duration" | "regex" | "lambda" | "star" };

export interface ScriptRules {
  /** Handler kinds that a script may not use. */
  readonly disabled: ReadonlySet<HandlerKindName>;
  /** The only UDFs that a script may call; empty: all. */
  readonly udfs: ReadonlySet<string>;
  /**
   * The values of the task that the script belongs to; empty for a task without any. Absent for a template: then a var that is only declared (`var x string`) has no
   * value yet and any other may get another one, so the script must be judged again with each task that uses it.
   */
  readonly vars?: ReadonlyMap<string, TaskVar>;
}

export interface Span {
  readonly offset: number;
  readonly length: number;
}

export type FindingRule =
  /** A handler of a disabled kind; `handler` says which. */
  | "handler"
  /** A `|name` that is none of the documented ones. */
  | "chain"
  /** An `@name` that the operator did not list. */
  | "udf"
  /** An end point name of `|httpOut` that leaves the task's own path, or that is not constant. */
  | "http-out"
  /** A `.name` that is not documented for what stands on its left. */
  | "property";

/** Something that the policy refuses: reason `handler_disabled`. */
export interface Finding extends Span {
  readonly rule: FindingRule;
  readonly handler?: HandlerKindName;
  /** What is wrong and what to do about it, one line. */
  readonly text: string;
}

/**
 * A text that a script gives: constant, or one that nobody knows yet. `vars` are those it hangs on whose values did not come with the rules (at most 16
 * of them). Not constant and no vars: it cannot be followed, whatever the vars are.
 */
export type ScriptText =
  | { readonly constant: true; readonly value: string; readonly vars: readonly string[] }
  | { readonly constant: false; readonly vars: readonly string[] };

/** An address that Kapacitor will connect to because the script says so. */
export interface TargetUse extends Span {
  /** What connects: a handler kind, or the node `sideload`. */
  readonly user: HandlerKindName | "sideload";
  readonly form: AddressForm;
  readonly text: ScriptText;
}

/** A name of a topic that the script publishes to. */
export interface TopicUse extends Span {
  readonly text: ScriptText;
}

/** `dbrp "database"."retention policy"` */
export interface ScriptDbrp extends Span {
  readonly database: string;
  readonly retentionPolicy: string;
}

/** A `var` of the script, in its order. */
export interface ScriptVar extends Span {
  readonly name: string;
  /** Of `var name type`; undefined for `var name = value`. */
  readonly type: string | undefined;
}

export type ScriptReport =
  | { readonly ok: false; readonly problem: SyntaxProblem }
  | {
      readonly ok: true;
      /** Empty: nothing that the rules refuse. In the order of the script. */
      readonly findings: readonly Finding[];
      readonly targets: readonly TargetUse[];
      readonly topics: readonly TopicUse[];
      readonly dbrps: readonly ScriptDbrp[];
      readonly vars: readonly ScriptVar[];
      /** Kinds that the script uses, allowed or not. */
      readonly handlers: ReadonlySet<HandlerKindName>;
    };
