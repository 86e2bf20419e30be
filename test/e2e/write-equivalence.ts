import t from "tap";
import { createRound, tryDaemon, tryStandin } from "../support/write-equivalence-rounds.ts";
import { findProgram } from "./kapacitord.ts";

const rounds = 20;
const perRound = 5000;
const daemon = findProgram("KAPACITORD");

/** 100,000 random bodies: every client is told what it would be told alone, and the same is stored. */
export function testEquivalence(groupCommit: boolean): void {
  const first = Date.now() % 2 ** 31;
  const mode = `group commit ${groupCommit ? "on" : "off"}`;
  for (let seed = first; seed < first + rounds; seed += 1)
    t.test(`${perRound} writes, ${mode}, seed ${seed}`, async (t) => {
      const found = await tryStandin(createRound(seed, perRound), groupCommit);
      t.same(found.slice(0, 3), [], `node fuzz/write-equivalence.ts ${perRound} ${seed}`);
    });
  t.test(
    "a real daemon as well",
    { skip: "missing" in daemon ? daemon.missing : !groupCommit && "the other file compares both" },
    async (t) => {
      if ("missing" in daemon) return;
      const found = await tryDaemon(daemon.path, createRound(first, perRound));
      t.same(found.slice(0, 3), [], `KAPACITORD=… node fuzz/write-equivalence.ts ${perRound} ${first}`);
    },
  );
}
