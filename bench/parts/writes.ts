import { measure, nameOf, type Result, type Subject } from "../rig/measure.ts";
import { bareNode, caddy, haproxy, kapgate, nginx, type Peer } from "../rig/peers.ts";
import { atMost, type Figure, type Section, sampleTable } from "../rig/report.ts";
import { startMinimal } from "../rig/upstreams.ts";
import { openWorkshop, type Workshop } from "../rig/workshop.ts";
import { installed, type Part, type PartOptions, skippedLine } from "./part.ts";

export const on = "kapgate";
export const off = "kapgate, group commit off";
const reference = "nginx, plain password";

export const peers: readonly Peer[] = [
  kapgate(on, { groupCommit: true }),
  kapgate(off, { groupCommit: false }),
  nginx("plain"),
  haproxy("plain"),
  caddy,
];

/** Starts all peers in front of one upstream. */
export async function startAll(
  workshop: Workshop,
  list: readonly Peer[],
  upstream: { readonly port: number; readonly program: Subject["upstream"] },
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const peer of list)
    subjects.push({ name: peer.name, upstream: upstream.program, ...(await peer.start(workshop, upstream.port)) });
  return subjects;
}

export async function stopAll(subjects: readonly Subject[]): Promise<void> {
  for (const { program } of subjects) await program?.stop();
}

export function worksOf({ points, connections }: PartOptions): { points: number; connections: number }[] {
  return connections.flatMap((each) => points.map((count) => ({ points: count, connections: each })));
}

export const writes: Part = {
  name: "writes",
  title: "Writes before a minimal upstream",
  needs: ["wrk", "taskset"],
  needsDaemon: false,
  run: async (options) => {
    const workshop = await openWorkshop();
    try {
      const upstream = await startMinimal(workshop);
      const { present, skipped } = installed([...peers, bareNode]);
      const subjects = await startAll(workshop, present, upstream);
      const results = await measure(workshop, subjects, worksOf(options), options);
      await stopAll(subjects);
      await upstream.program.stop();
      const tables = results.map(({ work, medians }) =>
        sampleTable(nameOf(work), medians, (sample) => sample.gateway, reference),
      );
      const at60 = results.find(({ work }) => work.points === 60 && work.connections === 64);
      return {
        text: tables.join("\n\n") + skippedLine(skipped),
        figures: at60 === undefined ? [] : figures(at60),
      };
    } finally {
      await workshop.remove();
    }
  },
} satisfies Part & { run(options: PartOptions): Promise<Section> };

function figures({ ratio }: Result): Figure[] {
  return [
    [on, ""],
    [off, ", group commit off"],
  ].flatMap(([name = "", mark]) => [
    atMost(
      `gateway CPU per 6.5 kB write against nginx with a plain password file, 64 connections${mark}`,
      ratio(name, reference, "gateway"),
      1.5,
    ),
    atMost(`the same against Caddy${mark}`, ratio(name, caddy.name, "gateway"), 0.7),
  ]);
}
