/**
 * node writer.ts SETTINGS (JSON): one writer that keeps its connection and sends a write every so often, or as many as it is told and as fast
 * as they are answered. Prints one line of JSON: what was answered, and how long the answers took.
 */
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { bodyOf } from "./load.ts";

export interface WriterSettings {
  readonly url: string;
  /** A PEM file. */
  readonly caFile: string;
  readonly login: string;
  readonly points: number;
  readonly writers: number;
  /** Writes a second of all writers together; 0: as fast as they are answered. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Of these, how many at the start do not count: a program that has just begun is slow by itself. */
  readonly warmUpSeconds?: number;
}

export interface WriterResult {
  /** How often each status was answered; "broken" for connections that broke. */
  readonly answers: Readonly<Record<string, number>>;
  /** The first texts of other answers than 204. */
  readonly texts: readonly string[];
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

const settings: WriterSettings = JSON.parse(process.argv[2] ?? "");
const { url, writers, perSecond, seconds } = settings;
const pool = new Pool(url, { connect: { ca: readFileSync(settings.caFile, "utf8") }, connections: writers });
const body = bodyOf(settings.points);
const headers = settings.login === "" ? {} : { authorization: settings.login };
const answers: Record<string, number> = {};
const texts: string[] = [];
const times: number[] = [];

async function write(): Promise<void> {
  const begun = performance.now();
  let kind = "broken";
  try {
    const path = "/write?consistency=&db=telegraf&precision=ns&rp=autogen";
    const answer = await pool.request({ method: "POST", path, headers, body, headersTimeout: 60_000 });
    const text = await answer.body.text();
    kind = String(answer.statusCode);
    if (answer.statusCode !== 204 && texts.length < 5) texts.push(text.trim());
  } catch (error) {
    if (texts.length < 5) texts.push(String(error));
  }
  times.push(performance.now() - begun);
  answers[kind] = (answers[kind] ?? 0) + 1;
}

const end = performance.now() + seconds * 1000;

async function run(at: number): Promise<void> {
  const interval = perSecond === 0 ? 0 : (1000 * writers) / perSecond;
  let next = performance.now() + (at / writers) * interval;
  while (performance.now() < end) {
    const wait = next - performance.now();
    if (interval > 0 && wait > 0) await sleep(wait);
    next += interval;
    await write();
  }
}

await write();
setTimeout(
  () => {
    times.length = 0;
  },
  (settings.warmUpSeconds ?? 0) * 1000,
);
await Promise.all(Array.from({ length: writers }, (_, at) => run(at)));
await pool.close();
times.sort((a, b) => a - b);
const percentile = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
const result: WriterResult = { answers, texts, p50: percentile(0.5), p99: percentile(0.99), longest: percentile(1) };
process.stdout.write(`${JSON.stringify(result)}\n`);
