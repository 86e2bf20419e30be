/**
 * node fuzz/json.ts [seconds] [seed]
 *
 * Tries what must hold for every body of a request (test/policy/json-properties.ts) on random bodies for some seconds, 10 unless told. Ends with 1 and the
 * smallest body found when something does not hold; the same seed finds it again.
 */
import fc from "fast-check";
import * as properties from "../test/policy/json-properties.ts";

const [seconds = 10, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  process.stderr.write("usage: node fuzz/json.ts [seconds] [seed]\n");
  process.exit(2);
}

const { nothingHarmfulPasses, noPatchMakesADisabledHandler, ordinaryTasksPass } = properties;
const all = Object.entries({ nothingHarmfulPasses, noPatchMakesADisabledHandler, ordinaryTasksPass });
for (const [name, property] of all) {
  const interruptAfterTimeLimit = (seconds * 1000) / all.length;
  const details = fc.check<unknown[]>(property as fc.IProperty<unknown[]>, {
    seed,
    numRuns: Number.POSITIVE_INFINITY,
    interruptAfterTimeLimit,
  });
  const { harmful, passed } = properties.seen;
  process.stdout.write(
    `${name}: ${details.numRuns} bodies, ${harmful} harmful and ${passed} passed so far, seed ${seed}\n`,
  );
  if (details.counterexample === null) continue;
  process.stdout.write(`${fc.defaultReportMessage(details)}\n`);
  process.exitCode = 1;
}
