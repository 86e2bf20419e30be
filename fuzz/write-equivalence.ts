/**
 * node fuzz/write-equivalence.ts [writes] [seed]
 *
 * Sends random hostile writes, 100,000 unless told, from 8 to 64 clients through a gateway with and without group commit, and compares what each
 * client is told and what is stored with what comes of each write alone. Ends with 1 and the seed of the round when something differs.
 * With KAPACITORD set a real daemon is asked as well: status by status, and point by point in its counters.
 */
import { findProgram } from "../test/e2e/kapacitord.ts";
import { createRound, tryDaemon, tryStandin } from "../test/support/write-equivalence-rounds.ts";

const [count = 100_000, first = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
if (!(count > 0) || !Number.isInteger(first)) {
  process.stderr.write("usage: node fuzz/write-equivalence.ts [writes] [seed]\n");
  process.exit(2);
}

const perRound = 5000;
const daemon = findProgram("KAPACITORD");
process.stdout.write("path" in daemon ? "with a real daemon\n" : `without a real daemon: ${daemon.missing}\n`);
for (let done = 0, seed = first; done < count; done += perRound, seed += 1) {
  const round = createRound(seed, Math.min(perRound, count - done));
  const { writes } = round;
  const found: string[] = [];
  for (const groupCommit of [true, false])
    found.push(
      ...(await tryStandin(round, groupCommit)).map((text) => `stand-in, group commit ${groupCommit}: ${text}`),
    );
  if ("path" in daemon) found.push(...(await tryDaemon(daemon.path, round)).map((text) => `daemon, ${text}`));
  process.stdout.write(`${done + writes.length} writes, seed ${seed}: ${found.length} differences\n`);
  if (found.length === 0) continue;
  process.stdout.write(
    `${found.slice(0, 5).join("\n").slice(0, 5000)}\nnode fuzz/write-equivalence.ts ${writes.length} ${seed}\n`,
  );
  process.exitCode = 1;
  break;
}
