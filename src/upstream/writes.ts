import { type Deny, deny } from "../core/decision.ts";
import { Deadlines } from "./deadlines.ts";
import type { UpstreamFailure } from "./failure.ts";
import { createGroupCommit, type Group, type GroupCommit } from "./group-commit.ts";
import { type Carrier, type ClientWrite, carrierOf, QueuedWrite } from "./writes-carrier.ts";
import {
  defaultLimits,
  type OnSent,
  type WriteQueueLimits,
  type WriteQueueOptions,
  type WriteQueueStatus,
} from "./writes-limits.ts";
import type { WriteLink } from "./writes-link.ts";

/** Requests of one kind and the room for them. */
interface Slots {
  readonly groups: GroupCommit<QueuedWrite>;
  readonly most: number;
  out: number;
}

/** A group on its way. */
interface Turn {
  readonly slots: Slots;
  readonly group: Group<QueuedWrite>;
  readonly carrier: Carrier;
  /** It finds out whether Kapacitor accepts connections again. */
  readonly isProbe: boolean;
}

/** Kapacitor does not accept connections. */
interface Outage {
  readonly since: number;
  failure: UpstreamFailure;
  probing: boolean;
  cancel: () => void;
}

const draining = deny("draining", undefined, { retryAfterSeconds: 1 });

/**
 * The writes on their way to one Kapacitor: grouped, sent in turn, held while it does not accept connections, each answered once. What
 * Kapacitor may have read is never sent again.
 */
export class WriteQueue {
  readonly #link: WriteLink;
  readonly #holdMs: number;
  readonly #limits: WriteQueueLimits;
  readonly #onSent: OnSent;
  readonly #now: () => number;
  readonly #schedule: (run: () => void, milliseconds: number) => () => void;
  readonly #deadlines: Deadlines<QueuedWrite>;
  readonly #whole: Slots;
  readonly #streamed: Slots;
  #idle: PromiseWithResolvers<void> | undefined;
  #reserved = 0;
  #waiting = 0;
  #outage: Outage | undefined;
  #draining = false;
  #requests = 0;
  #writes = 0;

