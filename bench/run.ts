/** Measures kapgate beside its peers and writes bench/RESULTS.md: `npm run bench -- -help`. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseFlags } from "../src/commands/flags.ts";
import { bcrypt } from "./parts/bcrypt.ts";
import { besideDefinitions } from "./parts/beside.ts";
import { daemon } from "./parts/daemon.ts";
import { judging } from "./parts/judging.ts";
import { latency } from "./parts/latency.ts";
import { memory } from "./parts/memory.ts";
import type { Part } from "./parts/part.ts";
import { restart } from "./parts/restart.ts";
import { scale } from "./parts/scale.ts";
import { writes } from "./parts/writes.ts";
import { findCommand } from "./rig/programs.ts";
import { figureTable, machine, resultsPath, writeSection } from "./rig/report.ts";
import { kapacitordPath } from "./rig/upstreams.ts";

const parts: readonly Part[] = [daemon, writes, bcrypt, latency, besideDefinitions, restart, memory, scale, judging];

const help = `npm run bench -- [-rounds N] [-seconds S] [-points 1,10,60,1000] [-connections 1,64] [PART…]

Measures kapgate and its peers in one run, round by round, and writes the medians to bench/RESULTS.md, the sections of the parts that ran.
CPU times come from /proc; what is measured is pinned to the first core, load and upstream to the second.

${parts.map(({ name, title, needsDaemon }) => `  ${name.padEnd(10)}${title}${needsDaemon ? " (needs KAPACITORD)" : ""}`).join("\n")}

Defaults: all parts, 5 rounds of 4 seconds. Needs wrk and taskset; of nginx, HAProxy and Caddy what is installed; KAPACITORD names the real daemon.
`;

const flags = parseFlags(process.argv.slice(2), {
  rounds: "string",
  seconds: "string",
  points: "string",
  connections: "string",
  help: "boolean",
  h: "boolean",
});

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

function listOf(text: string): number[] {
  const numbers = text.split(",").map(Number);
  if (numbers.every((number) => Number.isInteger(number) && number > 0)) return numbers;
  tell(`"${text}" is not a list of whole numbers`);
  process.exit(1);
}

if (!flags.ok) {
  tell(flags.text);
  process.exit(1);
}
const { values, positionals } = flags;
if (values.help || values.h) {
  process.stdout.write(help);
  process.exit(0);
}
const unknown = positionals.find((name) => !parts.some((part) => part.name === name));
if (unknown !== undefined) {
  tell(`there is no part ${unknown}; there are ${parts.map(({ name }) => name).join(", ")}`);
  process.exit(1);
}
const [rounds = 5] = listOf(values.rounds ?? "5");
const [seconds = 4] = listOf(values.seconds ?? "4");
const points = listOf(values.points ?? "1,10,60,1000");
const connections = listOf(values.connections ?? "1,64");

// What is measured is what is shipped.
execFileSync("npm", ["run", "-s", "build"], { cwd: join(import.meta.dirname, ".."), stdio: "inherit" });
for (const part of parts.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  const missing = part.needs.find((name) => findCommand(name) === undefined);
  if (missing !== undefined || (part.needsDaemon && kapacitordPath() === undefined)) {
    tell(`${part.name}: skipped, ${missing === undefined ? "KAPACITORD is not set" : `${missing} is not installed`}`);
    continue;
  }
  const section = await part.run({
    rounds,
    seconds,
    points,
    connections,
    tell: (text) => tell(`${part.name}: ${text}`),
  });
  const setting = `${machine()}; ${rounds} rounds of ${seconds} s.`;
  const figures = section.figures.length === 0 ? "" : `\n\n${figureTable(section.figures)}`;
  const text = `${setting}${figures}\n\n${section.text}`;
  writeSection(part.name, part.title, text);
  process.stdout.write(`\n## ${part.title}\n\n${text}\n`);
}
tell(`written to ${resultsPath}`);
process.exit(0);
