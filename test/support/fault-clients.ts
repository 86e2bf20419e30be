import { Agent, request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

/** Where writers write to. */
export interface FaultTarget {
  readonly port: number;
  readonly ca: string;
  readonly authorization: string;
}

export interface FaultOptions {
  readonly clients: number;
  readonly writesPerClient: number;
  /** Tells the writes of one call from those of another. */
  readonly part?: number;
  readonly random: () => number;
}

/** What a write came to for its client. */
interface Outcome {
  readonly line: string;
  /** It left before the end of its body: nothing of it may be stored. */
  readonly cut: boolean;
  /** Answers that began, in order; more than one must not be. */
  readonly statuses: number[];
  /** The answer arrived to its end; or the connection broke; or it left before. */
  end: "answered" | "broken" | "left";
}

export interface FaultReport {
  /** How often which status was answered, and how often an answer broke off. */
  readonly answers: ReadonlyMap<string, number>;
  /** Everything that must not be; nothing is as it should be. */
  problems(stored: readonly string[]): string[];
}

const statusesThatMayBe = new Set([200, 204, 400, 500, 502, 503, 504]);

/** Has clients write one write after the other, each over a connection of its own, some of which leave in the middle of it. */
export async function writeThroughFaults(target: FaultTarget, options: FaultOptions): Promise<FaultReport> {
  const { clients, writesPerClient, part = 0, random } = options;
  const all: Outcome[][] = [];
  const run = async (client: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const outcomes: Outcome[] = [];
    all.push(outcomes);
    for (let at = 0; at < writesPerClient; at += 1) {
      const filler = random() < 0.05 ? "x".repeat(70_000 + Math.floor(random() * 400_000)) : "";
      const line = `m,client=p${part}c${client} n=${at}i,filler="${filler}" ${at}`;
      const chance = random();
      outcomes.push(await write(target, agent, line, chance < 0.04 ? "body" : chance < 0.08 ? "answer" : undefined));
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => run(client)));
  const answers = new Map<string, number>();
  for (const { statuses, end } of all.flat()) {
    const kind = end === "answered" ? String(statuses[0]) : end;
    answers.set(kind, (answers.get(kind) ?? 0) + 1);
  }
  return { answers, problems: (stored) => all.flatMap((outcomes) => problemsOf(outcomes, stored)) };
}

function write(
  { port, ca, authorization }: FaultTarget,
  agent: Agent,
  line: string,
  leave: "body" | "answer" | undefined,
): Promise<Outcome> {
  const body = Buffer.from(`${line}\n`);
  const outcome: Outcome = { line, cut: leave === "body", statuses: [], end: "broken" };
  return new Promise((resolve) => {
    const headers = { authorization, "content-length": body.length };
    const sent = request(
      { port, host: "127.0.0.1", ca, agent, method: "POST", path: "/write?db=d&rp=r", headers },
      (answer) => {
        outcome.statuses.push(answer.statusCode ?? 0);
        answer.on("error", () => {});
        answer.on("end", () => {
          outcome.end = "answered";
        });
        answer.on("close", () => resolve(outcome));
        answer.resume();
      },
    );
    sent.on("error", () => resolve(outcome));
    if (leave === undefined) {
      sent.end(body);
      return;
    }
    outcome.end = "left";
    // The last byte is what makes it whole; a line that is cut there would be read as one all the same.
    sent.write(leave === "body" ? body.subarray(0, body.length - 1) : body);
    sleep(leave === "body" ? 5 : 1).then(() => sent.destroy());
  });
}

/** What cannot be in what one client was told and what is stored. */
function problemsOf(outcomes: readonly Outcome[], stored: readonly string[]): string[] {
  const places = new Map<string, number[]>();
  for (const [place, line] of stored.entries()) places.set(line, [...(places.get(line) ?? []), place]);
  const found: string[] = [];
  let lastAcknowledged = -1;
  for (const { line, cut, statuses, end } of outcomes) {
    const name = line.slice(0, 40);
    const [place, ...more] = places.get(line) ?? [];
    const [status = 0] = statuses;
    if (more.length > 0) found.push(`${name} is stored ${more.length + 1} times`);
    if (cut && place !== undefined) found.push(`${name} was never whole and is stored`);
    if (statuses.length > 1) found.push(`${name} was answered ${statuses.length} times`);
    if (end === "answered" && !statusesThatMayBe.has(status)) found.push(`${name} was answered ${status}`);
    if (end === "broken" && !cut && status !== 200) found.push(`${name} was not answered`);
    if (status === 204 && end === "answered" && place === undefined) found.push(`${name} was answered 204 and is lost`);
    if (place !== undefined && place < lastAcknowledged)
      found.push(`${name} is stored before one that was answered before it`);
    if (status === 204 && place !== undefined) lastAcknowledged = place;
  }
  return found;
}
