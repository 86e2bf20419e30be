import { lookup } from "node:dns/promises";
import { parseAddress } from "../core/cidr.ts";

/** Resolves a name; canonical addresses, empty when it has none, fails, or takes too long. Never rejects. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** A name may take this long, waiting included, in milliseconds. */
const longest = 3000;
/** getaddrinfo runs in the pool that hashes passwords: more than this at a time would leave it without threads. */
const mostAtOnce = 2;

interface Question {
  readonly name: string;
  readonly answer: PromiseWithResolvers<readonly string[]>;
  /** Who waits for it. */
  callers: number;
}

/**
 * A resolver of its own queue, over the system's one: the hosts file counts, as it does for Kapacitor. A question that nobody waits for any
 * more is not asked, so the queue is no longer than what its callers wait for.
 */
export function createResolver(ask: typeof askSystem = askSystem, limit = longest): Resolve {
  let running = 0;
  const waiting = new Set<Question>();
  const open = new Map<string, Question>();

  const pump = (): void => {
    for (const question of waiting) {
      if (running >= mostAtOnce) return;
      waiting.delete(question);
      running++;
      ask(question.name)
        .catch(() => [])
        .then((addresses) => {
          running--;
          open.delete(question.name);
          question.answer.resolve(addresses);
          pump();
        });
    }
  };

  const begin = (name: string): Question => {
    const question: Question = { name, answer: Promise.withResolvers(), callers: 0 };
    open.set(name, question);
    waiting.add(question);
    pump();
    return question;
  };

  return async (name) => {
    const question = open.get(name) ?? begin(name);
    question.callers++;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<readonly string[]>((resolve) => {
      timer = setTimeout(() => resolve([]), limit);
    });
    try {
      return await Promise.race([question.answer.promise, late]);
    } finally {
      clearTimeout(timer);
      question.callers--;
      // One that is asked already cannot be taken back.
      if (question.callers === 0 && waiting.delete(question)) open.delete(name);
    }
  };
}

async function askSystem(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => parseAddress(address)).filter((address) => address !== undefined);
}
