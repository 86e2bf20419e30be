import type { GroupLimits } from "./group-commit.ts";

export interface WriteQueueLimits extends GroupLimits {
  /** Requests out at a time that carry whole bodies, and those that carry streamed ones. */
  readonly requests: number;
  readonly streams: number;
  /** Bytes of memory for writes that arrive or wait. */
  readonly waitingBytes: number;
  /** Milliseconds between two attempts to reach a Kapacitor that does not accept connections. */
  readonly retryMs: number;
}

export type OnSent = (writes: number) => void;

export interface WriteQueueOptions {
  /** Milliseconds that a write waits for a Kapacitor that does not accept connections. */
  readonly holdMs: number;
  /** Milliseconds for a write as a whole, from the end of its body. */
  readonly timeoutMs: number;
  /** Told of every request that left, with the number of writes in it. */
  readonly onSent?: OnSent;
  readonly limits?: Partial<WriteQueueLimits>;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  readonly schedule?: (run: () => void, milliseconds: number) => () => void;
}

/** Numbers for the metrics. */
export interface WriteQueueStatus {
  /** Writes that wait because Kapacitor does not accept connections. */
  readonly held: number;
  /** Bytes reserved for writes that arrive or wait. */
  readonly waitingBytes: number;
  /** Requests out. */
  readonly out: number;
  /** Requests that were sent since the start, and the writes that they carried. */
  readonly requests: number;
  readonly writes: number;
}

/** What a write costs beside its body: the objects of its request, and those of the parts that its body arrives in. */
export const writeOverheadBytes = 4096;

/** The limits of one Kapacitor, whatever the number of its clients. */
export const defaultLimits: WriteQueueLimits = {
  groupBytes: 524_288,
  groupWrites: 256,
  requests: 64,
  streams: 64,
  waitingBytes: 67_108_864,
  retryMs: 100,
};
