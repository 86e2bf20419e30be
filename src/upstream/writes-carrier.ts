import type { Readable } from "node:stream";
import { type Deny, deny } from "../core/decision.ts";
import { responseHeaders } from "../core/headers.ts";
import { needsLineFeed } from "../core/line-protocol-joining.ts";
import type { Deadlines, Timed } from "./deadlines.ts";
import type { UpstreamFailure } from "./failure.ts";
import type { Group, Groupable } from "./group-commit.ts";
import type { Pace, WriteRequest } from "./writes-link.ts";

/** The head of Kapacitor's answer. */
export interface WriteAnswerHead {
  readonly status: number;
  readonly statusText: string;
  /** Kapacitor's own, names and values in turn, less hop-by-hop ones; without its Request-Id when it is shared. */
  readonly headers: readonly string[];
  /** Kapacitor's Request-Id. */
  readonly requestId: string | undefined;
  /** It is the answer to a request that carried other clients' writes as well. */
  readonly shared: boolean;
  /** It as text, kept here by whoever writes it. */
  text?: string;
}

/** Runs while a write waits for Kapacitor: the time of a write ends it. */
export interface UpstreamClock {
  /** Starts it from zero. */
  run(): void;
  stop(): void;
}

/** A body that passes through while it arrives. */
export interface StreamedBody {
  /**
   * Opens it; nothing is read before. Asked again when nothing of it was sent. It runs the clock while Kapacitor does not take what has
   * arrived, and from its end on.
   */
  open(clock: UpstreamClock): Readable;
}

/** A write that was admitted, and its client. Exactly one of `end` and `fail` is called, once. */
export interface ClientWrite {
  readonly path: string;
  /** Of a request of its own: names and values in turn. */
  readonly headers: readonly string[];
  /** Of a request that it shares; equal for all of one key. */
  readonly sharedHeaders: readonly string[];
  /** Writes with equal keys may leave as one; undefined: it travels alone. */
  readonly key: string | undefined;
  readonly body: Buffer | StreamedBody;
  /** Memory that was reserved for it. */
  readonly reserved: number;
  begin(head: WriteAnswerHead, pace: Pace): void;
  data(chunk: Buffer, pace: Pace): void;
  end(): void;
  /** No answer, or none to its end. */
  fail(decision: Deny, cause: string | undefined): void;
}

/** A write in the queue: answers its client once, whatever else comes, and keeps its time. */
export class QueuedWrite implements Groupable<QueuedWrite>, Timed<QueuedWrite>, UpstreamClock {
  readonly write: ClientWrite;
  readonly key: string | undefined;
  readonly bytes: number;
  /** Milliseconds on the queue's clock. */
  readonly arrivedAt: number;
  group: Group<QueuedWrite> | undefined = undefined;
  /** It left the queue with its group. */
  out = false;
  settled = false;
  /** Cuts the request that it is out with. */
  abort: (() => void) | undefined = undefined;
  previous: QueuedWrite | undefined = undefined;
  next: QueuedWrite | undefined = undefined;
  deadline: number | undefined = undefined;
  readonly #deadlines: Deadlines<QueuedWrite>;

  /** @param deadlines have this write end when its time is over */
  constructor(write: ClientWrite, arrivedAt: number, deadlines: Deadlines<QueuedWrite>) {
    this.write = write;
    this.key = write.key;
    this.bytes = Buffer.isBuffer(write.body) ? write.body.length : 0;
    this.arrivedAt = arrivedAt;
    this.#deadlines = deadlines;
  }

  run(): void {
    if (!this.settled) this.#deadlines.start(this);
  }

  stop(): void {
    this.#deadlines.stop(this);
  }

  begin(head: WriteAnswerHead, pace: Pace): void {
    if (!this.settled) this.write.begin(head, pace);
  }

  data(chunk: Buffer, pace: Pace): void {
    if (!this.settled) this.write.data(chunk, pace);
  }

