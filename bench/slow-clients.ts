/**
 * Thousands of slow clients against one gateway on loopback, and what they cost everybody else: `node bench/slow-clients.ts`.
 * They trickle headers and bodies, stall handshakes, and leave connections idle; who is cut comes back within two seconds, so that their number stays.
 * Set by the environment: SLOW_CONNECTIONS (10000), SLOW_SECONDS (60), SLOW_RATE (400 new connections a second),
 * SLOW_LIMIT (max-connections; as many and 500 more).
 * Ends with 3 when normal requests fail, or their p99 is five times that of before or more.
 */
import { fork } from "node:child_process";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, createSecureContext } from "node:tls";
import { fileURLToPath } from "node:url";
import { Client } from "undici";
import { startStandin } from "../src/standin/server.ts";
import { admin, adminUser, basic } from "../test/support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../test/support/process.ts";
import { percentile, processFigures } from "./figures.ts";

const connections = Number(process.env.SLOW_CONNECTIONS ?? 10_000);
const seconds = Number(process.env.SLOW_SECONDS ?? 60);
const rate = Number(process.env.SLOW_RATE ?? 400);
const limit = Number(process.env.SLOW_LIMIT ?? connections + 500);
const idleSeconds = Math.min(20, seconds);

const auth = `Host: localhost\r\nAuthorization: ${basic(admin)}\r\n`;
/** What the kinds of clients send first, and then again and again; undefined: their handshake ends before it began. */
const kinds: readonly (readonly [first: string | undefined, then: string])[] = [
  ["GET /kapacitor/v1/ping HTTP/1.1\r\n", "X-More: 1\r\n"],
  [`POST /write?db=d HTTP/1.1\r\n${auth}Content-Length: 60000\r\n\r\n`, "m v=1\n"],
  [`POST /kapacitor/v1/tasks HTTP/1.1\r\n${auth}Content-Length: 60000\r\n\r\n`, " "],
  [`GET /kapacitor/v1/ping HTTP/1.1\r\n${auth}\r\n`, ""],
  [undefined, ""],
];
const trickleMs = 5000;

interface HolderReport {
  readonly open: number;
  readonly cut: number;
}

/** The slow clients, in a process of their own. */
function hold(port: number, ca: string): void {
  const context = createSecureContext({ ca });
  let open = 0;
  let cut = 0;
  let started = 0;
  const start = (index: number): void => {
    const [first, then] = kinds[index % kinds.length] ?? [undefined, ""];
    // Several source addresses, so that ports of closed connections do not run out.
    const tcp = connectTcp({ port, host: "127.0.0.1", localAddress: `127.0.0.${2 + (index % 8)}` });
    const socket: Socket =
      first === undefined ? tcp : connectTls({ socket: tcp, secureContext: context, servername: "localhost" });
    let timer: NodeJS.Timeout | undefined;
    const opened = (): void => {
      open += 1;
      socket.write(first ?? "\x16");
      if (then !== "") timer = setInterval(() => socket.writable && socket.write(then), trickleMs);
      socket.once("close", () => {
        open -= 1;
        cut += 1;
      });
    };
    socket.once(first === undefined ? "connect" : "secureConnect", opened);
    socket.resume();
    socket.on("error", () => {});
    socket.once("close", () => {
      clearInterval(timer);
      setTimeout(start, 2000 * Math.random(), index);
    });
  };
  const perTick = Math.max(1, Math.round(rate / 20));
  setInterval(() => {
    for (let count = 0; count < perTick && started < connections; count += 1) start(started++);
  }, 50);
  setInterval(() => {
    if (process.connected) process.send?.({ open, cut } satisfies HolderReport, () => {});
  }, 500);
  process.once("disconnect", () => process.exit());
}

