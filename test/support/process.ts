import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type LogRecord, testCertificate } from "./gateway.ts";

export const kapgateEntry = fileURLToPath(new URL("../../src/kapgate.js", import.meta.url));
export const repository = fileURLToPath(new URL("../..", import.meta.url));

/** How a process ended, with everything it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface LiveProcess {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly records: () => LogRecord[];
  /** Resolves with the first log record that matches; rejects after `withinMs` or when the process ends before. */
  until(matches: (record: LogRecord) => boolean, withinMs?: number): Promise<LogRecord>;
  readonly ended: Promise<Ended>;
}

export interface Folder {
  readonly path: string;
  readonly ca: string;
  write(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
}

/** A folder with a certificate `kapgate.pem` in it. */
export async function makeFolder(): Promise<Folder> {
  const { ca, pem } = await testCertificate();
  const path = await mkdtemp(join(tmpdir(), "kapgate-live-"));
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(path, name), text, { mode: 0o600 });
    return join(path, name);
  };
  await write("kapgate.pem", pem);
  await write("ca.pem", ca);
  return { path, ca, write, remove: () => rm(path, { recursive: true, force: true }) };
}

/** The start of every configuration of a live process: free loopback ports, the folder's certificate. */
export const liveBase = `[http]
bind-address = "127.0.0.1:0"
https-certificate = "kapgate.pem"
shutdown-timeout = "2s"
[admin]
bind-address = "127.0.0.1:0"
`;

/** Runs kapgate from source, as a user would. */
export function launch(
  args: readonly string[],
  options: { cwd: string; env?: Readonly<Record<string, string>>; command?: string; descriptor3?: number },
): LiveProcess {
  const [command, ...before] =
    options.command === undefined ? [process.execPath, kapgateEntry] : options.command.split(" ");
  const child = spawn(command ?? "", [...before, ...args], {
    cwd: options.cwd,
    // The compile cache of `npm test` halves the CPU time of a start from source.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe", ...(options.descriptor3 === undefined ? [] : [options.descriptor3])],
  });
  let stdout = "";
  let stderr = "";
  const watchers = new Set<() => void>();
  const notify = (): void => {
    for (const watch of watchers) watch();
  };
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
    notify();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code, signal) => {
      resolve({ code, signal, stdout, stderr });
      notify();
    });
  });
  const records = (): LogRecord[] => stderr.split("\n").flatMap(parseRecord);
  const until = (matches: (record: LogRecord) => boolean, withinMs = 60_000): Promise<LogRecord> =>
    new Promise((resolve, reject) => {
      const finish = (outcome: () => void): void => {
        clearTimeout(timer);
        watchers.delete(watch);
        outcome();
      };
      const watch = (): void => {
        const found = records().find(matches);
        if (found !== undefined) finish(() => resolve(found));
        else if (child.exitCode !== null || child.signalCode !== null)
          finish(() => reject(new Error(`ended before that:\n${stderr}`)));
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`not within ${withinMs} ms:\n${stderr}`))),
        withinMs,
      );
      watchers.add(watch);
      watch();
    });
  return { child, stderr: () => stderr, records, until, ended };
}

/** Resolves with the port once a launched `run` listens. */
export async function listeningPort(live: LiveProcess): Promise<number> {
  const record = await live.until((entry) => entry.msg === "listening");
  return Number(/:(\d+)$/.exec(String(record.address))?.[1]);
}

function parseRecord(line: string): LogRecord[] {
  if (!line.startsWith("{")) return [];
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
