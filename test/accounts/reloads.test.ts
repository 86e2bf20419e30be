import { writeFile } from "node:fs/promises";
import bcrypt from "@node-rs/bcrypt";
import t, { type Test } from "tap";
import { type Standin, startStandin } from "../../src/standin/server.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { hash, type KeptConnection, keepConnection, password, reasonOf, userToml } from "./clients.ts";

interface Bench {
  readonly gateway: TestGateway;
  readonly standin: Standin;
  readonly connection: KeptConnection;
  /** What a login may do now, over the kept connection: read, write to `db`, write to `other`. */
  outcomes(login: string): Promise<readonly string[]>;
}

async function start(t: Test, toml: (url: string) => string): Promise<Bench> {
  const standin = await startStandin();
  const gateway = await startTestGateway(toml(standin.url));
  const connection = keepConnection(gateway);
  t.teardown(async () => {
    await connection.close();
    await gateway.close();
    await standin.close();
  });
  const say = ({ status, body }: { status: number; body: string }) => `${status} ${reasonOf(body)}`.trim();
  const write = async (login: string, db: string) =>
    say(await connection.request("POST", `/write?db=${db}`, { login, body: "m v=1 1\n" }));
  return {
    gateway,
    standin,
    connection,
    outcomes: async (login) => [
      say(await connection.request("GET", "/kapacitor/v1/tasks", { login })),
      // Twice, so that the second one has the head of the one before.
      await write(login, "db"),
      await write(login, "db"),
      await write(login, "other"),
    ],
  };
}

t.test("a reload that takes something from a user reaches its open connections", async (t) => {
  const instance = (url: string, name = "default") => `[[kapacitor]]\nurl = "${url}"\nname = "${name}"\n`;
  const { gateway, connection, outcomes, standin } = await start(
    t,
    (url) => userToml("ann", "editor") + userToml("boss", "admin") + instance(url),
  );
  const login = `ann:${password}`;
  const may = ["200", "204", "204", "204"];
  const wrong = "401 credentials_invalid";
  const denied = "403 role_denied";
  const other = await bcrypt.hash("another password", 4);
  const changes: readonly [what: string, toml: string, expected: readonly string[]][] = [
    ["viewer", userToml("ann", "viewer"), ["200", denied, denied, denied]],
    ["writer of one database", userToml("ann", "writer", 'databases = ["db"]\n'), [denied, "204", "204", denied]],
    ["another password", userToml("ann", "editor").replace(hash, other), [wrong, wrong, wrong, wrong]],
    ["as before", userToml("ann", "editor"), may],
    ["removed", "", [wrong, wrong, wrong, wrong]],
    ["admin", userToml("ann", "admin"), may],
  ];
  t.strictSame(await outcomes(login), may);
  for (const [what, users, expected] of changes) {
    await gateway.reload(users + userToml("boss", "admin") + instance(standin.url));
    t.strictSame(await outcomes(login), expected, what);
  }
  await gateway.reload(
    `${userToml("ann", "editor", 'instances = ["second"]\n')}${userToml("boss", "admin")}${instance(standin.url)}hosts = ["localhost", "127.0.0.1"]\n${instance(standin.url, "second")}`,
  );
  t.strictSame(await outcomes(login), [denied, denied, denied, denied], "another instance only");
  t.equal(connection.connects(), 1, "all over one connection");
});

t.test("users of htpasswd-file have htpasswd-role", async (t) => {
  const folder = t.testdir({ users: "" });
  await writeFile(`${folder}/users`, `ann:${hash}\n`);
  for (const [role, expected] of [
    ["", ["200", "403 role_denied", "403 role_denied", "403 role_denied"]],
    ["writer", ["403 role_denied", "204", "204", "204"]],
    ["editor", ["200", "204", "204", "204"]],
    ["admin", ["200", "204", "204", "204"]],
  ] as const) {
    const standin = await startStandin();
    const http = `htpasswd-file = "${folder}/users"\n${role === "" ? "" : `htpasswd-role = "${role}"\n`}`;
    const gateway = await startTestGateway(`[[kapacitor]]\nurl = "${standin.url}"\n`, { http });
    const connection = keepConnection(gateway);
    const results: string[] = [];
    for (const [method, path] of [
      ["GET", "/kapacitor/v1/tasks"],
      ["POST", "/write?db=db"],
      ["POST", "/write?db=db"],
      ["POST", "/write?db=other"],
    ] as const) {
      const body = method === "POST" ? { body: "m v=1 1\n" } : {};
      const answer = await connection.request(method, path, { login: `ann:${password}`, ...body });
      results.push(`${answer.status} ${reasonOf(answer.body)}`.trim());
    }
    t.strictSame(results, expected, role === "" ? "viewer unless told" : role);
    await connection.close();
    await gateway.close();
    await standin.close();
  }
});
