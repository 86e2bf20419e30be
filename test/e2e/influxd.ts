import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { portOf } from "../support/gateway.ts";

/** A real InfluxDB 1.x on loopback, with its data in a folder of its own. */
export interface Influxd {
  readonly url: string;
  /** Everything it has logged so far. */
  readonly log: () => string;
  /** Runs InfluxQL and returns the answer's text; throws when InfluxDB says there is an error. */
  query(statement: string): Promise<string>;
  /** Writes line protocol with nanosecond timestamps. */
  write(db: string, lines: string): Promise<void>;
  close(): Promise<void>;
}

/** The `influxd` on PATH, or why there is none. */
export function findInfluxd(): { readonly path: string } | { readonly missing: string } {
  try {
    return { path: execFileSync("sh", ["-c", "command -v influxd"], { encoding: "utf8" }).trim() };
  } catch {
    return { missing: "influxd is not on PATH (Debian: apt-get install influxdb)" };
  }
}

/** A loopback port that is free right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts influxd; its subscriptions trust the authority in `caFile`. `http` and `subscriber` hold more lines for these sections. */
export async function startInfluxd(path: string, caFile: string, http = "", subscriber = ""): Promise<Influxd> {
  const folder = await mkdtemp(join(tmpdir(), "kapgate-influxd-"));
  const port = await freePort();
  await writeFile(
    join(folder, "influxdb.conf"),
    `reporting-disabled = true
bind-address = "127.0.0.1:${await freePort()}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
  ${http}
[monitor]
  store-enabled = false
[subscriber]
  ca-certs = "${caFile}"
  write-concurrency = 40
  write-buffer-size = 1000
  ${subscriber}
`,
  );
  const child: ChildProcess = spawn(path, ["-config", join(folder, "influxdb.conf")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      log += chunk;
    });
  }
  const url = `http://127.0.0.1:${port}`;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + 30_000;
  for (;;) {
    const up = await request(`${url}/ping`).then(
      async (answer) => {
        await answer.body.dump();
        return answer.statusCode === 204;
      },
      () => false,
    );
    if (up) break;
    if (Date.now() > deadline || child.exitCode !== null) {
      await close();
      throw new Error(`influxd did not start:\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    log: () => log,
    query: async (statement) => {
      const answer = await request(`${url}/query?q=${encodeURIComponent(statement)}`, { method: "POST" });
      const text = await answer.body.text();
      if (text.includes('"error"')) throw new Error(text);
      return text;
    },
    write: async (db, lines) => {
      const answer = await request(`${url}/write?db=${db}&precision=ns`, { method: "POST", body: lines });
      const text = await answer.body.text();
      if (answer.statusCode !== 204) throw new Error(text);
    },
    close,
  };
}
