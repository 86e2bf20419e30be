import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { adminUser, portOf } from "../support/gateway.ts";
import { createRandom } from "../support/line-bodies.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { findInfluxd, startInfluxd } from "./influxd.ts";

const found = findInfluxd();
const total = 1_000_000;
const path = "/influx";

t.test(
  "a real InfluxDB writes 1,000,000 points, 1 to 5,000 at a time, and all of them arrive once",
  { skip: "missing" in found && found.missing },
  async (t) => {
    if ("missing" in found) return;
    const seen = new Uint8Array(total);
    let strange = 0;
    const upstream = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      for (const line of Buffer.concat(chunks).toString("latin1").split("\n")) {
        const [, value] = /^m,host=h v=(\d+)i \d{19}$/.exec(line) ?? [];
        const at = Number(value);
        if (value !== undefined) seen[at] = (seen[at] ?? 0) + 1;
        else if (line !== "") strange += 1;
      }
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    const folder = await makeFolder();
    const influxd = await startInfluxd(found.path, join(folder.path, "ca.pem"));
    const file = await folder.write(
      "kapgate.toml",
      `${liveBase}${adminUser}[[kapacitor]]\nurl = "http://127.0.0.1:${portOf(upstream.address())}"\nsubscription-path = "${path}"\nsubscription-allow-cidrs = ["127.0.0.1/32"]\n`,
    );
    const live = launch(["-config", file], { cwd: folder.path });
    t.teardown(async () => {
      live.child.kill("SIGKILL");
      await influxd.close();
      upstream.close();
      upstream.closeAllConnections();
      await folder.remove();
    });
    const port = await listeningPort(live);
    await influxd.query("CREATE DATABASE metrics");
    await influxd.query(
      `CREATE SUBSCRIPTION "kapacitor" ON metrics.autogen DESTINATIONS ANY 'https://127.0.0.1:${port}${path}'`,
    );

    const seed = Date.now() % 2 ** 31;
    const random = createRandom(seed);
    let writes = 0;
    for (let sent = 0; sent < total; writes += 1) {
      // Many small ones, because those are what leaves together.
      const count = Math.min(
        total - sent,
        random() < 0.8 ? 1 + Math.floor(random() * 20) : 1 + Math.floor(random() * 5000),
      );
      const lines = Array.from(
        { length: count },
        (_, at) => `m,host=h v=${sent + at}i ${1_700_000_000_000_000_000n + BigInt(sent + at)}`,
      );
      await influxd.write("metrics", lines.join("\n"));
      sent += count;
    }
    const arrived = (): number => seen.reduce((sum, count) => sum + Math.min(count, 1), 0);
    for (let tries = 0; tries < 300 && arrived() < total; tries += 1) await sleep(100);
    t.comment(`${writes} writes, seed ${seed}`);
    t.equal(arrived(), total, "every point");
    t.equal(seen.filter((count) => count > 1).length, 0, "none of them twice");
    t.equal(strange, 0, "nothing else");
    t.equal(live.records().filter(({ status }) => Number(status) >= 400).length, 0, "no write was refused");
  },
);
