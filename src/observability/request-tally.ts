import { type Count, createCount, Distribution, Series } from "./series.ts";

/** What the requests of one instance, lane, class and method came to. */
export interface RequestTally {
  /**
   * Counts a request, once, at its end.
   * @param code of the answer; 0: none began
   * @param reason "" for a request that was not refused
   * @param seconds from its head to the end of its answer; undefined for a stream, which lasts as long as somebody looks at it
   * @param upstreamSeconds from sending it to the head of Kapacitor's answer; undefined where nothing was sent, or nothing came back
   */
  finish(code: number, reason: string, seconds: number | undefined, upstreamSeconds: number | undefined): void;
}

/** All requests. */
export interface RequestCounters {
  /** Where requests of this kind are counted. Costs one look-up on the write lane; a method that no route takes is "other". */
  tally(instance: string, lane: string, routeClass: string, method: string): RequestTally;
  readonly total: Series<Count>;
  readonly seconds: Series<Distribution>;
  readonly upstreamSeconds: Series<Distribution>;
}

/** Series of a metric; what comes later is counted as "other". Classes, methods, codes and reasons are words of the gateway's own. */
const mostSeries = 2000;
const mostTallies = 1000;
const other = "other";

const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Methods that Kapacitor's routes take; others are made up. */
const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** @param labels the labels of `kapgate_requests_total`, `kapgate_request_seconds` and `kapgate_upstream_seconds` */
export function createRequestCounters(
  labels: Readonly<Record<"total" | "seconds" | "upstreamSeconds", readonly string[]>>,
): RequestCounters {
  const overflow = (values: readonly unknown[]): string[] => values.map(() => other);
  const total = new Series({ labels: labels.total, most: mostSeries, create: createCount, overflow });
  const create = (): Distribution => new Distribution(bounds);
  const seconds = new Series({ labels: labels.seconds, most: 8, create, overflow });
  const upstreamSeconds = new Series({ labels: labels.upstreamSeconds, most: 512, create, overflow });
  const tallies = new Series<Tally>({
    labels: ["instance", "lane", "class", "method"],
    most: mostTallies,
    create: ([instance = "", lane = "", routeClass = "", method = ""]) =>
      new Tally(
        (code, reason) => total.cell([instance, lane, routeClass, method, code, reason]),
        seconds.cell([lane]),
        () => upstreamSeconds.cell([instance, lane]),
      ),
    overflow,
  });
  /** By instance: the write lane has one class and one method. */
  const writes = new Map<string, RequestTally>();

  return {
    total,
    seconds,
    upstreamSeconds,
    tally: (instance, lane, routeClass, method) => {
      if (lane !== "write") return tallies.cell([instance, lane, routeClass, methods.has(method) ? method : other]);
      let tally = writes.get(instance);
      if (tally === undefined) {
        tally = tallies.cell([instance, lane, routeClass, method]);
        if (writes.size < mostTallies) writes.set(instance, tally);
      }
      return tally;
    },
  };
}

class Tally implements RequestTally {
  readonly #count: (code: number, reason: string) => Count;
  readonly #seconds: Distribution;
  readonly #findUpstream: () => Distribution;
  #upstream: Distribution | undefined;
  /** What the last request came to: most often the next one does as well. */
  #lastCode = -1;
  #lastReason = "";
  #last: Count = createCount();

  constructor(count: (code: number, reason: string) => Count, seconds: Distribution, findUpstream: () => Distribution) {
    this.#count = count;
    this.#seconds = seconds;
    this.#findUpstream = findUpstream;
  }

  finish(code: number, reason: string, seconds: number | undefined, upstreamSeconds: number | undefined): void {
    if (code !== this.#lastCode || reason !== this.#lastReason) {
      this.#last = this.#count(code, reason);
      this.#lastCode = code;
      this.#lastReason = reason;
    }
    this.#last.value += 1;
    if (seconds !== undefined) this.#seconds.observe(seconds);
    if (upstreamSeconds === undefined) return;
    this.#upstream ??= this.#findUpstream();
    this.#upstream.observe(upstreamSeconds);
  }
}
