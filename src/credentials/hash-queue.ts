/** One verification that waits for its turn. */
export interface HashJob {
  /** Who asks (a client address): places are given in turn, however many jobs one of them has. */
  readonly source: string;
  /** Never two jobs of one user at a time. */
  readonly user: string;
  /** The time, on the clock of the queue, before which it should not begin; asked whenever a place is free. */
  readonly readyAt: () => number;
  /** Does it; `started` says that a place was taken for it. */
  readonly run: () => Promise<boolean>;
}

/** `refused`: there was no room, or no place in time. A job that throws rejects. */
export type HashOutcome = { readonly kind: "done"; readonly right: boolean } | { readonly kind: "refused" };

export interface HashQueueOptions {
  /** Jobs at a time. */
  readonly concurrency: number;
  /** Jobs that wait, of all sources; 256 unless told. */
  readonly waiting?: number;
  /** Jobs that wait, of one source; 32 unless told. */
  readonly waitingPerSource?: number;
  /** Milliseconds that a job waits for its turn, 10 seconds unless told. */
  readonly patience?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Runs something after so many milliseconds; what it returns cancels that. */
  readonly schedule: (run: () => void, milliseconds: number) => () => void;
}

/** Where password hashing waits: a few at a time, one per user, in turn by client address, bounded in number and time. */
export interface HashQueue {
  readonly submit: (job: HashJob) => Promise<HashOutcome>;
  readonly waiting: () => number;
  readonly running: () => number;
}

interface Waiting {
  readonly job: HashJob;
  readonly deadline: number;
  readonly settle: PromiseWithResolvers<HashOutcome>;
}

export function createHashQueue(options: HashQueueOptions): HashQueue {
  const { concurrency, waiting: most = 256, waitingPerSource = 32, patience = 10_000, now, schedule } = options;
  // In order of their turn; a source that got a place goes to the end.
  const sources = new Map<string, Waiting[]>();
  const busyUsers = new Set<string>();
  let waiting = 0;
  let cancelTimer = () => {};

  function remove(source: string, queue: Waiting[], index: number): void {
    queue.splice(index, 1);
    waiting -= 1;
    sources.delete(source);
    if (queue.length > 0) sources.set(source, queue);
  }

  function takeNext(): Waiting | undefined {
    for (const [source, queue] of sources) {
      const index = queue.findIndex(({ job }) => !busyUsers.has(job.user) && job.readyAt() <= now());
      const found = queue[index];
      if (found === undefined) continue;
      remove(source, queue, index);
      return found;
    }
    return undefined;
  }

  function refuseExpired(): void {
    for (const [source, queue] of [...sources]) {
      const expired = queue.filter(({ deadline }) => deadline <= now());
      for (const entry of expired) {
        remove(source, queue, queue.indexOf(entry));
        entry.settle.resolve({ kind: "refused" });
      }
    }
  }

  function pump(): void {
    cancelTimer();
    cancelTimer = () => {};
    refuseExpired();
    while (busyUsers.size < concurrency) {
      const next = takeNext();
      if (next === undefined) break;
      begin(next);
    }
    const wakeAt = nextWake();
    if (wakeAt !== undefined) cancelTimer = schedule(pump, Math.max(1, wakeAt - now()));
  }

  /** When something changes by time alone: a wait ends, or a job whose user is free becomes ready. */
  function nextWake(): number | undefined {
    const times: number[] = [];
    for (const { job, deadline } of [...sources.values()].flat()) {
      times.push(deadline);
      if (!busyUsers.has(job.user) && busyUsers.size < concurrency) times.push(job.readyAt());
    }
    return times.length === 0 ? undefined : Math.min(...times);
  }

  function begin({ job, settle }: Waiting): void {
    busyUsers.add(job.user);
    const finish = () => {
      busyUsers.delete(job.user);
      pump();
    };
    job.run().then(
      (right) => {
        settle.resolve({ kind: "done", right });
        finish();
      },
      (error: unknown) => {
        settle.reject(error);
        finish();
      },
    );
  }

  return {
    submit(job) {
      const queue = sources.get(job.source) ?? [];
      if (waiting >= most || queue.length >= waitingPerSource) return Promise.resolve({ kind: "refused" });
      const settle = Promise.withResolvers<HashOutcome>();
      queue.push({ job, deadline: now() + patience, settle });
      sources.set(job.source, queue);
      waiting += 1;
      pump();
      return settle.promise;
    },
    waiting: () => waiting,
    running: () => busyUsers.size,
  };
}
