import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import type { Source } from "../config/source.ts";
import { formatProblem, type Problem } from "../problem.ts";
import type { Gateway } from "./gateway.ts";
import type { Preparation, Prepared } from "./prepare.ts";
import type { ReloadKind } from "./reload-history.ts";
import { type Contents, contentsOf, createFileWatch } from "./watch-files.ts";

/** A configuration that was read with all that it names. */
export interface Reading extends Preparation {
  readonly source: Source;
  /** The files that it names, and what they held before they were read for it: a later change is one that it does not know. */
  readonly files: readonly string[];
  readonly contents: Contents;
}

/** A reading that can be served. */
export interface GoodReading extends Reading {
  readonly prepared: Prepared;
}

/**
 * Reads the configuration again.
 * @param running what stays in force where it takes a restart to change
 * @param source taken as it is in place of the configuration file
 */
export type Read = (running: Config, source: Source | undefined) => Promise<Reading>;

export interface Reloader {
  /** Reads everything again, after a reload that is under way. Resolves with whether it was taken. */
  reload(): Promise<boolean>;
  /** Does nothing from now on. */
  stop(): void;
}

/** How soon files that were refused are tried again although they are the same: a certificate may not be valid yet. */
const retryMs = 60_000;

/**
 * Reloads on request and when a file changes that the configuration names. What is right is swapped at once; what is wrong with it is
 * logged, and everything that runs stays as it is: nothing is taken in part. A change of a file is no reason to read the configuration,
 * which somebody may be editing.
 */
export function createReloader(
  gateway: Pick<Gateway, "replace" | "reloads">,
  first: GoodReading,
  read: Read,
  log: Logger,
  pollMs?: number,
): Reloader {
  let running = first;
  let warned = new Set(first.problems.map(formatProblem));
  let failed: ReadonlySet<string> = new Set();
  let stopped = false;
  let under: Promise<boolean> = Promise.resolve(true);
  let queued: Promise<boolean> | undefined;
  let retry: NodeJS.Timeout | undefined;

  const refuse = (kind: ReloadKind, problems: readonly Problem[]): void => {
    gateway.reloads.refused(kind, problems);
    for (const problem of problems)
      if (!failed.has(formatProblem(problem)))
        log.error({ ...problem, cause: kind }, "reload refused, the running configuration stays");
    failed = new Set(problems.map(formatProblem));
  };

  const take = (kind: ReloadKind, reading: GoodReading, changed: readonly string[]): void => {
    const { prepared, problems } = reading;
    const before = running.prepared.tls?.certificate;
    gateway.replace(prepared);
    running = reading;
    gateway.reloads.taken(kind, problems);
    log.level = prepared.config.logging.level.toLowerCase();
    for (const problem of problems) {
      const { source, line, key, text } = problem;
      // A change of a file is no occasion to repeat what is known.
      if (kind === "configuration" || !warned.has(formatProblem(problem))) log.warn({ source, line, key }, text);
    }
    warned = new Set(problems.map(formatProblem));
    failed = new Set();
    const certificate = prepared.tls?.certificate;
    log.info(
      {
        cause: kind,
        files: changed.length === 0 ? undefined : changed,
        certificate: certificate?.fingerprint === before?.fingerprint ? undefined : certificate,
      },
      "reloaded",
    );
  };

  const attempt = async (asked: ReloadKind, changed: readonly string[]): Promise<boolean> => {
    clearTimeout(retry);
    const reading = await readSafely(asked);
    if (stopped) return false;
    const { prepared } = reading;
    if (prepared !== undefined) {
      take(asked, { ...reading, prepared }, changed);
      watch.watch(reading.files, reading.contents);
      return true;
    }
    // The configuration as it runs, refused because of a file that it names: when the file is mended, all is well.
    const kind = isDeepStrictEqual(treeOf(reading), treeOf(running)) ? "files" : asked;
    // Who asked for it gets an answer, news or not.
    if (asked === "configuration") failed = new Set();
    refuse(kind, reading.problems);
    watch.watch(running.files, kind === "files" ? reading.contents : running.contents);
    if (kind === "files") retry = setTimeout(() => void start("files", []), retryMs).unref();
    return false;
  };

  const readSafely = async (kind: ReloadKind): Promise<Reading> => {
    try {
      return await read(running.prepared.config, kind === "files" ? running.source : undefined);
    } catch (error) {
      const problem: Problem = { severity: "error", text: `could not be read: ${String(error)}` };
      return { ...running, prepared: undefined, problems: [problem] };
    }
  };

  /** One at a time, so that what was read last is what runs. */
  const start = (kind: ReloadKind, changed: readonly string[]): Promise<boolean> => {
    under = under.then(() =>
      attempt(kind, changed).catch(async (error: unknown) => {
        refuse(kind, [{ severity: "error", text: `could not be taken: ${String(error)}` }]);
        watch.watch(running.files, await contentsOf(running.files));
        return false;
      }),
    );
    return under;
  };

  const watch = createFileWatch((changed) => void start("files", changed), pollMs);
  watch.watch(first.files, first.contents);
  gateway.reloads.started(first.problems);

  return {
    reload: () => {
      // Who comes while one waits shares it.
      queued ??= under.then(() => {
        queued = undefined;
        return start("configuration", []);
      });
      return queued;
    },
    stop: () => {
      stopped = true;
      clearTimeout(retry);
      watch.stop();
    },
  };
}

function treeOf({ source }: Reading): unknown {
  return source.ok ? source.tree : undefined;
}
