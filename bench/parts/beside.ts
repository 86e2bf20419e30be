import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { median } from "../rig/measure.ts";
import { kapgate, login } from "../rig/peers.ts";
import { cores, freePort, startProgram } from "../rig/programs.ts";
import { atMost, table } from "../rig/report.ts";
import { runWriter } from "../rig/run-writer.ts";
import { openWorkshop } from "../rig/workshop.ts";
import type { Part } from "./part.ts";
import { on, startAll, stopAll } from "./writes.ts";

const definitions = 20;
const perSecond = 200;
const warmUpSeconds = 3;
const alone = "writes alone";
const beside = `beside ${definitions} definitions a second`;

export const besideDefinitions: Part = {
  name: "beside",
  title: `Writes beside ${definitions} inspected definitions a second`,
  needs: ["taskset"],
  needsDaemon: false,
  run: async ({ rounds, seconds, tell }) => {
    const workshop = await openWorkshop();
    try {
      const port = await freePort();
      const folder = await workshop.folder("standin");
      const args = [join(import.meta.dirname, "../rig/standin.ts"), String(port)];
      const options = { name: "standin", command: process.execPath, args, folder, port, core: cores.others };
      const standin = { port, program: await startProgram(options) };
      const caFile = join(workshop.path, "ca.pem");
      await writeFile(caFile, workshop.ca);
      const sections = '[alerts]\ndisable-handlers = ["exec", "log"]\ndeny-target-cidrs = ["private"]\n';
      const subjects = await startAll(workshop, [kapgate(on, { groupCommit: true, sections })], standin);
      const url = subjects[0]?.url ?? "";
      const p50 = new Map<string, number[]>([alone, beside].map((way) => [way, []]));
      const p99 = new Map<string, number[]>([alone, beside].map((way) => [way, []]));
      for (let round = 0; round <= rounds; round += 1) {
        for (const way of [alone, beside]) {
          const definer = way === beside ? await startDefiner(url, caFile) : undefined;
          const result = await runWriter({
            url,
            caFile,
            login,
            points: 60,
            writers: 1,
            perSecond,
            seconds: warmUpSeconds + 4 * seconds,
            warmUpSeconds,
          });
          if (definer?.exitCode === 1) throw new Error("a definition was refused");
          definer?.kill("SIGKILL");
          tell(
            `${round === 0 ? "warm-up" : `round ${round}/${rounds}`}, ${way}: p50 ${result.p50.toFixed(2)} ms, p99 ${result.p99.toFixed(2)} ms`,
          );
          if (Object.keys(result.answers).join() !== "204") throw new Error(JSON.stringify(result));
          if (round === 0) continue;
          p50.get(way)?.push(result.p50);
          p99.get(way)?.push(result.p99);
        }
      }
      await stopAll(subjects);
      await standin.program.stop();
      const added = (values: ReadonlyMap<string, readonly number[]>): number => {
        const quiet = values.get(alone) ?? [];
        return median((values.get(beside) ?? []).map((value, round) => value - (quiet[round] ?? Number.NaN)));
      };
      const rows = [alone, beside].map((way) => [
        way,
        median(p50.get(way) ?? []).toFixed(2),
        median(p99.get(way) ?? []).toFixed(2),
      ]);
      const what = `added to a single writer at ${perSecond} requests/s by ${definitions} definitions a second`;
      return {
        text: `${table(["", "p50 ms", "p99 ms"], rows)}\n\nEach definition is a task of 40 lines, changed; the stand-in that takes it shares its core with the writer.`,
        figures: [atMost(`p50 ${what}`, added(p50), 0.2, "ms"), atMost(`p99 ${what}`, added(p99), 2, "ms")],
      };
    } finally {
      await workshop.remove();
    }
  },
};

/** Resolves when the first definition was accepted. */
function startDefiner(url: string, caFile: string): Promise<ChildProcess> {
  const script = join(import.meta.dirname, "../rig/definer.ts");
  const args = ["-c", String(cores.others), process.execPath, script, url, caFile, login, String(definitions)];
  const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.stdout.once("data", () => resolve(child));
    child.once("exit", (code) => reject(new Error(`the definitions ended with ${code}`)));
  });
}
