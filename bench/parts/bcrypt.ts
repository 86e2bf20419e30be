import { measure, type Sample } from "../rig/measure.ts";
import { haproxy, kapgate, nginx } from "../rig/peers.ts";
import { type Figure, sampleTable } from "../rig/report.ts";
import { startMinimal } from "../rig/upstreams.ts";
import { openWorkshop } from "../rig/workshop.ts";
import { installed, type Part, skippedLine } from "./part.ts";
import { on, startAll, stopAll } from "./writes.ts";

const others = [nginx("bcrypt"), haproxy("bcrypt")];

/** Verifying bcrypt for every request takes seconds for what kapgate does in milliseconds: few connections, long rounds. */
const connections = 4;
const seconds = 8;

export const bcrypt: Part = {
  name: "bcrypt",
  title: "Passwords hashed with bcrypt, cost 10",
  needs: ["wrk", "taskset"],
  needsDaemon: false,
  run: async ({ rounds, tell }) => {
    const workshop = await openWorkshop();
    try {
      const upstream = await startMinimal(workshop);
      const { present, skipped } = installed([kapgate(on, { groupCommit: true }), ...others]);
      const subjects = await startAll(workshop, present, upstream);
      const options = { rounds: Math.min(rounds, 3), seconds, tell };
      const [result] = await measure(workshop, subjects, [{ points: 60, connections }], options);
      await stopAll(subjects);
      await upstream.program.stop();
      const medians = result?.medians ?? new Map<string, Sample>();
      const text = sampleTable(`60 points, ${connections} connections`, medians, (sample) => sample.gateway, on);
      return { text: text + skippedLine(skipped), figures: others.flatMap(({ name }) => figureOf(name, medians)) };
    } finally {
      await workshop.remove();
    }
  },
};

function figureOf(name: string, medians: ReadonlyMap<string, Sample>): Figure[] {
  const [own, other] = [medians.get(on)?.perSecond, medians.get(name)?.perSecond];
  if (own === undefined || other === undefined) return [];
  const times = own / other;
  return [
    {
      what: `requests/s against ${name}, cost 10`,
      reach: "≥ 100 ×",
      measured: `${Math.round(times)} ×`,
      reached: times >= 100,
    },
  ];
}
