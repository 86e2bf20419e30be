import { createHash, timingSafeEqual } from "node:crypto";
import { type InfluxClient, rowsOf } from "./client.ts";

/** What a write with a `~subscriber` token shows. */
export interface TokenUse {
  readonly token: string;
  readonly db: string;
  readonly rp: string;
  /** The subscription path of the instance it came to, "" where there is none. */
  readonly path: string;
  /** Host names that select that instance; empty where any does. */
  readonly hosts: readonly string[];
}

/** The subscriptions that InfluxDB lists, as far as they carry a token. */
export interface SubscriptionTokens {
  /** Whether InfluxDB lists a subscription of that db and rp with this token, to this instance. Fails towards no. */
  isKnown(use: TokenUse): boolean;
  /** Asks InfluxDB again, in a poll that begins after this call; many callers share one, and polls keep a distance. */
  refresh(): Promise<"fresh" | "unavailable" | "overloaded">;
  /** What the last poll came to, for status and doctor. */
  status(): { readonly subscriptions: number; readonly ok: boolean; readonly cause: string | undefined };
  stop(): void;
}

interface Entry {
  readonly digest: Buffer;
  readonly path: string;
  readonly host: string;
}

/** Milliseconds between two polls that writes ask for. */
const shortestDistance = 1000;
/** Writes that may wait for a poll at a time. */
const mostWaiting = 1000;

/**
 * Keeps the tokens that Kapacitor put into its subscriptions (services/influxdb/service.go generateRandomToken) and that InfluxDB lists
 * in SHOW SUBSCRIPTIONS: who knows one is InfluxDB. Only digests are kept. While InfluxDB cannot be asked, known tokens stay valid.
 * @param onPoll told of every poll, for the log
 */
export function createSubscriptionTokens(
  client: InfluxClient,
  pollMs: number,
  onPoll: (cause: string | undefined) => void = () => {},
): SubscriptionTokens {
  let known = new Map<string, readonly Entry[]>();
  let count = 0;
  let ok = false;
  let cause: string | undefined = "not asked yet";
  let lastStart = Number.NEGATIVE_INFINITY;
  let next: Promise<"fresh" | "unavailable"> | undefined;
  let waiting = 0;
  let stopped = false;

  const poll = async (): Promise<"fresh" | "unavailable"> => {
    lastStart = performance.now();
    const answer = await client.query("SHOW SUBSCRIPTIONS");
    if (answer.kind !== "ok") {
      ok = false;
      cause =
        answer.kind === "unauthorized"
          ? "InfluxDB refused the configured credentials"
          : answer.kind === "refused"
            ? answer.text
            : answer.cause;
      onPoll(cause);
      return "unavailable";
    }
    const found = new Map<string, Entry[]>();
    count = 0;
    for (const series of answer.series) {
      for (const row of rowsOf(series)) {
        for (const entry of entriesOf(row.destinations)) {
          const key = keyOf(series.name, String(row.retention_policy));
          found.set(key, [...(found.get(key) ?? []), entry]);
          count++;
        }
      }
    }
    known = found;
    ok = true;
    cause = undefined;
    onPoll(undefined);
    return "fresh";
  };

  const refresh = async (): Promise<"fresh" | "unavailable" | "overloaded"> => {
    if (waiting >= mostWaiting) return "overloaded";
    waiting++;
    try {
      next ??= (async () => {
        const wait = lastStart + shortestDistance - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        // From here on a caller needs another poll: this one may not see what was created after it began.
        next = undefined;
        return poll();
      })();
      return await next;
    } finally {
      waiting--;
    }
  };

  const timer = setInterval(() => void refresh(), pollMs);
  timer.unref();
  void refresh();

  return {
    isKnown: (use) => {
      if (stopped) return false;
      const digest = digestOf(use.token);
      let match = false;
      for (const entry of known.get(keyOf(use.db, use.rp)) ?? []) {
        const here =
          entry.path === use.path && (use.hosts.length === 0 || use.path !== "" || use.hosts.includes(entry.host));
        if (timingSafeEqual(entry.digest, digest) && here) match = true;
      }
      return match;
    },
    refresh,
    status: () => ({ subscriptions: count, ok, cause }),
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}

function keyOf(db: string, rp: string): string {
  return JSON.stringify([db, rp]);
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

/** The destinations of a subscription that carry a token; others let nobody in. */
function entriesOf(destinations: unknown): Entry[] {
  if (!Array.isArray(destinations)) return [];
  return destinations.flatMap((destination): Entry[] => {
    try {
      const url = new URL(String(destination));
      if (url.username !== "~subscriber" || url.password === "") return [];
      const path = url.pathname.replace(/\/+$/, "");
      return [
        {
          digest: digestOf(decodeURIComponent(url.password)),
          path: decodeURIComponent(path),
          host: url.hostname.toLowerCase(),
        },
      ];
    } catch {
      return [];
    }
  });
}
