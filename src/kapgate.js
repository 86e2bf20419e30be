#!/usr/bin/env node
// The first file that runs, in syntax that every Node reads: an old runtime gets one line that says so, not a stack trace.
const needed = 24;
const running = Number(process.versions.node.split(".")[0]);
if (running < needed) {
  process.stderr.write(`kapgate needs Node ${needed} or newer; this is Node ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  await import("./main.ts");
}
