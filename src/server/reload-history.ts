import type { Problem } from "../problem.ts";

/** What is read again: the configuration with all that it names, or only the files that it names. */
export type ReloadKind = "configuration" | "files";

/** How reloading went, for status and metrics. */
export interface ReloadStatus {
  /** Whether what runs is what configuration and files last said: `kapgate_config_last_reload_successful`. */
  readonly successful: boolean;
  /** When what runs was read: the start or the last successful reload. */
  readonly loadedAt: Date;
  /** The last attempt; undefined before the first. */
  readonly last: { readonly kind: ReloadKind; readonly at: Date; readonly successful: boolean } | undefined;
  /** What is wrong with what was refused, and the warnings about what runs. No secrets. */
  readonly problems: readonly Problem[];
}

export interface ReloadHistory {
  status(): ReloadStatus;
  /** Notes the warnings about what was started with. */
  started(warnings: readonly Problem[]): void;
  /** Notes a reload that was taken, with its warnings. */
  taken(kind: ReloadKind, warnings: readonly Problem[]): void;
  /** Notes one that was refused. */
  refused(kind: ReloadKind, problems: readonly Problem[]): void;
}

/**
 * Remembers what became of reloads. A configuration that was refused stays a failure until one is taken, whatever becomes of the files
 * meanwhile; a configuration that is taken has read the files as well.
 */
export function createReloadHistory(now: () => Date = () => new Date()): ReloadHistory {
  const failures = new Map<ReloadKind, readonly Problem[]>();
  let current: readonly Problem[] = [];
  let loadedAt = now();
  let last: ReloadStatus["last"];
  return {
    status: () => ({
      successful: failures.size === 0,
      loadedAt,
      last,
      problems: [...[...failures.values()].flat(), ...current],
    }),
    started: (warnings) => {
      current = warnings;
    },
    taken: (kind, problems) => {
      failures.delete("files");
      failures.delete(kind);
      current = problems;
      loadedAt = now();
      last = { kind, at: loadedAt, successful: true };
    },
    refused: (kind, problems) => {
      failures.set(kind, problems);
      last = { kind, at: now(), successful: false };
    },
  };
}