  end(): void {
    if (this.#settle()) this.write.end();
  }

  fail(decision: Deny, cause: string | undefined): void {
    if (this.#settle()) this.write.fail(decision, cause);
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.stop();
    return true;
  }
}

/** Takes a group to Kapacitor and the answer back to its clients. */
export interface Carrier {
  readonly request: WriteRequest;
  head(status: number, statusText: string, headers: readonly string[], pace: Pace): void;
  data(chunk: Buffer, pace: Pace): void;
  /** The answer is complete. Returns the writes that are not answered by it and have to go alone. */
  end(): readonly QueuedWrite[];
  /** There is none, or not all of it, although the request may have been read. */
  fail(failure: UpstreamFailure): void;
  /** Nothing was sent: lets go of what was opened for it. */
  discard(): void;
}

/** The carrier of a group: its request is the client's own when there is only one. */
export function carrierOf(group: Group<QueuedWrite>): Carrier {
  const [only] = group.writes;
  return only !== undefined && group.writes.length === 1 ? new Alone(only) : new Together(group.writes);
}

function headOf(status: number, statusText: string, raw: readonly string[], shared: boolean): WriteAnswerHead {
  const headers: string[] = [];
  const all = responseHeaders(raw);
  let requestId: string | undefined;
  for (let at = 0; at + 1 < all.length; at += 2) {
    const [name = "", value = ""] = [all[at], all[at + 1]];
    const names = name.toLowerCase() === "request-id";
    if (names) requestId = value;
    if (!names || !shared) headers.push(name, value);
  }
  return { status, statusText, headers, requestId, shared };
}

class Alone implements Carrier {
  readonly request: WriteRequest;
  readonly #write: QueuedWrite;

  constructor(queued: QueuedWrite) {
    const { path, headers, body } = queued.write;
    this.#write = queued;
    this.request = { path, headers, body: Buffer.isBuffer(body) ? body : body.open(queued) };
  }

  head(status: number, statusText: string, headers: readonly string[], pace: Pace): void {
    if (status === 401) this.#write.fail(deny("upstream_unauthorized"), undefined);
    else this.#write.begin(headOf(status, statusText, headers, false), pace);
  }

  data(chunk: Buffer, pace: Pace): void {
    this.#write.data(chunk, pace);
  }

  end(): readonly QueuedWrite[] {
    this.#write.end();
    return [];
  }

  fail(failure: UpstreamFailure): void {
    this.#write.fail(failure.decision, failure.cause);
  }

  discard(): void {
    if (!Buffer.isBuffer(this.request.body)) this.request.body.destroy();
  }
}

/** The answer to a shared request is short: it is kept until it is complete, up to this many bytes, and then copied to every client. */
const longestSharedAnswer = 65_536;
const unpaced: Pace = { pause: () => {}, resume: () => {} };
const lineFeed = Buffer.from("\n");

class Together implements Carrier {
  readonly request: WriteRequest;
  readonly #writes: readonly QueuedWrite[];
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #head: WriteAnswerHead | undefined;

  constructor(writes: readonly QueuedWrite[]) {
    const bodies: Buffer[] = [];
    for (const { body } of writes.map((queued) => queued.write)) {
      if (!Buffer.isBuffer(body)) continue;
      bodies.push(body);
      if (needsLineFeed(body)) bodies.push(lineFeed);
    }
    const first = writes[0]?.write;
    this.#writes = writes;
    this.request = { path: first?.path ?? "", headers: first?.sharedHeaders ?? [], body: Buffer.concat(bodies) };
  }

  head(status: number, statusText: string, headers: readonly string[]): void {
    this.#head = headOf(status, statusText, headers, true);
  }

  data(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length <= longestSharedAnswer) this.#chunks.push(chunk);
  }

  end(): readonly QueuedWrite[] {
    const head = this.#head;
    const writes = this.#writes.filter((queued) => !queued.settled);
    if (head?.status === 401) for (const queued of writes) queued.fail(deny("upstream_unauthorized"), undefined);
    // Kapacitor stores nothing of a body that it refuses.
    else if (head !== undefined && head.status >= 400 && head.status < 500) return writes;
    else if (head === undefined || this.#length > longestSharedAnswer)
      for (const queued of writes)
        queued.fail(deny("upstream_reset", "Kapacitor's answer is too long"), "answer too long");
    else {
      const body = Buffer.concat(this.#chunks, this.#length);
      for (const queued of writes) {
        queued.begin(head, unpaced);
        if (body.length > 0) queued.data(body, unpaced);
        queued.end();
      }
    }
    return [];
  }

  fail(failure: UpstreamFailure): void {
    for (const queued of this.#writes) queued.fail(failure.decision, failure.cause);
  }

  discard(): void {}
}
