import { isDeepStrictEqual } from "node:util";
import { createUpstream, type Upstream, type UpstreamOptions } from "./instance.ts";
import type { OnSent } from "./writes-limits.ts";

/** Every Kapacitor that requests may be on their way to. */
export interface Upstreams {
  /** The upstreams for these options, by name. Those that are unchanged stay as they are; the others get no new requests and end by themselves. */
  use(options: readonly UpstreamOptions[]): ReadonlyMap<string, Upstream>;
  /** Answers all writes that wait with 503 `draining`. */
  refuseWaiting(): void;
  /** Resolves when no write is left. */
  idle(): Promise<void>;
  /** Cuts every connection. */
  close(): void;
}

/** @param onSent told of every request of the write lane that left, with the number of writes in it */
export function createUpstreams(onSent: OnSent = () => {}): Upstreams {
  const open = new Set<Upstream>();
  let current: ReadonlyMap<string, Upstream> = new Map();

  const find = (options: UpstreamOptions): Upstream => {
    const present = current.get(options.name);
    if (present !== undefined && isDeepStrictEqual(present.options, options)) return present;
    const created = createUpstream(options, onSent);
    open.add(created);
    return created;
  };

  return {
    use: (list) => {
      const next = new Map(list.map((options) => [options.name, find(options)]));
      for (const [name, upstream] of current)
        if (next.get(name) !== upstream) upstream.retire().then(() => open.delete(upstream));
      current = next;
      return next;
    },
    refuseWaiting: () => {
      for (const upstream of open) upstream.writes.refuseWaiting();
    },
    idle: async () => {
      await Promise.all([...open].map((upstream) => upstream.writes.idle()));
    },
    close: () => {
      for (const upstream of open) upstream.close();
    },
  };
}
