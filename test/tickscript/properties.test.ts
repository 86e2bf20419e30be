import fc from "fast-check";
import t from "tap";
import {
  everyScriptIsJudged,
  printedTreeParsesToItself,
  tokensCoverTheScript,
  treeOrProblem,
  workGrowsWithLength,
} from "./properties.ts";

t.test("every script is a tree or a problem with a place, never an exception", async () => {
  fc.assert(treeOrProblem, { numRuns: 5000 });
});

t.test("tokens cover the script, save for space and comments", async () => {
  fc.assert(tokensCoverTheScript, { numRuns: 5000 });
});

t.test("a printed tree parses to itself", async () => {
  fc.assert(printedTreeParsesToItself, { numRuns: 1500 });
});

t.test("every script is judged, and every verdict has its place", async () => {
  fc.assert(everyScriptIsJudged, { numRuns: 3000 });
});

t.test("steps and tokens grow with the length of a script", async () => {
  fc.assert(workGrowsWithLength, { numRuns: 300 });
});
