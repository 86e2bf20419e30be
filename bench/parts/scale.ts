import { measure, type Subject } from "../rig/measure.ts";
import { kapgate } from "../rig/peers.ts";
import { atMost, sampleTable } from "../rig/report.ts";
import { startMinimal } from "../rig/upstreams.ts";
import { openWorkshop } from "../rig/workshop.ts";
import type { Part } from "./part.ts";
import { startAll, stopAll } from "./writes.ts";

const many = 1000;
const work = { points: 60, connections: 64 };

export const scale: Part = {
  name: "scale",
  title: `1 and ${many.toLocaleString("en")} users and databases`,
  needs: ["wrk", "taskset"],
  needsDaemon: false,
  run: async (options) => {
    const workshop = await openWorkshop();
    try {
      const upstream = await startMinimal(workshop);
      const subjects = await startAll(
        workshop,
        [kapgate("on", { groupCommit: true, users: many }), kapgate("off", { groupCommit: false, users: many })],
        upstream,
      );
      // Each of many users writes to a database of its own, so that there are as many keys; every password is verified in the warm-up.
      const ways = subjects.flatMap((subject): Subject[] => [
        { ...subject, name: `1 key, group commit ${subject.name}`, logins: subject.logins.slice(0, 1) },
        { ...subject, name: `${many} keys, group commit ${subject.name}` },
      ]);
      const [result] = await measure(workshop, ways, [{ ...work, databases: many }], options);
      await stopAll(subjects);
      await upstream.program.stop();
      if (result === undefined) throw new Error("nothing was measured");
      const cpu = (name: string): number => result.medians.get(name)?.gateway ?? Number.NaN;
      const growth = (state: string): number =>
        cpu(`${many} keys, group commit ${state}`) / cpu(`1 key, group commit ${state}`);
      const what = `growth of CPU per request from 1 to ${many.toLocaleString("en")} users and group-commit keys`;
      return {
        text: sampleTable(
          "60 points, 64 connections",
          result.medians,
          (sample) => sample.gateway,
          "1 key, group commit off",
        ),
        figures: [atMost(what, growth("on"), 1.1), atMost(`${what}, group commit off`, growth("off"), 1.1)],
      };
    } finally {
      await workshop.remove();
    }
  },
};
