import type { Logger } from "pino";

/** A record of its kind is written at most this often. */
const everyMs = 10_000;

/** Writes a warning, or counts it. The next one that is written of its kind says how many were not (`suppressed`). */
export type WarnSeldom = (kind: string, fields: Readonly<Record<string, unknown>>, text: string) => void;

/** For what anybody on the network can cause as often as he likes: one record of a kind in ten seconds. The kinds have to be few. */
export function createSeldom(log: Logger, now: () => number = () => performance.now()): WarnSeldom {
  const last = new Map<string, { readonly at: number; suppressed: number }>();
  return (kind, fields, text) => {
    const time = now();
    const entry = last.get(kind);
    if (entry !== undefined && time - entry.at < everyMs) {
      entry.suppressed++;
      return;
    }
    log.warn({ ...fields, suppressed: entry?.suppressed || undefined }, text);
    last.set(kind, { at: time, suppressed: 0 });
  };
}
