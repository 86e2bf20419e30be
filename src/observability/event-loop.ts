/** How long the event loop kept others waiting lately. */
export interface EventLoopDelay {
  /** The longest delay of the last 15 to 30 seconds, in seconds. It does not depend on who asks and how often. */
  seconds(): number;
  stop(): void;
}

const everyMs = 50;
const windowMs = 15_000;

/** Watches the event loop with a timer: what it comes late is what every socket waited. A delay shorter than 50 ms may be missed. */
export function watchEventLoop(now: () => number = () => performance.now()): EventLoopDelay {
  let before = 0;
  let current = 0;
  let last = now();
  let windowEnds = last + windowMs;
  const timer = setInterval(() => {
    const time = now();
    current = Math.max(current, time - last - everyMs);
    last = time;
    if (time < windowEnds) return;
    before = current;
    current = 0;
    windowEnds = time + windowMs;
  }, everyMs);
  timer.unref();
  return {
    seconds: () => Math.max(before, current) / 1000,
    stop: () => clearInterval(timer),
  };
}
