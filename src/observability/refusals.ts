/** A request that was refused, for the status page. Nothing in it is a secret. */
export interface Refusal {
  readonly at: Date;
  readonly reason: string;
  readonly status: number;
  readonly request_id: string;
  readonly lane: string | undefined;
  readonly class: string;
  readonly instance: string | undefined;
  readonly method: string | undefined;
  readonly path: string;
  readonly principal: string | undefined;
  readonly client_address: string | undefined;
}

/** The last refusals. */
export interface Refusals {
  add(refusal: Refusal): void;
  /** The latest first. */
  list(): readonly Refusal[];
}

/** Longer paths are cut: a client may send 64 kB. */
const longestPath = 200;

export function createRefusals(most = 100): Refusals {
  const ring: Refusal[] = [];
  let next = 0;
  return {
    add: (refusal) => {
      const { path } = refusal;
      ring[next] = path.length > longestPath ? { ...refusal, path: `${path.slice(0, longestPath)}…` } : refusal;
      next = (next + 1) % most;
    },
    list: () => [...ring.slice(next), ...ring.slice(0, next)].reverse(),
  };
}
