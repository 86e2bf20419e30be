/**
 * Hours in small: a gateway under a steady mixture of everything, and whether its memory and descriptors stay where they are:
 * `node bench/soak.ts`. Set by the environment: SOAK_MINUTES (30), SOAK_WRITERS (8, twenty writes a second each).
 * Besides writes there are definitions, clients that leave in the middle, streams that come and go, wrong passwords, broken handshakes,
 * a reload every ten seconds and a new certificate twice a minute.
 * Ends with 3 when a write fails, when descriptors are left, or when memory has grown by a tenth over the last two thirds.
 */
import { rename, writeFile } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { Client, request } from "undici";
import { createAuthority, issue } from "../src/certificates/authority.ts";
import { startStandin } from "../src/standin/server.ts";
import { admin, adminUser, basic } from "../test/support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../test/support/process.ts";
import { percentile, processFigures } from "./figures.ts";

const minutes = Number(process.env.SOAK_MINUTES ?? 30);
const writers = Number(process.env.SOAK_WRITERS ?? 8);
const sampleMs = 5000;

interface Sample {
  readonly minute: number;
  readonly residentMb: number;
  readonly descriptors: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const folder = await makeFolder();
const standin = await startStandin({ requestLimit: 10, pointLimit: 10 });
const authority = await createAuthority();
const ca = authority.certificate;
const rotate = async (): Promise<void> => {
  const { chain, privateKey } = await issue(authority, { hosts: ["localhost", "127.0.0.1"] });
  await writeFile(join(folder.path, "new.pem"), chain + privateKey, { mode: 0o600 });
  await rename(join(folder.path, "new.pem"), join(folder.path, "kapgate.pem"));
};
await rotate();
const http = liveBase.replace("[admin]", "suppress-write-log = true\n[admin]");
const alerts = '[alerts]\ndisable-handlers = ["exec"]\n';
await folder.write("kapgate.toml", `${http}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n${alerts}`);
const live = launch([], { cwd: folder.path });
const port = await listeningPort(live);
const adminAddress = String((await live.until(({ msg }) => msg === "listening")).admin_address);
const url = `https://127.0.0.1:${port}`;
const headers = { authorization: basic(admin) };

const endAt = performance.now() + minutes * 60_000;
const running = (): boolean => performance.now() < endAt;
const failures = new Map<string, number>();
const fail = (what: string): void => void failures.set(what, (failures.get(what) ?? 0) + 1);
let times: number[] = [];
let written = 0;
let others = 0;

async function write(): Promise<void> {
  while (running()) {
    const client = new Client(url, { connect: { ca } });
    for (let count = 0; count < 500 && running(); count += 1) {
      const startedAt = performance.now();
      try {
        const answer = await client.request({
          method: "POST",
          path: "/write?db=d",
          headers,
          body: `m,w=1 v=${count}i`,
        });
        await answer.body.dump();
        if (answer.statusCode !== 204) fail(`write: ${answer.statusCode}`);
      } catch (error) {
        fail(`write: ${String(error)}`);
      }
      written += 1;
      times.push(performance.now() - startedAt);
      await sleep(Math.max(0, startedAt + 50 - performance.now()));
    }
    await client.close();
  }
}

/** Does something again and again; what goes wrong with it is counted. */
async function every(ms: number, what: string, act: () => Promise<unknown>): Promise<void> {
  while (running()) {
    const startedAt = performance.now();
    await act().catch((error: unknown) => fail(`${what}: ${String(error)}`));
    others += 1;
    await sleep(Math.max(0, startedAt + ms - performance.now()));
  }
}

/** Says something over TLS (or without) and leaves after a while. */
function leave(text: string, ms: number, secure = true): Promise<void> {
  const tcp = connectTcp(port, "127.0.0.1");
  const socket = secure ? connectTls({ socket: tcp, ca, servername: "localhost" }) : tcp;
  socket.on("error", () => {});
  socket.resume();
  socket.write(text);
  setTimeout(() => tcp.destroy(), ms);
  return new Promise((resolve) => tcp.once("close", () => resolve()));
}

const definer = new Client(url, { connect: { ca } });
const define = async (handler: string, expected: number): Promise<void> => {
  const script = `stream|from()|alert().${handler}`;
  const body = JSON.stringify({ id: "soak", type: "stream", dbrps: [{ db: "d", rp: "r" }], script });
  const made = await definer.request({ method: "POST", path: "/kapacitor/v1/tasks", headers, body });
  await made.body.dump();
  if (made.statusCode !== expected) fail(`definition: ${made.statusCode}`);
  const gone = await definer.request({ method: "DELETE", path: "/kapacitor/v1/tasks/soak", headers });
  await gone.body.dump();
};
const auth = `Host: localhost\r\nAuthorization: ${headers.authorization}\r\n`;
const loads = [
  ...Array.from({ length: writers }, write),
  every(500, "definition", () => define("log('/tmp/x')", 200)),
  every(700, "refused definition", () => define("exec('/bin/true')", 403)),
  every(300, "left body", () => leave(`POST /write?db=d HTTP/1.1\r\n${auth}Content-Length: 5000\r\n\r\nm v=1\n`, 100)),
  every(900, "left request", () => leave(`GET /kapacitor/v1/tasks HTTP/1.1\r\n${auth}\r\n`, 5)),
  every(1500, "stream", () => leave(`GET /kapacitor/v1preview/logs HTTP/1.1\r\n${auth}\r\n`, 1000)),
  every(1000, "plain HTTP", () => leave("GET / HTTP/1.1\r\n\r\n", 100, false)),
  every(1000, "broken handshake", () => leave("\x16\x03\x01", 100, false)),
  every(2000, "wrong password", async () => {
    const stranger = new Client(url, { connect: { ca } });
    const wrong = { authorization: basic(`somebody${others}:wrong`) };
    const answer = await stranger.request({ method: "GET", path: "/kapacitor/v1/tasks", headers: wrong });
    await answer.body.dump();
    await stranger.close();
    if (answer.statusCode !== 401 && answer.statusCode !== 429) fail(`wrong password: ${answer.statusCode}`);
  }),
  every(5000, "metrics", async () => {
    const answer = await request(`http://${adminAddress}/metrics`);
    await answer.body.dump();
    if (answer.statusCode !== 200) fail(`metrics: ${answer.statusCode}`);
  }),
  every(10_000, "reload", async () => live.child.kill("SIGHUP")),
  every(30_000, "certificate", rotate),
];
const line = setInterval(() => standin.log("ts=1 lvl=info msg=soak"), 100);

const samples: Sample[] = [];
const startedAt = performance.now();
const pid = live.child.pid ?? 0;
let cpuBefore = (await processFigures(pid)).cpuSeconds;
while (running()) {
  await sleep(sampleMs);
  const { residentMb, descriptors, cpuSeconds } = await processFigures(pid);
  const minute = (performance.now() - startedAt) / 60_000;
  samples.push({ minute, residentMb, descriptors });
  if (samples.length % 12 !== 0) continue;
  const busy = ((cpuSeconds - cpuBefore) / (12 * sampleMs)) * 1e5;
  cpuBefore = cpuSeconds;
  say(
    `minute ${minute.toFixed(0)}: ${residentMb} MB, ${descriptors} descriptors, ${busy.toFixed(0)} % of a core, ` +
      `${written} writes, ${others} others, p50 ${percentile(times, 50).toFixed(1)} ms, p99 ${percentile(times, 99).toFixed(1)} ms`,
  );
  times = [];
}
await Promise.all(loads);
clearInterval(line);
await definer.close();
await sleep(3000);
const after = await processFigures(pid);
const reloads = live.records().filter(({ msg }) => msg === "reloaded").length;
live.child.kill("SIGTERM");
const { code } = await live.ended;
await standin.close();
await folder.remove();

const late = samples.filter(({ minute }) => minute > minutes / 3);
/** Least squares: MB a minute. */
const mean = (pick: (sample: Sample) => number): number =>
  late.reduce((sum, sample) => sum + pick(sample), 0) / late.length;
const [middle, memory] = [mean(({ minute }) => minute), mean(({ residentMb }) => residentMb)];
const slope =
  late.reduce((sum, { minute, residentMb }) => sum + (minute - middle) * (residentMb - memory), 0) /
  late.reduce((sum, { minute }) => sum + (minute - middle) ** 2, 0);
const growth = (slope * minutes * 2) / 3;
const files = late.map(({ descriptors }) => descriptors);
say(`${written} writes and ${others} other requests in ${minutes} minutes, ${reloads} reloads, exit ${code}`);
say(`memory over the last two thirds: ${memory.toFixed(0)} MB on average, ${growth.toFixed(1)} MB by its trend`);
say(`descriptors: ${Math.min(...files)} to ${Math.max(...files)} under load, ${after.descriptors} after it`);
for (const [what, count] of failures) say(`failed ${count} times: ${what}`);
const leaked = after.descriptors > Math.min(...files) + 5;
process.exitCode = failures.size > 0 || leaked || growth > memory / 10 || code !== 0 ? 3 : 0;
