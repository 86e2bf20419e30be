import { Client, errors } from "undici";
import { admin, basic } from "./gateway.ts";

/** What became of the writes of a crowd, each of one point `m v=<number>i` that no other has. */
export interface WriterReport {
  /** The numbers that were answered with 204. */
  readonly accepted: readonly number[];
  /** Anything but 204, and anything that broke a write which may have been sent: `503`, `UND_ERR_SOCKET` … */
  readonly failures: readonly string[];
}

export interface Writers {
  /** How many have been answered with 204. */
  count(): number;
  /** Lets every writer finish its write and end. */
  stop(): Promise<WriterReport>;
  /** Resolves when every writer has found the port closed, or failed. */
  ended(): Promise<WriterReport>;
}

/**
 * Writers that write one after the other, each on a connection of its own which it opens anew when it is told to close. A port that refuses
 * connections ends them: nothing was sent.
 */
export function startWriters(options: { port: number; ca: string; count: number; login?: string }): Writers {
  const { port, ca, count, login = admin } = options;
  const accepted: number[] = [];
  const failures: string[] = [];
  let stopping = false;
  let next = 0;

  const writeOnAndOn = async (): Promise<void> => {
    const client = new Client(`https://127.0.0.1:${port}`, { connect: { ca, timeout: 60_000 } });
    const headers = { authorization: basic(login) };
    try {
      while (!stopping) {
        const number = next++;
        const answer = await client.request({ method: "POST", path: "/write?db=d", headers, body: `m v=${number}i` });
        const text = await answer.body.text();
        if (answer.statusCode === 204) accepted.push(number);
        else failures.push(`${answer.statusCode} ${text}`);
      }
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      const detail = error instanceof errors.SocketError ? ` ${error.message}` : "";
      if (code !== "ECONNREFUSED") failures.push(`${code}${detail}`);
    } finally {
      await client.destroy();
    }
  };

  const all = Promise.all(Array.from({ length: count }, writeOnAndOn)).then(() => ({ accepted, failures }));
  return {
    count: () => accepted.length,
    stop: () => {
      stopping = true;
      return all;
    },
    ended: () => all,
  };
}

/** The numbers of {@link startWriters} among points that were stored, in order. */
export function numbersOf(points: readonly { readonly line: string }[]): readonly number[] {
  return inOrder(points.map(({ line }) => Number(/v=(\d+)i/.exec(line)?.[1])));
}

export function inOrder(numbers: readonly number[]): readonly number[] {
  return numbers.toSorted((a, b) => a - b);
}
