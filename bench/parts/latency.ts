import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { median } from "../rig/measure.ts";
import { kapgate, login, nginx } from "../rig/peers.ts";
import { atMost, table } from "../rig/report.ts";
import { runWriter } from "../rig/run-writer.ts";
import { kapacitordPath, startDaemon, startMinimal } from "../rig/upstreams.ts";
import { openWorkshop } from "../rig/workshop.ts";
import { installed, type Part, skippedLine } from "./part.ts";
import { off, on, startAll, stopAll } from "./writes.ts";

const direct = "direct";
const perSecond = 200;
const warmUpSeconds = 3;

export const latency: Part = {
  name: "latency",
  title: `One writer, ${perSecond} writes of 60 points a second`,
  needs: ["taskset"],
  needsDaemon: false,
  run: async ({ rounds, seconds, tell }) => {
    const workshop = await openWorkshop();
    try {
      const path = kapacitordPath();
      const upstream = path === undefined ? await startMinimal(workshop) : await startDaemon(workshop, path);
      const caFile = join(workshop.path, "ca.pem");
      await writeFile(caFile, workshop.ca);
      const peers = [kapgate(on, { groupCommit: true }), kapgate(off, { groupCommit: false }), nginx("plain")];
      const { present, skipped } = installed(peers);
      const subjects = [
        { name: direct, url: `http://127.0.0.1:${upstream.port}` },
        ...(await startAll(workshop, present, upstream)),
      ];
      const p50 = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
      const p99 = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
      for (let round = 0; round <= rounds; round += 1) {
        for (const { name, url } of subjects) {
          const result = await runWriter({
            url,
            caFile,
            login,
            points: 60,
            writers: 1,
            perSecond,
            // A hundredth of few is decided by one or two.
            seconds: warmUpSeconds + 4 * seconds,
            warmUpSeconds,
          });
          tell(
            `${round === 0 ? "warm-up" : `round ${round}/${rounds}`}, ${name}: p50 ${result.p50.toFixed(2)} ms, p99 ${result.p99.toFixed(2)} ms`,
          );
          if (Object.keys(result.answers).join() !== "204")
            throw new Error(`${name} answered ${JSON.stringify(result)}`);
          if (round === 0) continue;
          p50.get(name)?.push(result.p50);
          p99.get(name)?.push(result.p99);
        }
      }
      await stopAll(subjects.flatMap((subject) => ("program" in subject ? [subject] : [])));
      await upstream.program.stop();
      const of = (values: ReadonlyMap<string, readonly number[]>, name: string): number =>
        median(values.get(name) ?? []);
      const rows = subjects.map(({ name }) => [
        name,
        of(p50, name).toFixed(2),
        of(p99, name).toFixed(2),
        (of(p99, name) - of(p99, direct)).toFixed(2),
      ]);
      const behind = path === undefined ? "the minimal upstream" : "a real Kapacitor";
      return {
        text: `To ${behind}.\n\n${table(["", "p50 ms", "p99 ms", "p99 added ms"], rows)}${skippedLine(skipped)}`,
        figures: [on, off].map((name) => {
          const what = `p99 added to a single writer at ${perSecond} requests/s, against direct`;
          return atMost(name === on ? what : `${what}, group commit off`, of(p99, name) - of(p99, direct), 2, "ms");
        }),
      };
    } finally {
      await workshop.remove();
    }
  },
};
