import { chmod } from "node:fs/promises";
import t from "tap";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { type Standin, startStandin } from "../../src/standin/server.ts";
import { root, startFakeInfluxdb } from "../influxdb/fake-influxdb.ts";
import { startTestGateway } from "../support/gateway.ts";
import { keepConnection, password, reasonOf, userToml } from "./clients.ts";

const teams = ["one", "two", "three"] as const;
type Team = (typeof teams)[number];
/** `three` has no Host names: it serves what nothing else selects. */
const hosts: Readonly<Record<Team, string>> = { one: "one.test", two: "two.test", three: "anything.policy.test" };
const other = (team: Team): readonly Team[] => teams.filter((name) => name !== team);
const tokenOf = (team: Team): string => Buffer.from(`default;the token of team ${team}`).toString("base64url");

t.test("three teams with a Kapacitor each: nobody reaches another team's, by whatever way", async (t) => {
  const authority = await createAuthority();
  const folder = t.testdir({ "ca.pem": authority.certificate });
  await chmod(`${folder}/ca.pem`, 0o600);
  const influxdb = await startFakeInfluxdb();
  const standins = new Map<Team, Standin>();
  for (const team of teams) standins.set(team, await startStandin());
  const standinOf = (team: Team): Standin => {
    const standin = standins.get(team);
    if (standin === undefined) throw new Error("no such team");
    return standin;
  };
  const users = teams.map((team) =>
    [
      userToml(`editor-${team}`, "editor", `instances = ["${team}"]\n`),
      userToml(`viewer-${team}`, "viewer", `instances = ["${team}"]\n`),
      userToml(`admin-${team}`, "admin", `instances = ["${team}"]\n`),
      userToml(`writer-${team}`, "writer", `instances = ["${team}"]\ncertificate = "CN=team ${team}"\n`),
    ].join(""),
  );
  const instances = teams.map((team) => {
    const names = team === "three" ? "" : `hosts = ["${hosts[team]}"]\n`;
    return `[[kapacitor]]\nname = "${team}"\nurl = "${standinOf(team).url}"\nsubscription-path = "/of/${team}"\n${names}`;
  });
  const gateway = await startTestGateway(
    `${users.join("")}${userToml("boss", "admin")}${instances.join("")}[tls]\nclient-auth = "optional"\nclient-ca = "${folder}/ca.pem"\n[influxdb]\nurl = "${influxdb.url}"\nusername = "${root.name}"\npassword = "${root.password}"\n`,
  );
  t.teardown(async () => {
    await gateway.close();
    await influxdb.close();
    for (const standin of standins.values()) await standin.close();
  });
  const counts = () => teams.map((team) => standinOf(team).requests.length);
  const send = async (method: string, path: string, options: { host: string; login?: string }): Promise<string> => {
    const { status, body } = await gateway.request(method, path, {
      ...(options.login === undefined ? {} : { login: options.login }),
      headers: { host: options.host },
      ...(method === "POST" ? { body: "m v=1 1\n" } : {}),
    });
    return `${status} ${reasonOf(body)}`.trim();
  };
  const write = "?db=db&rp=autogen";
  const ways = (team: Team): readonly [method: string, path: string, host: string][] => [
    ["GET", "/kapacitor/v1/tasks", hosts[team]],
    ["GET", "/kapacitor/v1preview/tasks", `${hosts[team].toUpperCase()}.:443`],
    ["POST", `/write${write}`, hosts[team]],
    ["POST", `/kapacitor/v1/write${write}`, hosts[team]],
    ["POST", `/of/${team}/write${write}`, hosts[team]],
    ["POST", `/of/${team}/write${write}`, hosts.three],
    ["POST", `/%6ff/${team}/write${write}`, "elsewhere.policy.test"],
  ];

  await t.test("by Host and by path", async (t) => {
    for (const team of teams) {
      for (const role of ["editor", "viewer", "writer", "admin"] as const) {
        const login = `${role}-${team}:${password}`;
        for (const target of other(team)) {
          const before = counts();
          const results = await Promise.all(
            ways(target).map(([method, path, host]) => send(method, path, { host, login })),
          );
          t.strictSame(new Set(results), new Set(["403 role_denied"]), `${login} at ${target}`);
          t.strictSame(counts(), before, "and nothing arrived anywhere");
        }
      }
      const own = await Promise.all(
        ways(team).map(([method, path, host]) => send(method, path, { host, login: `admin-${team}:${password}` })),
      );
      t.strictSame(own, ["200", "200", "204", "204", "204", "204", "204"], `${team}: its own`);
      const boss = await Promise.all(
        ways(team).map(([method, path, host]) => send(method, path, { host, login: `boss:${password}` })),
      );
      t.strictSame(new Set(boss.map((answer) => answer.slice(0, 1))), new Set(["2"]), "an admin of all of them");
    }
  });

  await t.test("a Host that others may have told does not decide", async (t) => {
    const login = `admin-one:${password}`;
    const before = counts();
    for (const headers of [
      { "x-forwarded-host": "two.test" },
      { forwarded: "host=two.test" },
      { "x-host": "two.test" },
    ]) {
      const answer = await gateway.request("GET", "/kapacitor/v1/ping", {
        login,
        headers: { host: "one.test", ...headers },
      });
      t.equal(answer.status, 204);
    }
    t.strictSame(
      counts(),
      before.map((count, index) => (index === 0 ? count + 3 : count)),
    );
  });

  await t.test("by certificate", async (t) => {
    for (const team of teams) {
      const pair = await issue(authority, { hosts: [], usage: "client", commonName: `team ${team}` });
      const connection = keepConnection(gateway, pair);
      for (const target of teams) {
        for (const [method, path, host] of ways(target).filter(([method]) => method === "POST")) {
          const { status, body } = await connection.request(method, path, { host, body: "m v=1 1\n" });
          const expected = target === team ? "204" : "403 role_denied";
          t.equal(`${status} ${reasonOf(body)}`.trim(), expected, `${team} at ${target}: ${path}`);
        }
      }
      await connection.close();
    }
  });

  await t.test("by subscription token", async (t) => {
    // Two by path, as Kapacitor 1.5.8 and later make them, one by Host.
    influxdb.subscriptions.set("db.autogen", [
      `https://~subscriber:${tokenOf("one")}@one.test:9443`,
      `https://~subscriber:${tokenOf("two")}@gateway.test:9443/of/two`,
      `https://~subscriber:${tokenOf("three")}@10.0.0.1:9443/of/three/`,
      `http://~subscriber:${tokenOf("one").slice(1)}@one.test:9443/of/nobody`,
    ]);
    for (const team of teams) {
      const login = `~subscriber:${tokenOf(team)}`;
      for (const [method, path, host] of ways(team).filter(([method]) => method === "POST"))
        t.equal(await send(method, path, { host, login }), "204", `${team} at home: ${path}`);
      const before = counts();
      const rows = other(team).flatMap((target) => ways(target));
      const results = await Promise.all(rows.map(([method, path, host]) => send(method, path, { host, login })));
      t.strictSame(new Set(results), new Set(["401 credentials_invalid"]), `${team} elsewhere`);
      t.strictSame(counts(), before);
    }
  });
});
