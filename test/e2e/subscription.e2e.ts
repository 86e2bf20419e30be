import { join } from "node:path";
import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { findInfluxd, startInfluxd } from "./influxd.ts";

const found = findInfluxd();
const path = "/path/behind/reverse-proxy";
const writes = 500;
const pointsPerWrite = 20;

/** The ways in which a subscription may be let in; `expect` is how many of its points must arrive. */
const ways = [
  { name: "by its address", db: "by_address", login: "", allow: '["127.0.0.1/32"]', expect: writes * pointsPerWrite },
  {
    name: "by user and password in the URL",
    db: "by_password",
    login: `${admin.replace(" ", "%20")}@`,
    allow: "[]",
    expect: writes * pointsPerWrite,
  },
  { name: "not with a wrong password", db: "by_nobody", login: "admin:wrong@", allow: "[]", expect: 0 },
] as const;

t.test(
  "a real InfluxDB's subscription writes arrive at Kapacitor, each point once",
  { skip: "missing" in found && found.missing },
  async (t) => {
    if ("missing" in found) return;
    const folder = await makeFolder();
    const influxd = await startInfluxd(found.path, join(folder.path, "ca.pem"));
    t.teardown(async () => {
      await influxd.close();
      await folder.remove();
    });
    for (const way of ways) {
      await t.test(way.name, async (t) => {
        const standin = await startStandin();
        t.teardown(() => standin.close());
        const file = await folder.write(
          `${way.db}.toml`,
          `${liveBase}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\nsubscription-path = "${path}"\nsubscription-allow-cidrs = ${way.allow}\n`,
        );
        const live = launch(["-config", file], { cwd: folder.path });
        t.teardown(() => live.child.kill("SIGKILL"));
        const port = await listeningPort(live);
        await influxd.query(`CREATE DATABASE ${way.db}`);
        await influxd.query(
          `CREATE SUBSCRIPTION "kapacitor-test" ON ${way.db}.autogen DESTINATIONS ANY 'https://${way.login}127.0.0.1:${port}${path}'`,
        );

        const sent = new Set<string>();
        for (let write = 0; write < writes; write++) {
          const lines = Array.from(
            { length: pointsPerWrite },
            (_, point) =>
              `m,host=a v=${write * pointsPerWrite + point}i ${1_700_000_000_000_000_000n + BigInt(write * pointsPerWrite + point)}`,
          );
          for (const line of lines) sent.add(line);
          await influxd.write(way.db, lines.join("\n"));
        }
        const deadline = Date.now() + 30_000;
        const refused = () =>
          live
            .records()
            .filter((record) => record.reason === "credentials_invalid" || record.reason === "login_throttled").length;
        while (Date.now() < deadline && standin.points.length < way.expect)
          await new Promise((resolve) => setTimeout(resolve, 50));
        while (Date.now() < deadline && way.expect === 0 && refused() < 10)
          await new Promise((resolve) => setTimeout(resolve, 50));

        t.equal(standin.points.length, way.expect, "every point once");
        const arrived = new Set(standin.points.map((point) => point.line));
        t.equal(arrived.size, way.expect, "no point twice");
        t.ok(
          [...arrived].every((line) => sent.has(line)),
          "no point changed",
        );
        for (const point of standin.points) {
          if (point.db !== way.db || point.rp !== "autogen" || point.precision !== "ns")
            t.fail(`a point arrived under ${point.db}.${point.rp} ${point.precision}`);
        }
        t.ok(
          standin.requests.every((request) => request.method === "POST" && request.target.startsWith("/write?")),
          "all arrived at /write",
        );
        t.notMatch(live.stderr(), /path\/behind|correct horse|Basic /, "the log holds neither path nor password");
        live.child.kill("SIGTERM");
        t.equal((await live.ended).code, 0);
        if (way.expect === 0) {
          t.equal(standin.requests.length, 0);
          t.match(
            influxd.log(),
            /kapgate credentials_invalid [0-9a-f-]{36}: the user name or the password is wrong/,
            "influxd's log shows our line",
          );
        }
      });
    }
  },
);
