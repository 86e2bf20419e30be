import { setImmediate } from "node:timers/promises";

/** A clock that tests move, and timers that follow it. */
export interface FakeTime {
  readonly now: () => number;
  readonly schedule: (run: () => void, milliseconds: number) => () => void;
  /** Moves the clock, runs what is due on the way and lets promises settle. */
  readonly advance: (milliseconds: number) => Promise<void>;
  /** Timers that wait. */
  readonly pending: () => number;
}

export function createFakeTime(): FakeTime {
  // Not zero, so that a forgotten start time shows.
  let time = 5_000_000;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: () => time,
    schedule(run, milliseconds) {
      const timer = { at: time + milliseconds, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(milliseconds) {
      const end = time + milliseconds;
      for (;;) {
        await setImmediate();
        const [due] = [...timers].filter(({ at }) => at <= end).sort((left, right) => left.at - right.at);
        if (due === undefined) break;
        timers.delete(due);
        time = Math.max(time, due.at);
        due.run();
      }
      time = end;
    },
    pending: () => timers.size,
  };
}
