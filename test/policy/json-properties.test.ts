import fc from "fast-check";
import t from "tap";
import { noPatchMakesADisabledHandler, nothingHarmfulPasses, ordinaryTasksPass, seen } from "./json-properties.ts";

t.test("no body that Go reads as forbidden is forwarded", async (t) => {
  Object.assign(seen, { harmful: 0, passed: 0 });
  fc.assert(nothingHarmfulPasses, { numRuns: 4000 });
  t.ok(seen.harmful > 200 && seen.passed > 200, `${seen.harmful} were harmful, ${seen.passed} passed`);
});

t.test("no patch makes a handler that must not be", async (t) => {
  Object.assign(seen, { harmful: 0, passed: 0 });
  fc.assert(noPatchMakesADisabledHandler, { numRuns: 2000 });
  t.ok(seen.harmful > 10 && seen.passed > 100, `${seen.harmful} were harmful, ${seen.passed} passed`);
});

t.test("what clients send passes, whatever their vars are called", async () => {
  fc.assert(ordinaryTasksPass, { numRuns: 500 });
});
