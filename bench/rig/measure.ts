import { setTimeout as sleep } from "node:timers/promises";
import { type Load, runLoad } from "./load.ts";
import type { Running } from "./peers.ts";
import type { Program } from "./programs.ts";
import type { Workshop } from "./workshop.ts";

/** A way to Kapacitor, ready to be measured. */
export interface Subject extends Running {
  readonly name: string;
  readonly upstream: Program;
}

/** What one run, or the median of many, says of a subject. CPU times in microseconds per request. */
export interface Sample {
  readonly gateway: number;
  readonly upstream: number;
  readonly total: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** The gateway's, in bytes. */
  readonly peak: number;
  /** Answers other than 2xx and broken connections. */
  readonly failed: number;
}

/** The work of one row. */
export interface Work {
  readonly points: number;
  readonly connections: number;
}

export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
  /** Says on stderr how far it is. */
  readonly tell: (text: string) => void;
}

/** The medians of a row by subject. */
export interface Result {
  readonly work: Work;
  readonly medians: ReadonlyMap<string, Sample>;
  /**
   * The median over the rounds of what a subject took against another one in the same round: the speed of a shared machine drifts from one
   * minute to the next, and with it both.
   */
  ratio(name: string, reference: string, of: "gateway" | "total"): number;
}

/** Kapacitor takes points in after it has answered, and logs are written late: this long is waited before its CPU time is read. */
const settleMs = 300;

async function runOnce(workshop: Workshop, subject: Subject, load: Omit<Load, "url" | "logins">): Promise<Sample> {
  const { program, upstream } = subject;
  program?.resetPeak();
  const [gatewayBefore, upstreamBefore] = [program?.cpu() ?? 0, upstream.cpu()];
  const result = await runLoad(workshop.path, { ...load, url: subject.url, logins: subject.logins });
  await sleep(settleMs);
  const gateway = ((program?.cpu() ?? 0) - gatewayBefore) / result.requests;
  const upstreamTime = (upstream.cpu() - upstreamBefore) / result.requests;
  await workshop.emptyLogs();
  return {
    gateway,
    upstream: upstreamTime,
    total: gateway + upstreamTime,
    perSecond: result.requests / result.seconds,
    p50: result.p50,
    p99: result.p99,
    peak: program?.memory().peak ?? 0,
    failed: result.refused + result.broken,
  };
}

/**
 * Measures every subject at every work, round by round, so that whatever disturbs the machine disturbs all of them. A first round, which
 * warms everything up, does not count. Returns the medians in the order of `works` and `subjects`.
 */
export async function measure(
  workshop: Workshop,
  subjects: readonly Subject[],
  works: readonly (Work & Partial<Pick<Load, "databases">>)[],
  { rounds, seconds, tell }: Rounds,
): Promise<readonly Result[]> {
  const samples = works.map(() => new Map<string, Sample[]>(subjects.map(({ name }) => [name, []])));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [at, work] of works.entries()) {
      if (round === 0 && at > 0) break;
      for (const index of subjects.keys()) {
        const subject = subjects[(index + round) % subjects.length];
        if (subject === undefined) continue;
        const sample = await runOnce(workshop, subject, { ...work, seconds: round === 0 ? 2 : seconds });
        if (round > 0) samples[at]?.get(subject.name)?.push(sample);
        const what = round === 0 ? "warm-up" : `round ${round}/${rounds}`;
        tell(
          `${what}, ${nameOf(work)}, ${subject.name}: ${Math.round(sample.gateway)} + ${Math.round(sample.upstream)} µs`,
        );
      }
    }
  }
  return works.map((work, at) => ({
    work,
    medians: new Map([...(samples[at] ?? [])].map(([name, list]) => [name, medianSample(list)])),
    ratio: (name, reference, of) => {
      const [ours = [], theirs = []] = [samples[at]?.get(name), samples[at]?.get(reference)];
      return median(ours.map((sample, round) => sample[of] / (theirs[round]?.[of] ?? Number.NaN)));
    },
  }));
}

export function nameOf({ points, connections }: Work): string {
  return `${points.toLocaleString("en")} ${points === 1 ? "point" : "points"}, ${connections} ${connections === 1 ? "connection" : "connections"}`;
}

function medianSample(samples: readonly Sample[]): Sample {
  const of = (field: keyof Sample): number => median(samples.map((sample) => sample[field]));
  return {
    gateway: of("gateway"),
    upstream: of("upstream"),
    total: of("total"),
    perSecond: of("perSecond"),
    p50: of("p50"),
    p99: of("p99"),
    peak: Math.max(...samples.map(({ peak }) => peak)),
    failed: samples.reduce((sum, { failed }) => sum + failed, 0),
  };
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}
