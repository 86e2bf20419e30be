import { lookup } from "node:dns/promises";
import { parseAddress } from "../core/cidr.ts";

/** Resolves a name; canonical addresses, empty when it has none, fails, or takes too long. Never rejects. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** A name may take this long, waiting included, in milliseconds. */
const longest = 3000;
/** getaddrinfo runs in the pool that hashes passwords: more than this at a time would leave it without threads. */
const mostAtOnce = 2;

/** A resolver of its own bounded queue, over the system's one: the hosts file counts, as it does for Kapacitor. */
export function createResolver(ask: typeof askSystem = askSystem, limit = longest): Resolve {
  let running = 0;
  const waiting: (() => void)[] = [];
  const leave = (): void => {
    running--;
    waiting.shift()?.();
  };
  const enter = (): Promise<void> => {
    if (running < mostAtOnce) {
      running++;
      return Promise.resolve();
    }
    return new Promise((resolve) =>
      waiting.push(() => {
        running++;
        resolve();
      }),
    );
  };
  const under = new Map<string, Promise<readonly string[]>>();
  const resolveOnce = async (name: string): Promise<readonly string[]> => {
    await enter();
    try {
      return await ask(name);
    } catch {
      return [];
    } finally {
      leave();
    }
  };
  return async (name) => {
    const shared = under.get(name) ?? resolveOnce(name).finally(() => under.delete(name));
    under.set(name, shared);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<readonly string[]>((resolve) => {
      timer = setTimeout(() => resolve([]), limit);
    });
    try {
      return await Promise.race([shared, late]);
    } finally {
      clearTimeout(timer);
    }
  };
}

async function askSystem(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => parseAddress(address)).filter((address) => address !== undefined);
}
