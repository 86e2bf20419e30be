import type { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { Pool } from "undici";
import { parseQuery } from "../../src/standin/go-url.ts";
import { type StoredPoint, write } from "../../src/standin/write.ts";
import { createBodies } from "./line-bodies.ts";

/** A write as a client sends it. */
export interface SentWrite {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const paths = [
  ...Array.from({ length: 8 }, () => "/write?consistency=&db=one&precision=ns&rp=autogen"),
  "/kapacitor/v1/write?db=two",
  "/write?db=one&rp=autogen&precision=s",
  "/write?db=one&rp=autogen&precision=nonsense",
];

/** Makes writes of hostile bodies to a few databases, some compressed, some cut short on the way. */
export function createWrites(random: () => number): () => SentWrite {
  const nextBody = createBodies(random);
  return () => {
    const path = random() < 0.01 ? "/write?rp=autogen" : (paths[Math.floor(random() * paths.length)] ?? "");
    const body = nextBody();
    if (random() < 0.9) return { path, headers: {}, body };
    const zipped = gzipSync(body);
    return {
      path,
      headers: { "content-encoding": "gzip" },
      body: random() < 0.7 ? zipped : zipped.subarray(0, zipped.length - 9),
    };
  };
}

/** Sends writes over many kept connections and says what every client was told. */
export async function sendAll(
  target: { readonly url: string; readonly ca: string; readonly authorization: string },
  writes: readonly SentWrite[],
  clients: number,
): Promise<number[]> {
  const pool = new Pool(target.url, { connect: { ca: target.ca }, connections: clients });
  const statuses: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let at = next++; at < writes.length; at = next++) {
      const { path, headers, body } = writes[at] ?? { path: "/", headers: {}, body: "" };
      const answer = await pool.request({
        method: "POST",
        path,
        headers: { ...headers, authorization: target.authorization },
        body,
      });
      await answer.body.dump();
      statuses[at] = answer.statusCode;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await pool.close();
  return statuses;
}

/** What Kapacitor says to each of the writes, and what it stores, when each comes alone. */
export async function expectAlone(
  writes: readonly SentWrite[],
): Promise<{ readonly statuses: number[]; readonly points: StoredPoint[] }> {
  const statuses: number[] = [];
  const points: StoredPoint[] = [];
  for (const { path, headers, body } of writes) {
    const mark = path.indexOf("?");
    const rawQuery = path.slice(mark + 1);
    const call = { method: "POST", path: path.slice(0, mark), query: parseQuery(rawQuery), rawQuery, headers, body };
    const answer = await write(call, "1.8.3", (stored) => points.push(...stored));
    statuses.push("status" in answer ? answer.status : 200);
  }
  return { statuses, points };
}

/** The points that one side has and the other has not, as often as it has them more. */
export function differences(expected: readonly StoredPoint[], actual: readonly StoredPoint[]): string[] {
  const counts = new Map<string, number>();
  const count = (points: readonly StoredPoint[], by: number): void => {
    for (const { db, rp, precision, line, timestamp } of points) {
      const text = JSON.stringify([db, rp, precision, line, String(timestamp)]);
      counts.set(text, (counts.get(text) ?? 0) + by);
    }
  };
  count(actual, 1);
  count(expected, -1);
  return [...counts]
    .filter(([, difference]) => difference !== 0)
    .map(([text, difference]) => `${difference > 0 ? "+" : ""}${difference} ${text}`);
}