/** Normal requests, a hundred a second: a write, a question, and every tenth on a new connection. Times in milliseconds. */
async function probe(port: number, ca: string, ms: number) {
  const url = `https://127.0.0.1:${port}`;
  const headers = { authorization: basic(admin) };
  const kept = new Client(url, { connect: { ca } });
  const times: number[] = [];
  const fresh: number[] = [];
  const failures: string[] = [];
  const ask = async (client: Client, into: number[], write: boolean): Promise<void> => {
    const startedAt = performance.now();
    try {
      const answer = write
        ? await client.request({ method: "POST", path: "/write?db=d", headers, body: "m v=1i" })
        : await client.request({ method: "GET", path: "/kapacitor/v1/ping", headers });
      await answer.body.dump();
      if (answer.statusCode !== 204) failures.push(String(answer.statusCode));
      into.push(performance.now() - startedAt);
    } catch (error) {
      failures.push(String(error));
    }
  };
  await ask(kept, [], false);
  const endAt = performance.now() + ms;
  for (let count = 0; performance.now() < endAt; count += 1) {
    const next = performance.now() + 10;
    await ask(kept, times, count % 2 === 0);
    if (count % 10 === 0) {
      const client = new Client(url, { connect: { ca } });
      await ask(client, fresh, false);
      await client.close();
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  await kept.close();
  return { times, fresh, failures };
}

async function measure(): Promise<number> {
  const folder = await makeFolder();
  const standin = await startStandin({ requestLimit: 10, pointLimit: 10 });
  const limits = `max-connections = ${limit}\nlog-enabled = false\n`;
  const config = `${liveBase.replace("[admin]", `${limits}[admin]`)}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`;
  await folder.write("kapgate.toml", config);
  const live = launch([], { cwd: folder.path });
  const port = await listeningPort(live);
  const figures = () => processFigures(live.child.pid ?? 0);
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  await probe(port, folder.ca, 3000);
  const before = await probe(port, folder.ca, idleSeconds * 1000);
  const [fd0, rss0] = [(await figures()).descriptors, (await figures()).residentMb];
  const holder = fork(fileURLToPath(import.meta.url), ["hold", String(port), folder.ca]);
  let report: HolderReport = { open: 0, cut: 0 };
  holder.on("message", (message: HolderReport) => {
    report = message;
  });
  const rampedBy = performance.now() + (connections / rate) * 1000 * 3 + 10_000;
  const wanted = Math.min(connections, limit) * 0.9;
  while (report.open < wanted && performance.now() < rampedBy) await new Promise((resolve) => setTimeout(resolve, 100));
  const atStart = report;
  let least = report.open;
  const watch = setInterval(() => {
    least = Math.min(least, report.open);
  }, 500);
  const during = await probe(port, folder.ca, seconds * 1000);
  clearInterval(watch);
  const { descriptors, residentMb } = await figures();
  holder.disconnect();
  await new Promise((resolve) => holder.once("exit", resolve));
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const after = await figures();
  live.child.kill("SIGTERM");
  const { code } = await live.ended;
  await standin.close();
  await folder.remove();

  const ratio = percentile(during.times, 99) / percentile(before.times, 99);
  const line = (what: string, { times, fresh, failures }: typeof before): string =>
    `${what}: ${times.length} requests, p50 ${percentile(times, 50).toFixed(1)} ms, p99 ${percentile(times, 99).toFixed(1)} ms; ` +
    `${fresh.length} with a handshake, p99 ${percentile(fresh, 99).toFixed(1)} ms; ${failures.length} failed`;
  say(line("idle", before));
  say(line(`${atStart.open} slow clients, at least ${least} at any time for ${seconds} s`, during));
  say(`p99 ${ratio.toFixed(2)} times that of before; ${report.cut} slow clients were cut and came back`);
  say(`memory ${rss0} MB before, ${residentMb} MB with them, ${after.residentMb} MB when they had left`);
  say(`descriptors ${fd0} before, ${descriptors} with them, ${after.descriptors} when they had left; exit ${code}`);
  for (const failure of new Set(during.failures)) say(`failed: ${failure}`);
  return ratio < 5 && during.failures.length === 0 && atStart.open >= wanted ? 0 : 3;
}

const [, , role, port, ca = ""] = process.argv;
if (role === "hold") hold(Number(port), ca);
else process.exitCode = await measure();
