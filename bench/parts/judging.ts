import { judging as measure } from "../judging.ts";
import { atMost, table } from "../rig/report.ts";
import type { Part } from "./part.ts";

const inMilliseconds = (microseconds: number): number => microseconds / 1000;

/** What the alert policy costs, without a server: CPU time of this process. */
export const judging: Part = {
  name: "judging",
  title: "Definitions judged: a typical task and the worst that may be sent",
  needs: [],
  needsDaemon: false,
  run: async ({ tell }) => {
    tell("about ten seconds");
    const rows = await measure();
    return {
      text: table(
        ["", "bytes", "CPU ms", "verdict"],
        rows.map(({ name, bytes, microseconds, verdict }) => [
          name,
          bytes.toLocaleString("en"),
          inMilliseconds(microseconds).toFixed(2),
          verdict,
        ]),
      ),
      figures: rows.map(({ name, microseconds, limitMicroseconds }) =>
        atMost(name, inMilliseconds(microseconds), inMilliseconds(limitMicroseconds), "ms"),
      ),
    };
  },
};
