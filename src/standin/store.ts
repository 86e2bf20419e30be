import type { Vars } from "./vars.ts";

export interface Dbrp {
  readonly db: string;
  readonly rp: string;
}

export type TaskType = "stream" | "batch" | "invalid";

export interface StoredTask {
  readonly id: string;
  /** "" when the task has a script of its own. */
  readonly templateId: string;
  readonly type: TaskType;
  readonly dbrps: readonly Dbrp[];
  readonly script: string;
  readonly status: "enabled" | "disabled";
  readonly vars: Vars;
  readonly created: string;
  readonly modified: string;
  readonly lastEnabled: string;
}

export interface StoredTemplate {
  readonly id: string;
  readonly type: TaskType;
  readonly script: string;
  readonly created: string;
  readonly modified: string;
}

/** What the stand-in has stored. Nothing of it is ever executed. */
export class Store {
  readonly tasks = new Map<string, StoredTask>();
  readonly templates = new Map<string, StoredTemplate>();
  /** Kapacitor keeps these apart from the tasks: they are gone with the template, whatever a task says. */
  readonly #tasksOfTemplate = new Map<string, Set<string>>();

  associate(templateId: string, taskId: string): void {
    const tasks = this.#tasksOfTemplate.get(templateId) ?? new Set();
    this.#tasksOfTemplate.set(templateId, tasks.add(taskId));
  }

  dissociate(templateId: string, taskId: string): void {
    this.#tasksOfTemplate.get(templateId)?.delete(taskId);
  }

  /** The ids of the tasks that follow a template. */
  associated(templateId: string): readonly string[] {
    return [...(this.#tasksOfTemplate.get(templateId) ?? [])];
  }

  dissociateAll(templateId: string): void {
    this.#tasksOfTemplate.delete(templateId);
  }
}
