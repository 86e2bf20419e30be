import { Pool } from "undici";
import { measure, type Subject } from "../rig/measure.ts";
import { kapgate } from "../rig/peers.ts";
import { atMost, sampleTable } from "../rig/report.ts";
import { startMinimal } from "../rig/upstreams.ts";
import { openWorkshop } from "../rig/workshop.ts";
import type { Part } from "./part.ts";
import { startAll, stopAll } from "./writes.ts";

const many = 1000;
const points = 60;
/** What grows, and over how many connections. Over a single one no two writes ever meet, so that nothing can leave together either way. */
const works = [
  { what: `1 to ${many.toLocaleString("en")} users of one database`, databases: 1, connections: 64 },
  {
    what: `1 to ${many.toLocaleString("en")} users and group-commit keys, one connection`,
    databases: many,
    connections: 1,
  },
  {
    what: `1 to ${many.toLocaleString("en")} users and group-commit keys, 64 connections`,
    databases: many,
    connections: 64,
  },
] as const;
const states = ["on", "off"] as const;

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
      // Where there are many databases, each user writes to one of its own, so that there are as many keys.
      const ways = subjects.flatMap((subject): Subject[] => [
        { ...subject, name: one(subject.name), logins: subject.logins.slice(0, 1) },
        { ...subject, name: all(subject.name) },
      ]);
      const results = await measure(
        workshop,
        ways,
        works.map(({ databases, connections }) => ({ points, connections, databases })),
        options,
      );
      await stopAll(subjects);
      await upstream.program.stop();
      const tables = results.map(({ medians }, at) =>
        sampleTable(works[at]?.what ?? "", medians, (sample) => sample.gateway, one("off")),
      );
      const figures = results.flatMap(({ ratio }, at) =>
        states.map((state) => {
          const what = `growth of CPU per request from ${works[at]?.what}`;
          const value = ratio(all(state), one(state), "gateway");
          return atMost(state === "on" ? what : `${what}, group commit off`, value, 1.1);
        }),
      );
      return { text: tables.join("\n\n"), figures };
    } finally {
      await workshop.remove();
    }
  },
};

function one(state: string): string {
  return `1, group commit ${state}`;
}

function all(state: string): string {
  return `${many.toLocaleString("en")}, group commit ${state}`;
}

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
