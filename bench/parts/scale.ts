import { Pool } from "undici";
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
      for (const subject of subjects) await logInAll(subject, workshop.ca);
      // Each of many users writes to a database of its own, so that there are as many keys.
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

/** Has every password verified before anything is measured, a few at a time: more than may wait from one address would be refused. */
async function logInAll({ url, logins }: Pick<Subject, "url" | "logins">, ca: string): Promise<void> {
  const pool = new Pool(url, { connections: 8, connect: { ca } });
  await Promise.all(
    logins.map(async (authorization, at) => {
      const path = `/write?db=telegraf${at}&precision=ns&rp=autogen`;
      const answer = await pool.request({ method: "POST", path, headers: { authorization }, body: "m v=1 1" });
      await answer.body.dump();
      if (answer.statusCode !== 204) throw new Error(`the login of user ${at} was answered ${answer.statusCode}`);
    }),
  );
  await pool.close();
}
