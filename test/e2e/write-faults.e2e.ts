import { readFileSync } from "node:fs";
import t from "tap";
import { writeThroughFaults } from "../support/fault-clients.ts";
import { faultEvery, startFaultyKapacitor } from "../support/faulty-kapacitor.ts";
import { admin, adminUser, basic } from "../support/gateway.ts";
import { createRandom } from "../support/line-bodies.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";

/** Resident memory of a process, in bytes. */
function resident(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

t.test("15,000 writes through faults of every kind: none is answered twice or lost, and memory stays", async (t) => {
  const seed = Date.now() % 2 ** 31;
  const random = createRandom(seed);
  const kapacitor = await startFaultyKapacitor(faultEvery(12));
  const folder = await makeFolder();
  const file = await folder.write(
    "kapgate.toml",
    `${liveBase}${adminUser}[[kapacitor]]\nurl = "${kapacitor.url}"\nwrite-timeout = "500ms"\nwrite-hold = "400ms"\n`,
  );
  const live = launch(["-config", file], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await live.ended;
    await kapacitor.close();
    await folder.remove();
  });
  const target = { port: await listeningPort(live), ca: folder.ca, authorization: basic(admin) };
  const sizes: number[] = [];
  for (let part = 0; part < 4; part += 1) {
    let writing = true;
    const restarts = (async () => {
      while (writing) {
        await new Promise((resolve) => setTimeout(resolve, 700));
        await kapacitor.restart(random() < 0.7 ? 100 : 600);
      }
    })();
    const report = await writeThroughFaults(target, { clients: 64, writesPerClient: 60, part, random });
    writing = false;
    await restarts;
    t.same(report.problems(kapacitor.stored).slice(0, 5), [], `part ${part}, seed ${seed}`);
    t.comment(JSON.stringify([...report.answers]));
    sizes.push(resident(live.child.pid));
  }
  t.comment(`resident: ${sizes.map((size) => Math.round(size / 1e6)).join(", ")} MB`);
  const [first = 0] = sizes;
  t.ok(Math.max(...sizes) < first + 100_000_000, `memory stays: ${sizes.join()}`);
  live.child.kill("SIGTERM");
  t.equal((await live.ended).code, 0, "nothing is left under way");
  t.notMatch(live.stderr(), /internal_error|uncaught/i);
});
