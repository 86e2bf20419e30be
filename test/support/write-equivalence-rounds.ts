import { request } from "undici";
import { startStandin } from "../../src/standin/server.ts";
import { startKapacitord } from "../e2e/kapacitord.ts";
import { admin, adminUser, basic, startTestGateway } from "./gateway.ts";
import { createRandom } from "./line-bodies.ts";
import { createWrites, differences, expectAlone, type SentWrite, sendAll } from "./write-equivalence.ts";

/** The writes of a round, and from how many clients they come: both hang on the seed. */
export interface Round {
  readonly seed: number;
  readonly writes: readonly SentWrite[];
  readonly clients: number;
}

export function createRound(seed: number, count: number): Round {
  // Small groups are refused less often, so that more of what joining does is seen.
  const clients = [8, 16, 32, 64][seed % 4] ?? 8;
  return { seed, writes: Array.from({ length: count }, createWrites(createRandom(seed))), clients };
}

async function send(upstream: string, groupCommit: boolean, { writes, clients }: Round): Promise<number[]> {
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

function compare(writes: readonly SentWrite[], expected: readonly number[], actual: readonly number[]): string[] {
  return actual.flatMap((status, at) =>
    status === expected[at]
      ? []
      : [`${status} instead of ${expected[at]} for ${writes[at]?.path} ${writes[at]?.body.toString("latin1")}`],
  );
}

/** Sends a round through a gateway to the stand-in; what is answered or stored otherwise than of each write alone. */
export async function tryStandin(round: Round, groupCommit: boolean): Promise<string[]> {
  const expected = await expectAlone(round.writes);
  const standin = await startStandin({ pointLimit: 1_000_000, requestLimit: 1 });
  try {
    const statuses = await send(standin.url, groupCommit, round);
    return [...compare(round.writes, expected.statuses, statuses), ...differences(expected.points, standin.points)];
  } finally {
    await standin.close();
  }
}

/** The same with real daemons: one gets the writes one by one, others through gateways; their counters of received points must say the same. */
export async function tryDaemon(program: string, round: Round): Promise<string[]> {
  const found: string[] = [];
  const naked = await startKapacitord(program);
  const expected: number[] = [];
  for (const { path, headers, body } of round.writes) expected.push(await askAlone(naked.url + path, headers, body));
  const counters = await received(naked.url);
  await naked.close();
  for (const groupCommit of [true, false]) {
    const daemon = await startKapacitord(program);
    const statuses = await send(daemon.url, groupCommit, round);
    const now = await received(daemon.url);
    await daemon.close();
    const differ = compare(round.writes, expected, statuses);
    if (now !== counters) differ.push(`its counters are ${now} instead of ${counters}`);
    found.push(...differ.map((text) => `group commit ${groupCommit}: ${text}`));
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
