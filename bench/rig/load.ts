import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cores } from "./programs.ts";

const run = promisify(execFile);

export interface Load {
  readonly url: string;
  /** Where writes go, without a query. */
  readonly path?: string;
  /** Authorization values, taken in turn; "": none. */
  readonly logins: readonly string[];
  /** Databases, taken in turn. */
  readonly databases?: number;
  readonly points: number;
  readonly connections: number;
  readonly seconds: number;
}

/** What the load generator saw. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers other than 2xx, and connections that broke. */
  readonly refused: number;
  readonly broken: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** A body of as many points, about 108 bytes each, such as Telegraf writes. */
export function bodyOf(points: number): string {
  return Array.from(
    { length: points },
    (_, at) =>
      `cpu,host=server${String(at % 50).padStart(2, "0")},region=eu-west usage_user=12.5,usage_system=3.25,usage_idle=84.25 ${1_700_000_000_000_000_000n + BigInt(at)}\n`,
  ).join("");
}

/** Has wrk send writes as fast as they are answered, from the core of the others. */
export async function runLoad(folder: string, load: Load): Promise<LoadResult> {
  const body = join(folder, `body-${load.points}`);
  await writeFile(body, bodyOf(load.points));
  const script = join(import.meta.dirname, "wrk.lua");
  const { url, connections, seconds } = load;
  const { stdout } = await run(
    "taskset",
    [
      "-c",
      String(cores.others),
      "wrk",
      "-t1",
      `-c${connections}`,
      `-d${seconds}s`,
      "--timeout",
      "30s",
      "-s",
      script,
      url,
    ],
    {
      env: {
        PATH: process.env.PATH,
        BENCH_BODY: body,
        BENCH_PATH: load.path ?? "/write",
        BENCH_LOGIN: load.logins.join("\n"),
        BENCH_DATABASES: String(load.databases ?? 1),
      },
    },
  );
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  if (line === undefined) throw new Error(`wrk says:\n${stdout}`);
  const { requests, microseconds, refused, broken, p50, p99 }: Record<string, number> = JSON.parse(line);
  const value = (number: number | undefined): number => number ?? 0;
  return {
    requests: value(requests),
    seconds: value(microseconds) / 1e6,
    refused: value(refused),
    broken: value(broken),
    p50: value(p50) / 1000,
    p99: value(p99) / 1000,
  };
}
