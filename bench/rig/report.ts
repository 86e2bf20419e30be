import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { Sample } from "./measure.ts";

/** A figure of the design, and what came of it. */
export interface Figure {
  readonly what: string;
  readonly reach: string;
  readonly measured: string;
  readonly reached: boolean;
}

/** What a part found out. */
export interface Section {
  /** Markdown. */
  readonly text: string;
  readonly figures: readonly Figure[];
}

export const resultsPath = join(import.meta.dirname, "../RESULTS.md");

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** One table of medians; `reference` is the subject that the ratios are to. */
export function sampleTable(
  title: string,
  medians: ReadonlyMap<string, Sample>,
  compare: (sample: Sample) => number,
  reference: string,
): string {
  const base = medians.get(reference);
  const rows = [...medians].map(([name, sample]) => [
    name,
    micros(sample.gateway),
    micros(sample.upstream),
    micros(sample.total),
    base === undefined ? "" : ratio(compare(sample) / compare(base)),
    Math.round(sample.perSecond).toLocaleString("en"),
    sample.p50.toFixed(2),
    sample.p99.toFixed(2),
    sample.peak === 0 ? "" : String(Math.round(sample.peak / 1e6)),
    sample.failed === 0 ? "" : String(sample.failed),
  ]);
  const head = [
    "",
    "gateway µs",
    "upstream µs",
    "sum µs",
    `× ${reference}`,
    "requests/s",
    "p50 ms",
    "p99 ms",
    "peak MB",
    "failed",
  ];
  return `#### ${title}\n\n${table(head, rows)}`;
}

export function micros(value: number): string {
  return value === 0 ? "" : value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}

export function ratio(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : "";
}

/** The figure that a ratio is at most `limit`. */
export function atMost(what: string, value: number, limit: number, unit = ""): Figure {
  const shown = unit === "" ? value.toFixed(2) : `${value.toFixed(unit === "MB" ? 0 : 2)} ${unit}`;
  return { what, reach: `≤ ${limit}${unit && ` ${unit}`}`, measured: shown, reached: value <= limit };
}

/** What it ran on, in one line. */
export function machine(): string {
  const [cpu] = cpus();
  const version = (command: string, ...args: string[]): string => {
    try {
      const text = execFileSync("sh", ["-c", `${command} ${args.join(" ")} 2>&1 || true`], { encoding: "utf8" });
      return text.split("\n")[0]?.trim() ?? "";
    } catch {
      return `${command}: not installed`;
    }
  };
  const daemon = process.env.KAPACITORD;
  const versions = [
    `Node ${process.versions.node}`,
    version("/usr/sbin/nginx", "-v"),
    version("/usr/sbin/haproxy", "-v").replace(/ 20.*/, ""),
    `Caddy ${version("caddy", "version")}`,
    version("wrk", "-v").replace(/ \[.*/, ""),
    ...(daemon ? [version(daemon, "version").replace(/ \(.*/, "")] : []),
  ];
  const memory = Math.round(totalmem() / 1e9);
  return `${new Date().toISOString().slice(0, 10)}, ${cpu?.model ?? "?"} × ${cpus().length}, ${memory} GB, Linux ${version("uname", "-r")}, ${versions.join(", ")}`;
}

/** Replaces the part's section in the results; those of other parts stay as they are. */
export function writeSection(part: string, title: string, text: string): void {
  const begin = `<!-- begin ${part} -->`;
  const end = `<!-- end ${part} -->`;
  const section = `${begin}\n\n## ${title}\n\n${text}\n\n${end}`;
  const before = existsSync(resultsPath) ? readFileSync(resultsPath, "utf8") : "# Results\n";
  const from = before.indexOf(begin);
  const to = before.indexOf(end);
  const after =
    from === -1 || to === -1
      ? `${before.trimEnd()}\n\n${section}\n`
      : before.slice(0, from) + section + before.slice(to + end.length);
  writeFileSync(resultsPath, after);
}

/** The section of a part as it stands in the results. */
export function figureTable(figures: readonly Figure[]): string {
  return table(
    ["figure", "reach", "measured", ""],
    figures.map(({ what, reach, measured, reached }) => [
      what,
      reach,
      measured,
      reached ? "reached" : "**not reached**",
    ]),
  );
}
