import { createHash, timingSafeEqual } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { type InfluxAnswer, type InfluxClient, rowsOf } from "./client.ts";

/** What a write with a `~subscriber` token shows. */
export interface TokenUse {
  readonly token: string;
  readonly db: string;
  readonly rp: string;
}

/** Where InfluxDB sends the writes of a subscription. */
export interface Destination {
  /** Host and port, as in a Host header. */
  readonly host: string;
  /** The path, percent-encoded, without a slash at its end; InfluxDB adds `/write`. */
  readonly path: string;
}

/** The subscriptions that InfluxDB lists, as far as they carry a token. */
export interface SubscriptionTokens {
  /**
   * Whether InfluxDB lists a subscription of that db and rp with this token whose destination is one that `leadsHere` holds for.
   * Fails towards no.
   */
  isKnown(use: TokenUse, leadsHere: (destination: Destination) => boolean): boolean;
  /** Asks InfluxDB in a poll that begins after this call; many callers share one, and polls keep a distance. Never rejects. */
  refresh(): Promise<"fresh" | "unavailable" | "overloaded">;
  /** Another number whenever the list was read anew: until then {@link isKnown} says the same. */
  generation(): number;
  /** What the last poll came to. */
  status(): { readonly subscriptions: number; readonly cause: string | undefined };
  /** Polls no more; what is known stays known to requests under way. */
  stop(): void;
}

export interface SubscriptionOptions {
  /** Milliseconds between polls that nobody asks for. */
  readonly pollMs: number;
  /** Milliseconds between the beginnings of two polls at least; a second unless told. */
  readonly distanceMs?: number;
  /** Told of every poll: undefined when it succeeded. For the log. */
  readonly onPoll?: (cause: string | undefined) => void;
}

interface Entry extends Destination {
  readonly digest: Buffer;
}

/** Writes that may wait for a poll at a time. */
const mostWaiting = 1000;

/**
 * Keeps the tokens that Kapacitor put into its subscriptions (services/influxdb/service.go generateRandomToken) and that InfluxDB lists
 * in SHOW SUBSCRIPTIONS: who knows one is InfluxDB. Only digests are kept. While InfluxDB cannot be asked, known tokens stay valid.
 * Begins to poll at once.
 */
export function createSubscriptionTokens(client: InfluxClient, options: SubscriptionOptions): SubscriptionTokens {
  const { pollMs, distanceMs = 1000, onPoll = () => {} } = options;
  let known: ReadonlyMap<string, readonly Entry[]> = new Map();
  let generation = 0;
  let cause: string | undefined = "InfluxDB has not answered yet";
  let startedAt = Number.NEGATIVE_INFINITY;
  let current: Promise<"fresh" | "unavailable"> = Promise.resolve("unavailable");
  let next: Promise<"fresh" | "unavailable"> | undefined;
  let waiting = 0;
  let stopped = false;

  const poll = async (): Promise<"fresh" | "unavailable"> => {
    startedAt = performance.now();
    const answer = await client.query("SHOW SUBSCRIPTIONS");
    if (stopped) return "unavailable";
    if (answer.kind === "ok") {
      known = entriesOf(answer.series);
      generation += 1;
    }
    cause = causeOf(answer);
    onPoll(cause);
    return cause === undefined ? "fresh" : "unavailable";
  };

  /** One poll at a time, so that an older answer never takes the place of a newer one. */
  const nextPoll = async (): Promise<"fresh" | "unavailable"> => {
    await current;
    const wait = startedAt + distanceMs - performance.now();
    if (wait > 0) await setTimeout(wait, undefined, { ref: false });
    // From here on a caller needs another poll: this one may not see what was created after it began.
    next = undefined;
    if (stopped) return "unavailable";
    current = poll();
    return current;
  };

  const refresh = async (): Promise<"fresh" | "unavailable" | "overloaded"> => {
    if (waiting >= mostWaiting) return "overloaded";
    waiting += 1;
    try {
      next ??= nextPoll();
      return await next;
    } finally {
      waiting -= 1;
    }
  };

  const timer = setInterval(() => void refresh(), pollMs);
  timer.unref();
  void refresh();

  return {
    isKnown: ({ token, db, rp }, leadsHere) => {
      const digest = digestOf(token);
      const entries = known.get(keyOf(db, rp)) ?? [];
      return entries.filter((entry) => timingSafeEqual(entry.digest, digest)).some(leadsHere);
    },
    refresh,
    generation: () => generation,
    status: () => ({ subscriptions: [...known.values()].flat().length, cause }),
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}

function causeOf(answer: InfluxAnswer): string | undefined {
  switch (answer.kind) {
    case "ok":
      return undefined;
    case "unauthorized":
      return "it refused the credentials of [influxdb]";
    case "refused":
      return answer.text;
    case "unavailable":
      return answer.cause;
  }
}

function entriesOf(answer: Extract<InfluxAnswer, { kind: "ok" }>["series"]): ReadonlyMap<string, readonly Entry[]> {
  const found = new Map<string, Entry[]>();
  for (const series of answer) {
    for (const row of rowsOf(series)) {
      if (typeof row.retention_policy !== "string" || !Array.isArray(row.destinations)) continue;
      const key = keyOf(series.name, row.retention_policy);
      const entries = row.destinations.map(entryOf).filter((entry) => entry !== undefined);
      found.set(key, [...(found.get(key) ?? []), ...entries]);
    }
  }
  return found;
}

function keyOf(db: string, rp: string): string {
  return JSON.stringify([db, rp]);
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

/** A destination that carries a token; others let nobody in. */
function entryOf(destination: unknown): Entry | undefined {
  const url = URL.parse(String(destination));
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  if (url.username !== "~subscriber" || url.password === "") return undefined;
  try {
    const digest = digestOf(decodeURIComponent(url.password));
    return { digest, host: url.host, path: url.pathname.replace(/\/+$/, "") };
  } catch {
    return undefined;
  }
}
