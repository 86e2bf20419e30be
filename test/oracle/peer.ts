import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { handlerKinds } from "../../src/core/alert-handlers.ts";
import { type Kapacitord, startKapacitord } from "../e2e/kapacitord.ts";
import { type Sent, type Sinks, startSinks } from "./sinks.ts";

/** A real Kapacitor whose handlers can be seen: what they run, write and send stays in a folder and on loopback. */
export interface Peer {
  readonly url: string;
  readonly sinks: Sinks;
  /** The folder that stands for `/` in every script: see `contain`. */
  readonly root: string;
  /** Sends a request straight to Kapacitor. */
  send(method: string, path: string, body?: string | Buffer): Promise<PeerAnswer>;
  /** Whether it still answers. */
  isAlive(): Promise<boolean>;
  /** Feeds one point `m` with the tag `case` to a database. */
  write(database: string, measurement?: string): Promise<void>;
  /** The text with every absolute path of a file in it moved into the root; throws where one would be left. */
  contain(text: string): string;
  /** What handlers have done so far: programs run, files written, everything sent. */
  fired(): Promise<readonly Sent[]>;
  /** Waits until `enough` holds of what has been fired, and no longer than `ms`. */
  settle(ms: number, enough?: (fired: readonly Sent[]) => boolean): Promise<readonly Sent[]>;
  close(): Promise<void>;
}

export interface PeerAnswer {
  /** 0: no answer, or none in time. */
  readonly status: number;
  readonly body: string;
}

/** Whether a release comes after that of the program. */
export function isAfter(release: string, program: string): boolean {
  const [, version = ""] = /(\d+\.\d+\.\d+)/.exec(execFileSync(program, ["version"], { encoding: "utf8" })) ?? [];
  const rank = (text: string): number => text.split(".").reduce((sum, number) => sum * 1000 + Number(number), 0);
  return rank(release) > rank(version);
}

/** The kinds that this release of Kapacitor does not have yet. */
export function kindsAfter(program: string): ReadonlySet<string> {
  return new Set(handlerKinds.filter(({ since }) => isAfter(since, program)).map(({ kind }): string => kind));
}

/** Programs that scripts of the tests name, below the root. Each of them writes what it is given into a file of its own. */
const programs: readonly string[] = [
  "usr/bin/touch",
  "bin/sh",
  "x",
  "y",
  ..."abcdefghijklmnopqrstuvwxyz".split("").map((letter) => `path/${letter}`),
];

const directories = /(["']|file:\/\/)\/(?=(?:tmp|etc|usr|bin|var|root|home|dev)\/|[xy]["'])/g;
const outside = /(?<!\w)\/(?:tmp|etc|usr|bin|var|root|home|dev)\//;

/** Starts it with every service switched on and led into sinks. */
export async function startPeer(program: string): Promise<Peer> {
  const root = await mkdtemp(join(tmpdir(), "kapgate-oracle-"));
  for (const folder of ["marks", "path", "tmp", "etc/cron.d", "usr/bin", "bin", "var/log"]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  const mark = join(root, "mark");
  await writeFile(mark, `#!/bin/sh\nexec cat > "${root}/marks/$$"\n`);
  await chmod(mark, 0o755);
  for (const name of programs) await symlink(mark, join(root, name));
  const given = new Set(await files(root));
  const sinks = await startSinks(kindsAfter(program));
  let daemon: Kapacitord;
  try {
    daemon = await startKapacitord(program, { sections: sinks.sections, programs: join(root, "path") });
  } catch (error) {
    await sinks.close();
    await rm(root, { recursive: true, force: true });
    throw error;
  }
  const pool = new Pool(daemon.url, { connections: 8, headersTimeout: 20_000, bodyTimeout: 20_000 });

  const send: Peer["send"] = async (method, path, body) => {
    try {
      const answer = await pool.request({ method: method as "GET", path, ...(body === undefined ? {} : { body }) });
      return { status: answer.statusCode, body: await answer.body.text() };
    } catch {
      return { status: 0, body: "" };
    }
  };
  const fired: Peer["fired"] = async () => {
    const written = (await files(root)).filter((file) => !given.has(file));
    const marks = await Promise.all(
      written.map(async (file) => ({
        kind: file.startsWith("marks/") ? "exec" : "log",
        text: await readFile(join(root, file), "utf8"),
      })),
    );
    return [...marks, ...sinks.sent];
  };
  return {
    url: daemon.url,
    sinks,
    root,
    send,
    isAlive: async () => (await send("GET", "/kapacitor/v1/ping")).status === 204,
    fired,
    contain: (text) => {
      const contained = text.replace(directories, `$1${root}/`);
      const left = outside.exec(contained.replaceAll(`${root}/`, "inside"));
      if (left !== null) throw new Error(`would touch ${left[0]}, outside of the test: ${text}`);
      return contained;
    },
    write: async (database, measurement = "m") => {
      const answer = await send(
        "POST",
        `/kapacitor/v1/write?db=${database}&rp=r`,
        `${measurement},case=${database} value=11\n`,
      );
      if (answer.status !== 204) throw new Error(`Kapacitor takes no point: ${answer.status} ${answer.body}`);
    },
    settle: async (ms, enough = () => false) => {
      const deadline = Date.now() + ms;
      for (;;) {
        const now = await fired();
        if (enough(now) || Date.now() > deadline) return now;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    close: async () => {
      await pool.destroy();
      await daemon.close();
      await sinks.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function files(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

/** Everything that handlers hang on: tasks, templates, topic handlers and the configuration, as Kapacitor has it now. */
export async function snapshot({ send }: Peer): Promise<string> {
  const read = async (path: string): Promise<unknown> => {
    const { status, body } = await send("GET", `/kapacitor/v1/${path}`);
    return status === 200 ? JSON.parse(body) : status;
  };
  const fields = ["id", "type", "dbrps", "script", "status", "vars", "template-id"].map((name) => `fields=${name}`);
  const topics = (await read("alerts/topics")) as { topics: readonly { id: string }[] };
  const handlers = await Promise.all(
    topics.topics.map(({ id }) => read(`alerts/topics/${encodeURIComponent(id)}/handlers`)),
  );
  return JSON.stringify([
    await read(`tasks?limit=10000&script-format=raw&${fields.join("&")}`),
    await read("templates?limit=10000&script-format=raw&fields=id&fields=type&fields=script"),
    handlers,
    await read("config"),
  ]);
}

/** The number of the case that a text of a handler belongs to: databases are called after them. */
export function caseOf({ text }: Sent): string | undefined {
  return /\b(case\d+)\b/.exec(text)?.[1];
}
