import fc from "fast-check";
import t from "tap";
import { printedTreeParsesToItself, tokensCoverTheScript, treeOrProblem } from "./properties.ts";

t.test("every script is a tree or a problem with a place, never an exception", async () => {
  fc.assert(treeOrProblem, { numRuns: 5000 });
});

t.test("tokens cover the script, save for space and comments", async () => {
  fc.assert(tokensCoverTheScript, { numRuns: 5000 });
});

t.test("a printed tree parses to itself", async () => {
  fc.assert(printedTreeParsesToItself, { numRuns: 1500 });
});
