import { type ChildProcess, fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { Client } from "undici";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { freePort } from "./influxd.ts";

const restarts = 20;
/** More than any limit of the gateway lets a request take here: what is not over by then hangs. */
const hungMs = 10_000;

function startKapacitor(port: number, file: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, "counting-kapacitor.ts"), [String(port), file]);
  return new Promise((resolve, reject) => {
    child.once("message", () => resolve(child));
    child.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
}

function kill(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** What a request came to: `204`, `502 upstream_reset`, `broken 200` for an answer that did not end, `hung`, or the code of an error. */
async function ask(client: Client, method: "GET" | "POST", path: string, host: string, body?: string): Promise<string> {
  let status = "";
  try {
    const answer = await client.request({
      ...{ method, path, body: body ?? null, signal: AbortSignal.timeout(hungMs) },
      headers: { authorization: basic(admin), host },
    });
    status = String(answer.statusCode);
    const text = await answer.body.text();
    if (answer.statusCode < 300)
      return path.endsWith("tasks") && method === "GET" && !text.endsWith("]}") ? "short" : status;
    const { code = "" } = path.startsWith("/write") ? { code: text.split(" ")[1] } : JSON.parse(text);
    return `${status} ${code}`;
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") return "hung";
    return status === "" ? String(error) : `broken ${status}`;
  }
}

function countsOf(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** A gateway in a process of its own before one.test, and before two.test, which is always well. */
async function startGateway(t: Test, one: string, more: string) {
  const folder = await makeFolder();
  const two = await startStandin({ requestLimit: 10 });
  const instance = (name: string, url: string): string =>
    `[[kapacitor]]\nname = "${name}"\nhosts = ["${name}.test"]\nurl = "${url}"\n`;
  const config = `${liveBase}${adminUser}${instance("one", one)}${more}${instance("two", two.url)}`;
  await folder.write("kapgate.toml", config);
  const live = launch([], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await two.close();
    await folder.remove();
  });
  const port = await listeningPort(live);
  const connect = (): Client => {
    const client = new Client(`https://127.0.0.1:${port}`, { connect: { ca: folder.ca } });
    t.teardown(() => client.destroy());
    return client;
  };
  return { live, connect };
}

t.test(
  `Kapacitor killed ${restarts} times under questions and definitions: every one is answered, none hangs, none is sent twice, no part of an answer passes for the whole`,
  async (t) => {
    const file = join(t.testdir({}), "ids");
    writeFileSync(file, "");
    const upstreamPort = await freePort();
    let kapacitor = await startKapacitor(upstreamPort, file);
    t.teardown(() => kapacitor.kill("SIGKILL"));
    const { live, connect } = await startGateway(t, `http://127.0.0.1:${upstreamPort}`, "");
    const outcomes: string[] = [];
    const acknowledged: string[] = [];
    let stopping = false;
    let lastSuccess = 0;
    let next = 0;
    const askOnAndOn = async (kind: number): Promise<void> => {
      const client = connect();
      while (!stopping) {
        const id = `t${next++}`;
        const outcome =
          kind === 0
            ? await ask(client, "POST", "/kapacitor/v1/tasks", "one.test", JSON.stringify({ id }))
            : await ask(client, "GET", kind === 1 ? "/kapacitor/v1/ping" : "/kapacitor/v1/tasks", "one.test");
        if (kind === 0 && outcome === "200") acknowledged.push(id);
        if (outcome === "204") lastSuccess = performance.now();
        outcomes.push(outcome);
        // A Kapacitor that is down answers at once: no need for thousands of the same.
        if (!outcome.startsWith("2")) await sleep(5);
      }
    };
    const all = Array.from({ length: 12 }, (_, at) => askOnAndOn(at % 3));
    const returned: number[] = [];
    for (let round = 0; round < restarts; round += 1) {
      await sleep(200);
      await kill(kapacitor);
      await sleep(100);
      kapacitor = await startKapacitor(upstreamPort, file);
      const backAt = performance.now();
      while (lastSuccess < backAt && performance.now() - backAt < hungMs) await sleep(2);
      returned.push(lastSuccess - backAt);
    }
    stopping = true;
    await Promise.all(all);

    const counts = countsOf(outcomes);
    const allowed = new Set(["200", "204", "502 upstream_reset", "502 upstream_unreachable", "broken 200"]);
    t.strictSame(
      Object.keys(counts).filter((outcome) => !allowed.has(outcome)),
      [],
    );
    t.ok((counts["502 upstream_unreachable"] ?? 0) > restarts, "it was met while it was down");
    t.ok((counts["502 upstream_reset"] ?? 0) + (counts["broken 200"] ?? 0) > 0, "and killed under requests");
    const noted = readFileSync(file, "latin1").trimEnd().split("\n");
    t.equal(new Set(noted).size, noted.length, "no definition arrived twice");
    t.strictSame(
      acknowledged.filter((id) => !noted.includes(id)),
      [],
      "what was answered had arrived",
    );
    const median = returned.toSorted((a, b) => a - b)[restarts / 2] ?? Number.NaN;
    t.ok(median < 250, `served again after ${returned.map(Math.round).join(", ")} ms`);
    t.comment(`${JSON.stringify(counts)}, served again after ${Math.round(median)} ms in the middle`);
    live.child.kill("SIGTERM");
    t.equal((await live.ended).code, 0);
  },
);

t.test("a Kapacitor that stands still holds no request beyond its limit, and no other instance", async (t) => {
  const file = join(t.testdir({}), "ids");
  writeFileSync(file, "");
  const upstreamPort = await freePort();
  const kapacitor = await startKapacitor(upstreamPort, file);
  t.teardown(() => kapacitor.kill("SIGKILL"));
  const { connect } = await startGateway(
    t,
    `http://127.0.0.1:${upstreamPort}`,
    'timeout = "1s"\nwrite-timeout = "1s"\nconnect-timeout = "500ms"\n',
  );
  const clients = Array.from({ length: 32 }, connect);
  const other = connect();
  const ping = (client: Client): Promise<string> => ask(client, "GET", "/kapacitor/v1/ping", "one.test");
  // Kept connections to it, which still take what is sent.
  t.strictSame(countsOf(await Promise.all(clients.map(ping))), { 204: 32 });
  kapacitor.kill("SIGSTOP");
  for (const round of [1, 2]) {
    const startedAt = performance.now();
    const all = Promise.all(
      clients.map((client, at) =>
        at % 2 === 0 ? ping(client) : ask(client, "POST", "/write?db=d", "one.test", "m v=1"),
      ),
    );
    const others: string[] = [];
    for (let count = 0; count < 20; count += 1) {
      others.push(await ask(other, "GET", "/kapacitor/v1/ping", "two.test"));
      await sleep(20);
    }
    t.strictSame(countsOf(others), { 204: 20 }, "the other one");
    t.strictSame(countsOf(await all), { "504 upstream_timeout": 32 }, `round ${round}`);
    t.ok(performance.now() - startedAt < 6000, "none waited for more than its limit and a busy machine");
  }
  kapacitor.kill("SIGCONT");
  const backAt = performance.now();
  while ((await ping(other)) !== "204" && performance.now() - backAt < hungMs) await sleep(20);
  t.strictSame(countsOf(await Promise.all(clients.map(ping))), { 204: 32 }, "it goes on where it was");
});