  constructor(link: WriteLink, options: WriteQueueOptions) {
    const { now = () => performance.now(), schedule = scheduleTimeout, onSent = () => {} } = options;
    this.#link = link;
    this.#holdMs = options.holdMs;
    this.#onSent = onSent;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#now = now;
    this.#schedule = schedule;
    this.#deadlines = new Deadlines({
      timeoutMs: options.timeoutMs,
      now,
      // Whatever a write waits for keeps the process alive already.
      schedule: options.schedule ?? scheduleInBackground,
      expire: (queued) => this.#expire(queued),
    });
    this.#whole = { groups: createGroupCommit(this.#limits), most: this.#limits.requests, out: 0 };
    this.#streamed = { groups: createGroupCommit(this.#limits), most: this.#limits.streams, out: 0 };
  }

  /** Takes memory for a write that arrives; false when there is none left. */
  reserve(bytes: number): boolean {
    if (this.#reserved + bytes > this.#limits.waitingBytes) return false;
    this.#reserved += bytes;
    return true;
  }

  /** Gives back what was reserved for a write that is not submitted. */
  release(bytes: number): void {
    this.#reserved -= bytes;
    this.#settleIdle();
  }

  /** Sends a write when its turn comes, and answers it. Takes over what was reserved for it. */
  submit(write: ClientWrite): void {
    const queued = new QueuedWrite(write, this.#now(), this.#deadlines);
    if (this.#draining) {
      this.release(write.reserved);
      queued.fail(draining, undefined);
      return;
    }
    const slots = this.#slotsOf(queued);
    queued.run();
    this.#waiting += 1;
    slots.groups.add(queued);
    this.#pump(slots);
  }

  /** Answers everything that waits with 503 `draining`, and whatever comes later. */
  refuseWaiting(): void {
    this.#draining = true;
    this.#refuse(() => true, draining, undefined);
  }

  /** Resolves when nothing arrives, nothing waits and nothing is out. */
  idle(): Promise<void> {
    this.#idle ??= Promise.withResolvers();
    const { promise } = this.#idle;
    this.#settleIdle();
    return promise;
  }

  status(): WriteQueueStatus {
    return {
      held: this.#outage === undefined ? 0 : this.#waiting,
      waitingBytes: this.#reserved,
      out: this.#whole.out + this.#streamed.out,
      requests: this.#requests,
      writes: this.#writes,
    };
  }

  #slotsOf(queued: QueuedWrite): Slots {
    return Buffer.isBuffer(queued.write.body) ? this.#whole : this.#streamed;
  }

  #pump(slots: Slots): void {
    while (this.#outage === undefined && slots.out < slots.most) {
      const group = slots.groups.take();
      if (group === undefined) return;
      this.#send(slots, group, false);
    }
  }

  #send(slots: Slots, group: Group<QueuedWrite>, isProbe: boolean): void {
    for (const queued of group.writes) this.#leave(queued);
    slots.out += 1;
    const carrier = carrierOf(group);
    const turn: Turn = { slots, group, carrier, isProbe };
    const abort = this.#link.send(carrier.request, {
      sent: () => this.#sent(turn),
      head: (status, statusText, headers, pace) => carrier.head(status, statusText, headers, pace),
      data: (chunk, pace) => carrier.data(chunk, pace),
      end: () => this.#finish(turn, carrier.end()),
      fail: (failure) => {
        if (failure.unsent) return this.#comeBack(turn, failure);
        carrier.fail(failure);
        this.#finish(turn, []);
      },
    });
    for (const queued of group.writes) queued.abort = abort;
  }

  #sent(turn: Turn): void {
    this.#requests += 1;
    this.#writes += turn.group.writes.length;
    this.#onSent(turn.group.writes.length);
    // From here on the body runs the clock.
    if (turn.slots === this.#streamed) for (const queued of turn.group.writes) queued.stop();
    if (this.#outage === undefined) return;
    this.#outage.cancel();
    this.#outage = undefined;
    this.#pump(this.#whole);
    this.#pump(this.#streamed);
  }

  /** @param alone writes that the answer says nothing about: they go again, one at a time */
  #finish({ slots, group }: Turn, alone: readonly QueuedWrite[]): void {
    slots.out -= 1;
    for (const queued of alone) {
      this.#rejoin(queued);
      slots.groups.again(queued);
    }
    slots.groups.finish(group);
    this.#pump(slots);
    this.#settleIdle();
  }

  /** Nothing of a group was sent: its writes wait until there is a connection, or until they have waited for too long. */
  #comeBack({ slots, group, carrier, isProbe }: Turn, failure: UpstreamFailure): void {
    slots.out -= 1;
    carrier.discard();
    group.writes = group.writes.filter((queued) => !queued.settled);
    for (const queued of group.writes) this.#rejoin(queued);
    if (group.writes.length > 0) slots.groups.giveBack(group);
    else slots.groups.finish(group);
    if (this.#outage === undefined && group.writes.length === 0) {
      // It was given up, which says nothing about Kapacitor.
      this.#pump(slots);
      this.#settleIdle();
      return;
    }
    if (this.#outage === undefined) {
      this.#outage = { since: this.#now(), failure, probing: false, cancel: () => {} };
      this.#retryLater(this.#outage);
    } else {
      this.#outage.failure = failure;
      if (isProbe) this.#outage.probing = false;
    }
    if (this.#draining) this.#refuse(() => true, draining, undefined);
    else if (this.#holdMs === 0) this.#refuseExpired(this.#outage);
    this.#settleIdle();
  }

  #retryLater(outage: Outage): void {
    outage.cancel = this.#schedule(() => this.#retry(outage), this.#limits.retryMs);
  }

  #retry(outage: Outage): void {
    this.#refuseExpired(outage);
    if (this.#outage !== outage) return;
    if (!outage.probing) {
      const slots = this.#whole.groups.hasReady() ? this.#whole : this.#streamed;
      const group = slots.groups.take();
      outage.probing = group !== undefined;
      if (group !== undefined) this.#send(slots, group, true);
    }
    if (this.#outage === outage) this.#retryLater(outage);
  }

  /** Refuses what has been held for write-hold. An outage that nobody waits for is forgotten: the next write finds out for itself. */
  #refuseExpired(outage: Outage): void {
    const now = this.#now();
    const { decision, cause } = outage.failure;
    const unreachable = decision.reason === "upstream_unreachable" ? decision : deny("upstream_unreachable");
    this.#refuse((queued) => now - Math.max(queued.arrivedAt, outage.since) >= this.#holdMs, unreachable, cause);
    if (this.#waiting > 0 || outage.probing || this.#outage !== outage) return;
    outage.cancel();
    this.#outage = undefined;
  }

  #refuse(which: (queued: QueuedWrite) => boolean, decision: Deny, cause: string | undefined): void {
    for (const slots of [this.#whole, this.#streamed]) {
      for (const queued of slots.groups.waiting().filter(which)) {
        slots.groups.remove(queued);
        this.#leave(queued);
        queued.fail(decision, cause);
      }
    }
    this.#settleIdle();
  }

  /** The time of a write is over. A request that nobody waits for any more is cut. */
  #expire(queued: QueuedWrite): void {
    const { out, group } = queued;
    if (!out) {
      this.#slotsOf(queued).groups.remove(queued);
      this.#leave(queued);
    }
    queued.fail(deny("upstream_timeout"), "write-timeout");
    if (out && group?.writes.every((it) => it.settled)) queued.abort?.();
    this.#settleIdle();
  }

  /** It does not wait any more. */
  #leave(queued: QueuedWrite): void {
    queued.out = true;
    this.#waiting -= 1;
    this.#reserved -= queued.write.reserved;
  }

  /** It waits again: it has been admitted, whatever has arrived meanwhile. */
  #rejoin(queued: QueuedWrite): void {
    queued.out = false;
    this.#waiting += 1;
    this.#reserved += queued.write.reserved;
  }

  #settleIdle(): void {
    if (this.#idle === undefined || this.#reserved > 0 || this.#waiting > 0) return;
    if (this.#whole.out > 0 || this.#streamed.out > 0) return;
    this.#idle.resolve();
    this.#idle = undefined;
  }
}

function scheduleTimeout(run: () => void, milliseconds: number): () => void {
  const timer = setTimeout(run, milliseconds);
  return () => clearTimeout(timer);
}

function scheduleInBackground(run: () => void, milliseconds: number): () => void {
  const timer = setTimeout(run, milliseconds).unref();
  return () => clearTimeout(timer);
}
