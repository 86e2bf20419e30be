/**
 * node fuzz/write-equivalence.ts [writes] [seed]
 *
 * Sends random hostile writes, 100,000 unless told, from 8 to 64 clients through a gateway with and without group commit, and compares what each
 * client is told and what is stored with what comes of each write alone. Ends with 1 and the seed of the round when something differs.
 * With KAPACITORD set a real daemon is asked as well: status by status, and point by point in its counters.
 */
import { request } from "undici";
import { startStandin } from "../src/standin/server.ts";
import { findProgram, startKapacitord } from "../test/e2e/kapacitord.ts";
import { admin, adminUser, basic, startTestGateway } from "../test/support/gateway.ts";
import { createRandom } from "../test/support/line-bodies.ts";
import { createWrites, differences, expectAlone, type SentWrite, sendAll } from "../test/support/write-equivalence.ts";

const [count = 100_000, first = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
if (!(count > 0) || !Number.isInteger(first)) {
  process.stderr.write("usage: node fuzz/write-equivalence.ts [writes] [seed]\n");
  process.exit(2);
}

const perRound = 5000;

async function send(
  upstream: string,
  groupCommit: boolean,
  writes: readonly SentWrite[],
  clients: number,
): Promise<number[]> {
  const gateway = await startTestGateway(
    `${adminUser}[[kapacitor]]\nurl = "${upstream}"\ngroup-commit = ${groupCommit}\n`,
    { http: "log-enabled = false" },
  );
  try {
    return await sendAll({ url: gateway.url, ca: gateway.ca, authorization: basic(admin) }, writes, clients);
  } finally {
    await gateway.close();
  }
}

function compare(
  what: string,
  writes: readonly SentWrite[],
  expected: readonly number[],
  actual: readonly number[],
): string[] {
  return actual.flatMap((status, at) =>
    status === expected[at]
      ? []
      : [
          `${what}: ${status} instead of ${expected[at]} for ${writes[at]?.path} ${writes[at]?.body.toString("latin1")}`,
        ],
  );
}

async function tryStandin(writes: readonly SentWrite[], clients: number): Promise<string[]> {
  const expected = await expectAlone(writes);
  const found: string[] = [];
  for (const groupCommit of [true, false]) {
    const standin = await startStandin({ pointLimit: 1_000_000, requestLimit: 1 });
    const what = `stand-in, group commit ${groupCommit}`;
    const statuses = await send(standin.url, groupCommit, writes, clients);
    found.push(...compare(what, writes, expected.statuses, statuses));
    found.push(...differences(expected.points, standin.points).map((text) => `${what}: ${text}`));
    await standin.close();
  }
  return found;
}

/** A fresh daemon gets the writes one by one and then from all clients; its counters of received points must say the same. */
async function tryDaemon(program: string, writes: readonly SentWrite[], clients: number): Promise<string[]> {
  const found: string[] = [];
  const naked = await startKapacitord(program);
  const expected: number[] = [];
  for (const { path, headers, body } of writes) {
    expected.push(await askAlone(naked.url + path, headers, body));
  }
  const counters = await received(naked.url);
  await naked.close();
  for (const groupCommit of [true, false]) {
    const daemon = await startKapacitord(program);
    const what = `daemon, group commit ${groupCommit}`;
    found.push(...compare(what, writes, expected, await send(daemon.url, groupCommit, writes, clients)));
    const now = await received(daemon.url);
    if (now !== counters) found.push(`${what}: its counters are ${now} instead of ${counters}`);
    await daemon.close();
  }
  return found;
}

/** The status that a write gets from a daemon; 502 where it panics and says nothing. */
async function askAlone(url: string, headers: SentWrite["headers"], body: Buffer): Promise<number> {
  try {
    const answer = await request(url, { method: "POST", headers, body });
    await answer.body.dump();
    return answer.statusCode;
  } catch {
    return 502;
  }
}

/** How many points of each measurement a daemon has taken in. Its counters lag behind a write by up to half a second. */
async function received(url: string): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const answer = await request(`${url}/kapacitor/v1/debug/vars`);
  const vars = (await answer.body.json()) as {
    readonly kapacitor: Readonly<
      Record<string, { name: string; tags: Record<string, string>; values: Record<string, number> }>
    >;
  };
  const lines = Object.values(vars.kapacitor)
    .filter(({ name, tags }) => name === "ingress" && ["one", "two"].includes(tags.database ?? ""))
    .map(
      ({ tags, values }) => `${tags.database}/${tags.retention_policy}/${tags.measurement}=${values.points_received}`,
    );
  return lines.sort().join(" ");
}

const daemon = findProgram("KAPACITORD");
process.stdout.write("path" in daemon ? "with a real daemon\n" : `without a real daemon: ${daemon.missing}\n`);
for (let done = 0, seed = first; done < count; done += perRound, seed += 1) {
  const writes = Array.from({ length: Math.min(perRound, count - done) }, createWrites(createRandom(seed)));
  // Small groups are refused less often, so that more of what joining does is seen.
  const clients = [8, 16, 32, 64][seed % 4] ?? 8;
  const found = await tryStandin(writes, clients);
  if ("path" in daemon) found.push(...(await tryDaemon(daemon.path, writes, clients)));
  process.stdout.write(`${done + writes.length} writes, seed ${seed}: ${found.length} differences\n`);
  if (found.length === 0) continue;
  process.stdout.write(
    `${found.slice(0, 5).join("\n").slice(0, 5000)}\nnode fuzz/write-equivalence.ts ${writes.length} ${seed}\n`,
  );
  process.exitCode = 1;
  break;
}
