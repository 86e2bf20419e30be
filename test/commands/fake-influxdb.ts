import { createServer } from "node:http";
import { portOf } from "../support/gateway.ts";

/** What a subscription is in `SHOW SUBSCRIPTIONS`: database, retention policy, name, destination. */
export type ListedSubscription = readonly [db: string, rp: string, name: string, destination: string];

/** What the fake says; a test changes it between two runs. */
export interface FakeState {
  version: string;
  /** Seconds that its clock is ahead. */
  ahead: number;
  /** Status of every answer to a query. */
  status: number;
  subscriptions: readonly ListedSubscription[];
  /** `SHOW STATS`: points accepted and writes failed, for every subscription. */
  counts: readonly [written: number, failed: number];
  readonly queries: string[];
}

export interface FakeInfluxdb {
  readonly url: string;
  readonly state: FakeState;
  close(): Promise<void>;
}

/** The part of InfluxDB 1.8 that doctor asks, with one database, on loopback. The statements that it answers are the ones a real one is asked in test/e2e. */
export async function startFakeInfluxdb(): Promise<FakeInfluxdb> {
  const state: FakeState = {
    version: "1.8.10",
    ahead: 0,
    status: 200,
    subscriptions: [],
    counts: [3, 0],
    queries: [],
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://x");
    response.setHeader("X-Influxdb-Version", state.version);
    response.setHeader("Date", new Date(Date.now() + state.ahead * 1000).toUTCString());
    if (url.pathname === "/ping") {
      response.writeHead(204).end();
      return;
    }
    const statement = url.searchParams.get("q") ?? "";
    state.queries.push(statement);
    response.writeHead(state.status, { "Content-Type": "application/json" });
    response.end(
      JSON.stringify(state.status === 200 ? { results: [{ series: answer(state, statement) }] } : { error: "refused" }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    state,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer({ subscriptions, counts }: FakeState, statement: string): unknown {
  switch (statement) {
    case "SHOW SUBSCRIPTIONS":
      return subscriptions.map(([db, rp, name, destination]) => ({
        name: db,
        columns: ["retention_policy", "name", "mode", "destinations"],
        values: [[rp, name, "ANY", [destination]]],
      }));
    case "SHOW STATS FOR 'subscriber'":
      return [
        { name: "subscriber", columns: ["createFailures", "pointsWritten", "writeFailures"], values: [[0, 1, 1]] },
        ...subscriptions.map(([database, retention_policy, name, destination]) => ({
          name: "subscriber",
          tags: { database, destination, mode: "ANY", name, retention_policy },
          columns: ["pointsWritten", "writeFailures"],
          values: [counts],
        })),
      ];
    case "SHOW DIAGNOSTICS":
      return [
        { name: "config-subscriber", columns: ["enabled", "http-timeout"], values: [[true, "30s"]] },
        { name: "system", columns: ["PID", "started"], values: [[1, "2026-01-01T00:00:00Z"]] },
      ];
    case "SHOW DATABASES":
      return [{ name: "databases", columns: ["name"], values: [["telegraf"]] }];
    case 'SHOW RETENTION POLICIES ON "telegraf"':
      return [{ columns: ["name", "default"], values: [["autogen", true]] }];
    default:
      throw new Error(`not a statement of doctor's: ${statement}`);
  }
}
