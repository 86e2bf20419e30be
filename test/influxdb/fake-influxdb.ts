import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Credentials, readBasic } from "../../src/credentials/basic.ts";
import { portOf } from "../support/gateway.ts";

export type Privilege = "READ" | "WRITE" | "ALL PRIVILEGES" | "NO PRIVILEGES";

export interface FakeUser {
  password: string;
  admin?: boolean;
  /** Privileges by database. */
  grants?: Record<string, Privilege>;
}

/** A pretended InfluxDB 1.x that answers what kapgate asks, as influxd 1.6.7 does. Its members may be changed at any time. */
export interface FakeInfluxdb {
  readonly url: string;
  readonly users: Map<string, FakeUser>;
  /** Destinations by `db.rp`. */
  readonly subscriptions: Map<string, string[]>;
  /** `[http] auth-enabled`. */
  authenticates: boolean;
  /** `down`: connections are cut; `silent`: no answer comes; or an answer of its own. */
  mood: "well" | "down" | "silent" | ((response: ServerResponse) => void);
  /** Every question so far: the user, `-` for none, and the statement. */
  readonly questions: string[];
  /** Cuts every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** The login that it is configured with: an administrator. */
export const root = { name: "root", password: "root secret" };

export async function startFakeInfluxdb(): Promise<FakeInfluxdb> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => answer(fake, request, response));
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fake: FakeInfluxdb = {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    users: new Map([[root.name, { password: root.password, admin: true }]]),
    subscriptions: new Map(),
    authenticates: true,
    mood: "well",
    questions: [],
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
  return fake;
}

function answer(fake: FakeInfluxdb, request: IncomingMessage, response: ServerResponse): void {
  const statement = new URL(request.url ?? "", "http://fake").searchParams.get("q") ?? "";
  const login = request.headers.authorization === undefined ? undefined : readBasic(request.headers.authorization);
  fake.questions.push(`${login?.user ?? "-"} ${statement}`);
  if (fake.mood === "silent") return;
  if (fake.mood === "down") {
    request.socket.destroy();
    return;
  }
  if (fake.mood !== "well") {
    fake.mood(response);
    return;
  }
  const [status, value] = judge(fake, login, statement);
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(value)}\n`);
}

function judge(
  fake: FakeInfluxdb,
  login: Credentials | undefined,
  statement: string,
): readonly [status: number, value: object] {
  if (fake.authenticates) {
    if (login === undefined) return [401, { error: "unable to parse authentication credentials" }];
    const user = fake.users.get(login.user);
    if (user?.password !== login.password) return [401, { error: "authorization failed" }];
    if (user.admin !== true && statement !== "SHOW DATABASES")
      return [403, { error: `error authorizing query: ${login.user} not authorized to execute statement` }];
  }
  return [200, { results: [{ statement_id: 0, ...run(fake, statement) }] }];
}

function run(fake: FakeInfluxdb, statement: string): object {
  if (statement === "SHOW DATABASES") return { series: [{ name: "databases", columns: ["name"], values: [["db"]] }] };
  if (statement === "SHOW USERS") {
    const values = [...fake.users].map(([name, { admin = false }]) => [name, admin]);
    return { series: [{ columns: ["user", "admin"], values }] };
  }
  if (statement === "SHOW SUBSCRIPTIONS") {
    const series = [...fake.subscriptions].map(([name, destinations]) => ({
      name: name.split(".")[0],
      columns: ["retention_policy", "name", "mode", "destinations"],
      values: [[name.split(".")[1], "kapacitor-1", "ANY", destinations]],
    }));
    return series.length === 0 ? {} : { series };
  }
  const [, quoted] = /^SHOW GRANTS FOR "((?:[^"\\]|\\.)*)"$/.exec(statement) ?? [];
  const user = quoted === undefined ? undefined : fake.users.get(quoted.replace(/\\(.)/g, "$1"));
  if (user === undefined) return { error: "user not found" };
  return { series: [{ columns: ["database", "privilege"], values: Object.entries(user.grants ?? {}) }] };
}
