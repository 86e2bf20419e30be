import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { runLoad } from "../rig/load.ts";
import { bareNode, kapgate, login } from "../rig/peers.ts";
import { cores } from "../rig/programs.ts";
import { atMost, table } from "../rig/report.ts";
import { startMinimal } from "../rig/upstreams.ts";
import { openWorkshop, type Workshop } from "../rig/workshop.ts";
import type { Part } from "./part.ts";
import { on, startAll, stopAll } from "./writes.ts";

const idle = 10_000;

export const memory: Part = {
  name: "memory",
  title: `Memory with ${idle.toLocaleString("en")} idle TLS connections and 64 busy ones`,
  needs: ["wrk", "taskset"],
  needsDaemon: false,
  run: async ({ rounds, seconds, tell }) => {
    const workshop = await openWorkshop();
    try {
      const upstream = await startMinimal(workshop);
      const peer = kapgate(on, { groupCommit: true, http: `max-connections = ${idle + 1000}` });
      const subjects = await startAll(workshop, [peer], upstream);
      const [subject] = subjects;
      if (subject?.program === undefined) throw new Error("kapgate did not start");
      const { program, url } = subject;
      const rows: string[][] = [];
      const note = (when: string): void => {
        const { now, peak } = program.memory();
        rows.push([when, mega(now), mega(peak)]);
        tell(`${when}: ${mega(now)} MB, at most ${mega(peak)} MB`);
      };
      note("after the start");
      const holder = await openIdle(Number(new URL(url).port));
      note(`${idle.toLocaleString("en")} connections open, each after one write`);
      for (let round = 1; round <= Math.max(rounds, 3); round += 1) {
        await runLoad(workshop.path, { url, logins: [login], points: 60, connections: 64, seconds });
        await workshop.emptyLogs();
        note(`64 more that write, round ${round}`);
      }
      const open = await askOpen(holder);
      holder.kill("SIGKILL");
      const { peak } = program.memory();
      await stopAll(subjects);
      rows.push(await floor(workshop));
      await upstream.program.stop();
      return {
        text: `${table(["", "resident MB", "most so far MB"], rows)}\n\nOf the idle connections ${open.toLocaleString("en")} were still open at the end.`,
        figures: [
          atMost(
            `peak memory with ${idle.toLocaleString("en")} idle TLS connections and 64 busy ones`,
            peak / 1e6,
            600,
            "MB",
          ),
        ],
      };
    } finally {
      await workshop.remove();
    }
  },
};

/** What the same connections take in a program that does nothing else. */
async function floor(workshop: Workshop): Promise<string[]> {
  const { url, program } = await bareNode.start(workshop, 0);
  if (program === undefined) throw new Error("there is nothing to measure");
  const holder = await openIdle(Number(new URL(url).port));
  const { now, peak } = program.memory();
  holder.kill("SIGKILL");
  await program.stop();
  return [`for comparison: ${bareNode.name}, as many connections, nothing else`, mega(now), mega(peak)];
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function openIdle(port: number): Promise<ChildProcess> {
  const args = ["-c", String(cores.others), process.execPath, join(import.meta.dirname, "../rig/idle.ts")];
  const child = spawn("taskset", [...args, String(port), String(idle), login], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", () => resolve(child));
    child.once("exit", (code) =>
      reject(new Error(`the idle connections could not be opened (${code}); see ulimit -n`)),
    );
  });
}

function askOpen(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("message", (count) => resolve(Number(count)));
    child.send("count");
  });
}
