import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { kapgate, login } from "../rig/peers.ts";
import { table } from "../rig/report.ts";
import { runWriter } from "../rig/run-writer.ts";
import { kapacitordPath, startDaemon } from "../rig/upstreams.ts";
import { openWorkshop } from "../rig/workshop.ts";
import type { Part } from "./part.ts";
import { on, startAll, stopAll } from "./writes.ts";

const downSeconds = 5;
const writers = 64;

export const restart: Part = {
  name: "restart",
  title: `Kapacitor restarted under ${writers} writers, down ${downSeconds} s`,
  needs: ["taskset"],
  needsDaemon: true,
  run: async ({ rounds, tell }) => {
    const workshop = await openWorkshop();
    try {
      const path = kapacitordPath() ?? "";
      const caFile = join(workshop.path, "ca.pem");
      await writeFile(caFile, workshop.ca);
      const first = await startDaemon(workshop, path);
      let { program } = first;
      const subjects = await startAll(workshop, [kapgate(on, { groupCommit: true })], first);
      const url = subjects[0]?.url ?? "";
      const rows: string[][] = [];
      const lost = { SIGTERM: 0, SIGKILL: 0 };
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        for (let round = 1; round <= rounds; round += 1) {
          const seconds = downSeconds + 5;
          const writing = runWriter({ url, caFile, login, points: 60, writers, perSecond: 0, seconds });
          await sleep(2500);
          await program.stop(signal);
          await sleep(downSeconds * 1000);
          ({ program } = await startDaemon(workshop, path, { port: first.port }));
          const { answers, texts, longest } = await writing;
          const other = Object.entries(answers).filter(([status]) => status !== "204");
          lost[signal] += other.reduce((sum, [, count]) => sum + count, 0);
          const said = other.length === 0 ? "none" : other.map(([status, count]) => `${count} × ${status}`).join(", ");
          tell(`${signal}, round ${round}/${rounds}: ${answers["204"]} stored, others: ${said} ${texts.join("; ")}`);
          rows.push([`${signal}, ${round}`, String(answers["204"] ?? 0), said, (longest / 1000).toFixed(1)]);
          await workshop.emptyLogs();
        }
      }
      await stopAll(subjects);
      await program.stop();
      const figure = (signal: keyof typeof lost, what: string) => ({
        what: `writes lost when Kapacitor ${what}, down ${downSeconds} s, ${writers} writers, ${rounds} times`,
        reach: "0",
        measured: String(lost[signal]),
        reached: lost[signal] === 0,
      });
      return {
        text: table(["", "answered 204", "other answers", "longest wait s"], rows),
        figures: [
          figure("SIGTERM", "is restarted"),
          figure("SIGKILL", "is killed (answers that it did not get to give count)"),
        ],
      };
    } finally {
      await workshop.remove();
    }
  },
};
