/** A turn that was given; whoever has it gives it back, whatever happens. Giving it back again does nothing. */
export interface Turn {
  readonly kind: "turn";
  release(): void;
}

export type TurnResult =
  | Turn
  /** Too many wait, or too many bytes, or it took too long. */
  | { readonly kind: "overloaded" }
  /** Whoever asked has left. */
  | { readonly kind: "gone" };

export interface TurnRequest {
  /** What only one may be at at a time: an instance. */
  readonly key: string;
  /** What the caller holds in memory while it waits. */
  readonly bytes: number;
  /** Milliseconds to wait at most. */
  readonly waitMs: number;
  /** Aborted when whoever asked leaves. */
  readonly signal: AbortSignal;
}

/**
 * Definitions of one instance go one at a time, from the look-up of what is stored to the end of Kapacitor's answer: what was judged is then still
 * what is stored. First come, first served; everything about the queue is bounded.
 */
export interface Definitions {
  enter(request: TurnRequest): Promise<TurnResult>;
  /** How many wait. */
  readonly waiting: number;
}

export interface DefinitionLimits {
  /** Callers that wait for one key. */
  readonly count: number;
  /** Bytes that all waiting callers hold. */
  readonly bytes: number;
}

const defaultDefinitionLimits: DefinitionLimits = { count: 256, bytes: 100_000_000 };

interface Waiter {
  readonly give: (turn: Turn) => void;
}

export function createDefinitions(limits: DefinitionLimits = defaultDefinitionLimits): Definitions {
  const queues = new Map<string, Set<Waiter>>();
  let bytes = 0;
  let waiting = 0;

  const makeTurn = (key: string): Turn => {
    let given = true;
    return {
      kind: "turn",
      release: () => {
        if (!given) return;
        given = false;
        const queue = queues.get(key);
        const [next] = queue ?? [];
        if (next === undefined) queues.delete(key);
        else next.give(makeTurn(key));
      },
    };
  };

  const wait = (queue: Set<Waiter>, request: TurnRequest): Promise<TurnResult> =>
    new Promise((resolve) => {
      bytes += request.bytes;
      waiting++;
      const finish = (result: TurnResult): void => {
        clearTimeout(timer);
        request.signal.removeEventListener("abort", onAbort);
        queue.delete(waiter);
        bytes -= request.bytes;
        waiting--;
        resolve(result);
      };
      const waiter: Waiter = { give: finish };
      const onAbort = (): void => finish({ kind: "gone" });
      const timer = setTimeout(() => finish({ kind: "overloaded" }), request.waitMs);
      request.signal.addEventListener("abort", onAbort, { once: true });
      queue.add(waiter);
    });

  return {
    enter: (request) => {
      if (request.signal.aborted) return Promise.resolve({ kind: "gone" });
      const queue = queues.get(request.key);
      if (queue === undefined) {
        queues.set(request.key, new Set());
        return Promise.resolve(makeTurn(request.key));
      }
      if (queue.size >= limits.count || bytes + request.bytes > limits.bytes) {
        return Promise.resolve({ kind: "overloaded" });
      }
      return wait(queue, request);
    },
    get waiting() {
      return waiting;
    },
  };
}
