import { measure, nameOf, type Result, type Subject } from "../rig/measure.ts";
import { login } from "../rig/peers.ts";
import { atMost, type Figure, sampleTable } from "../rig/report.ts";
import { kapacitordPath, startDaemon } from "../rig/upstreams.ts";
import { openWorkshop } from "../rig/workshop.ts";
import { installed, type Part, skippedLine } from "./part.ts";
import { off, on, peers, startAll, stopAll, worksOf } from "./writes.ts";

const reference = "its own HTTPS";

export const daemon: Part = {
  name: "daemon",
  title: "Writes to a real Kapacitor",
  needs: ["wrk", "taskset"],
  needsDaemon: true,
  run: async (options) => {
    const workshop = await openWorkshop();
    try {
      const path = kapacitordPath() ?? "";
      const plain = await startDaemon(workshop, path);
      const secure = await startDaemon(workshop, path, { https: true });
      const { present, skipped } = installed(peers);
      const naked = (name: string, url: string, upstream: Subject["upstream"]): Subject => ({
        name,
        url,
        upstream,
        program: undefined,
        logins: [login],
      });
      const subjects = [
        naked("naked, HTTP", `http://127.0.0.1:${plain.port}`, plain.program),
        naked(reference, `https://127.0.0.1:${secure.port}`, secure.program),
        ...(await startAll(workshop, present, plain)),
      ];
      const results = await measure(workshop, subjects, worksOf(options), options);
      await stopAll(subjects);
      await plain.program.stop();
      await secure.program.stop();
      const tables = results.map(({ work, medians }) =>
        sampleTable(nameOf(work), medians, (sample) => sample.total, reference),
      );
      const figures = results
        .filter(({ work }) => work.connections === 64 && work.points !== 10)
        .flatMap((result) => figuresOf(result, result.work.points === 1 ? 0.9 : 1.25));
      return { text: tables.join("\n\n") + skippedLine(skipped), figures };
    } finally {
      await workshop.remove();
    }
  },
};

function figuresOf({ work, ratio }: Result, limit: number): Figure[] {
  const what = `CPU per write of gateway + Kapacitor against Kapacitor's own HTTPS, ${nameOf(work)}`;
  return [
    atMost(what, ratio(on, reference, "total"), limit),
    atMost(`${what}, group commit off`, ratio(off, reference, "total"), limit),
  ];
}
