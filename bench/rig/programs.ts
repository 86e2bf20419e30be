import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A program under measurement, or one that helps to measure. */
export interface Program {
  readonly name: string;
  readonly pid: number;
  /** CPU time of the process and all its children so far, in microseconds. */
  cpu(): number;
  /** Resident memory now, and the most since `resetPeak`, in bytes, children included. */
  memory(): { readonly now: number; readonly peak: number };
  resetPeak(): void;
  /** Sends a signal and resolves when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ProgramOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** The port that it listens on when it is ready. */
  readonly port: number;
  /** The core that it is pinned to. */
  readonly core: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** What is measured runs on one core, what loads it and what answers it on another; both undefined where there is only one. */
export const cores = { gateway: 0, others: availableParallelism() > 1 ? 1 : 0 } as const;

/** The path of a program on PATH or where daemons are, or undefined. */
export function findCommand(name: string): string | undefined {
  try {
    const path = `${process.env.PATH}:/usr/sbin:/sbin:/usr/local/sbin`;
    return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8", env: { PATH: path } }).trim();
  } catch {
    return undefined;
  }
}

/** A loopback port that is free right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Starts a program pinned to its core and resolves when its port takes connections. Its output goes to NAME.out in its folder. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { name, command, args, folder, port, core, environment } = options;
  const output = join(folder, `${name.replaceAll(/\W+/g, "-")}.out`);
  const file = openSync(output, "a");
  const child = spawn("taskset", ["-c", String(core), command, ...args], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ["ignore", file, file],
  });
  closeSync(file);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  started.add(child);
  ended.then(() => started.delete(child));
  const { pid } = child;
  for (let attempt = 0; pid === undefined || !(await takesConnections(port)); attempt += 1) {
    if (attempt > 200 || child.exitCode !== null || pid === undefined) {
      child.kill("SIGKILL");
      throw new Error(`${name} did not start:\n${readFileSync(output, "utf8").slice(-2000)}`);
    }
    await sleep(50);
  }
  return {
    name,
    pid,
    cpu: () => sum(family(pid).map(cpuOf)),
    memory: () => ({
      now: sum(family(pid).map((each) => statusOf(each, "VmRSS"))),
      peak: sum(family(pid).map((each) => statusOf(each, "VmHWM"))),
    }),
    resetPeak: () => {
      for (const each of family(pid)) writeFileSync(`/proc/${each}/clear_refs`, "5");
    },
    stop: async (signal = "SIGKILL") => {
      killFamily(child, signal);
      await ended;
    },
  };
}

const started = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of started) killFamily(child, "SIGKILL");
});

/** A master that is killed leaves its workers behind (nginx), on the core of whatever is measured next. */
function killFamily(child: ChildProcess, signal: NodeJS.Signals): void {
  for (const pid of child.pid === undefined ? [] : family(child.pid)) {
    try {
      process.kill(pid, signal);
    } catch {
      // Ended by itself meanwhile.
    }
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** A process and everything that descends from it. */
function family(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    return [pid, ...children.flatMap(family)];
  } catch {
    return [];
  }
}

/** utime and stime of proc(5), all threads included, in microseconds. */
function cpuOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
}

function statusOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? 0) * 1024;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
