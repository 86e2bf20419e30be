/**
 * node fuzz/tickscript.ts [seconds] [seed]
 *
 * Tries what must hold for every script (test/tickscript/properties.ts) on random scripts for some seconds, 10 unless told. Ends with 1 and the smallest script
 * found when something does not hold; the same seed finds it again.
 */
import fc from "fast-check";
import * as properties from "../test/tickscript/properties.ts";

const [seconds = 10, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  process.stderr.write("usage: node fuzz/tickscript.ts [seconds] [seed]\n");
  process.exit(2);
}

const all = Object.entries(properties);
for (const [name, property] of all) {
  const interruptAfterTimeLimit = (seconds * 1000) / all.length;
  const details = fc.check<unknown[]>(property, { seed, numRuns: Number.POSITIVE_INFINITY, interruptAfterTimeLimit });
  process.stdout.write(`${name}: ${details.numRuns} scripts, seed ${details.seed}\n`);
  if (details.counterexample === null) continue;
  process.stdout.write(`${fc.defaultReportMessage(details)}\n`);
  process.exitCode = 1;
}
