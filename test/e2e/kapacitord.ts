import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { freePort } from "./influxd.ts";

/** A real Kapacitor on loopback, with its data in a folder of its own. */
export interface Kapacitord {
  readonly url: string;
  readonly folder: string;
  close(): Promise<void>;
}

/** The program that the variable names, or that is on PATH; or why there is none. */
export function findProgram(
  variable: "KAPACITORD" | "KAPACITOR",
): { readonly path: string } | { readonly missing: string } {
  const named = process.env[variable];
  if (named !== undefined && named !== "") return { path: named };
  try {
    return { path: execFileSync("sh", ["-c", `command -v ${variable.toLowerCase()}`], { encoding: "utf8" }).trim() };
  } catch {
    return { missing: `no ${variable.toLowerCase()}: set ${variable} to the binary` };
  }
}

/**
 * Starts kapacitord without InfluxDB; resolves when it answers. `sections` go into its configuration, `programs` before its PATH, and
 * `environment` has its settings by name (KAPACITOR_HTTP_AUTH_ENABLED).
 */
export async function startKapacitord(
  path: string,
  more: {
    readonly sections?: string;
    readonly programs?: string;
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<Kapacitord> {
  const folder = await mkdtemp(join(tmpdir(), "kapgate-kapacitord-"));
  const port = await freePort();
  await writeFile(
    join(folder, "kapacitor.conf"),
    `hostname = "localhost"
data_dir = "${folder}"
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[logging]
  file = "STDERR"
  level = "ERROR"
[replay]
  dir = "${folder}/replay"
[task]
  dir = "${folder}/tasks"
[storage]
  boltdb = "${folder}/kapacitor.db"
[load]
  enabled = false
  dir = "${folder}/load"
[reporting]
  enabled = false
[[influxdb]]
  enabled = false
  default = true
  name = "default"
  urls = ["http://127.0.0.1:1"]
  disable-subscriptions = true
${more.sections ?? ""}`,
  );
  const child: ChildProcess = spawn(path, ["-config", join(folder, "kapacitor.conf")], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...more.environment, PATH: [more.programs, process.env.PATH].filter(Boolean).join(":") },
  });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + 30_000;
  for (;;) {
    const up = await request(`${url}/kapacitor/v1/ping`).then(
      // 401 is what it says with `auth-enabled`.
      (answer) => answer.statusCode === 204 || answer.statusCode === 401,
      () => false,
    );
    if (up) return { url, folder, close };
    if (Date.now() > deadline || child.exitCode !== null) {
      await close();
      throw new Error(`kapacitord did not start:\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** How a command of the CLI ended. */
export interface CliResult {
  readonly code: number;
  readonly output: string;
}

/** Runs the `kapacitor` CLI; one that follows a stream is ended by SIGINT after `forMs`. */
export function runCli(
  path: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd: string,
  forMs = 10_000,
): Promise<CliResult> {
  return new Promise((resolve) => {
    const child = execFile(
      path,
      [...args],
      { env: { HOME: cwd, ...environment }, cwd, timeout: 15_000, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        clearTimeout(timer);
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, output: `${stdout}${stderr}` });
      },
    );
    const timer = setTimeout(() => child.kill("SIGINT"), forMs);
  });
}
