import type { Plain } from "./go-json-shapes.ts";
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

/** A topic handler, as Kapacitor keeps it (services/alert/dao.go). */
export interface StoredHandler {
  readonly id: string;
  readonly topic: string;
  readonly kind: string;
  /** null when the request had none. */
  readonly options: ReadonlyMap<string, Plain> | null;
  readonly match: string;
}

export interface StoredRecording {
  readonly id: string;
  readonly type: "stream" | "batch";
  readonly date: string;
}

export interface StoredReplay {
  readonly id: string;
  readonly task: string;
  /** "" for live replays. */
  readonly recording: string;
  readonly recordingTime: boolean;
  readonly clock: string;
  readonly date: string;
}

/** What was set over the configuration of one element of a section. */
export interface Override {
  /** The element exists only because of this. */
  readonly create: boolean;
  readonly options: ReadonlyMap<string, Plain>;
}

/** What the stand-in has stored. Nothing of it is ever executed. */
export class Store {
  readonly tasks = new Map<string, StoredTask>();
  readonly templates = new Map<string, StoredTemplate>();
  readonly recordings = new Map<string, StoredRecording>();
  readonly replays = new Map<string, StoredReplay>();
  /** By section and element, `slack/` and `slack/ops`. */
  readonly overrides = new Map<string, Override>();
  /** A topic exists from its first handler on, and until it is deleted, whatever becomes of its handlers. */
  readonly topics = new Set<string>();
  /** Points taken, by the JSON of database, retention policy and measurement. */
  readonly ingress = new Map<string, number>();
  readonly #handlers = new Map<string, Map<string, StoredHandler>>();
  /** Kapacitor keeps these apart from the tasks: they are gone with the template, whatever a task says. */
  readonly #tasksOfTemplate = new Map<string, Set<string>>();

  /** Counts a point. At most a thousand series are told apart. */
  count(db: string, rp: string, measurement: string): void {
    const key = JSON.stringify([db, rp, measurement]);
    const before = this.ingress.get(key);
    if (before !== undefined || this.ingress.size < 1_000) this.ingress.set(key, (before ?? 0) + 1);
  }

  handler(topic: string, id: string): StoredHandler | undefined {
    return this.#handlers.get(topic)?.get(id);
  }

  handlersOf(topic: string): readonly StoredHandler[] {
    return [...(this.#handlers.get(topic)?.values() ?? [])];
  }

  handlers(): readonly StoredHandler[] {
    return [...this.#handlers.values()].flatMap((ofTopic) => [...ofTopic.values()]);
  }

  setHandler(handler: StoredHandler): void {
    const ofTopic = this.#handlers.get(handler.topic) ?? new Map<string, StoredHandler>();
    this.#handlers.set(handler.topic, ofTopic.set(handler.id, handler));
    this.topics.add(handler.topic);
  }

  deleteHandler(topic: string, id: string): void {
    this.#handlers.get(topic)?.delete(id);
  }

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
