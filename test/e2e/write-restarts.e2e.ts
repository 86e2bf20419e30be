import { type ChildProcess, fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { adminUser } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { findInfluxd, freePort, startInfluxd } from "./influxd.ts";

const found = findInfluxd();
const restarts = 20;
/** How long it stays away each time; RESTARTS_DOWN_SECONDS=5 is the figure that is promised. */
const downSeconds = Number(process.env.RESTARTS_DOWN_SECONDS ?? 1);
const pointsPerWrite = 20;
const path = "/influx";

function startStore(port: number, file: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, "line-store.ts"), [String(port), file]);
  return new Promise((resolve, reject) => {
    child.once("message", () => resolve(child));
    child.once("exit", (code) => reject(new Error(`the store ended with ${code}`)));
  });
}

function stopStore(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  t.test(
    `Kapacitor ended by ${signal} ${restarts} times, ${downSeconds} s away each, while a real InfluxDB writes: nothing is lost but what it was just taking, nothing is stored twice`,
    { skip: "missing" in found && found.missing },
    async (t) => {
      if ("missing" in found) return;
      const folder = await makeFolder();
      const stored = join(folder.path, "stored");
      writeFileSync(stored, "");
      const port = await freePort();
      let store = await startStore(port, stored);
      const influxd = await startInfluxd(found.path, join(folder.path, "ca.pem"));
      const file = await folder.write(
        "kapgate.toml",
        `${liveBase}${adminUser}[[kapacitor]]\nurl = "http://127.0.0.1:${port}"\nsubscription-path = "${path}"\nsubscription-allow-cidrs = ["127.0.0.1/32"]\n`,
      );
      const live = launch(["-config", file], { cwd: folder.path });
      t.teardown(async () => {
        live.child.kill("SIGKILL");
        store.kill("SIGKILL");
        await influxd.close();
        await folder.remove();
      });
      const gateway = await listeningPort(live);
      await influxd.query("CREATE DATABASE metrics");
      await influxd.query(
        `CREATE SUBSCRIPTION "kapacitor" ON metrics.autogen DESTINATIONS ANY 'https://127.0.0.1:${gateway}${path}'`,
      );

      let sent = 0;
      let writing = true;
      const writer = (async () => {
        while (writing) {
          const lines = Array.from({ length: pointsPerWrite }, (_, at) => `m v=${sent + at}i ${1e15 + sent + at}`);
          await influxd.write("metrics", lines.join("\n"));
          sent += pointsPerWrite;
          await sleep(8);
        }
      })();
      for (let round = 0; round < restarts; round += 1) {
        await sleep(600);
        await stopStore(store, signal);
        await sleep(downSeconds * 1000);
        store = await startStore(port, stored);
      }
      await sleep(600);
      writing = false;
      await writer;

      const counts = (): Uint8Array => {
        const seen = new Uint8Array(sent);
        for (const [, value] of readFileSync(stored, "latin1").matchAll(/^m v=(\d+)i /gm)) {
          const at = Number(value);
          seen[at] = (seen[at] ?? 0) + 1;
        }
        return seen;
      };
      const isLost = (record: object): boolean => "reason" in record && record.reason === "upstream_reset";
      const lost = (): number => live.records().filter(isLost).length * pointsPerWrite;
      for (let tries = 0; tries < 200 && counts().filter((count) => count > 0).length < sent - lost(); tries += 1)
        await sleep(100);
      const seen = counts();
      const missing = seen.filter((count) => count === 0).length;
      t.comment(`${sent} points, ${lost()} of them in writes whose answer was lost, ${missing} of these not stored`);
      t.equal(seen.filter((count) => count > 1).length, 0, "no point is stored twice");
      t.ok(missing <= lost(), "what is missing was in a write whose answer was lost");
      const failed = live.records().filter(({ status }) => Number(status) >= 400);
      t.ok(failed.every(isLost), "nothing else failed");
      // Only what dies with a body in its hands can leave anybody in doubt.
      if (signal === "SIGTERM") t.equal(failed.length, 0, "no write failed");
      else t.ok(lost() < sent / 100, "few writes were in its hands");
      const statistics: {
        results: { series: { tags?: unknown; columns: string[]; values: number[][] }[] }[];
      } = JSON.parse(await influxd.query("SHOW STATS FOR 'subscriber'"));
      const counted = statistics.results[0]?.series.flatMap(({ columns, values }) =>
        values.map((row) => row[columns.indexOf("writeFailures")] ?? 0),
      );
      // One of them is the sum of the other.
      const failures = Math.max(...(counted ?? []));
      t.equal(failures, failed.length, "InfluxDB counts no other failure");
      live.child.kill("SIGTERM");
      t.equal((await live.ended).code, 0);
    },
  );
}
