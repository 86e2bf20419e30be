/** Something that ends when its time is over. The list that it is in keeps these. */
export interface Timed<T> {
  previous: T | undefined;
  next: T | undefined;
  /** Milliseconds on the list's clock; undefined: it is in no list. */
  deadline: number | undefined;
}

export interface DeadlineOptions<T> {
  /** The same for all: whoever starts first ends first. */
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly schedule: (run: () => void, milliseconds: number) => () => void;
  /** Called when the time is over, which ends it. */
  readonly expire: (item: T) => void;
}

/** Times of many, kept by one timer: thousands begin and end in a second, and hardly one of them is ever over. */
export class Deadlines<T extends Timed<T>> {
  readonly #options: DeadlineOptions<T>;
  #first: T | undefined;
  #last: T | undefined;
  #scheduled = false;

  constructor(options: DeadlineOptions<T>) {
    this.#options = options;
  }

  /** Starts the time of an item from zero. */
  start(item: T): void {
    this.stop(item);
    const { now, timeoutMs } = this.#options;
    item.deadline = now() + timeoutMs;
    item.previous = this.#last;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#schedule(timeoutMs);
  }

  stop(item: T): void {
    if (item.deadline === undefined) return;
    item.deadline = undefined;
    const { previous, next } = item;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // What an ended one points to would live as long as it.
    item.previous = undefined;
    item.next = undefined;
  }

  #schedule(milliseconds: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.schedule(() => this.#look(), milliseconds);
  }

  #look(): void {
    this.#scheduled = false;
    const time = this.#options.now();
    for (let item = this.#first; item?.deadline !== undefined && item.deadline <= time; item = this.#first) {
      this.stop(item);
      this.#options.expire(item);
    }
    if (this.#first?.deadline !== undefined) this.#schedule(this.#first.deadline - time);
  }
}
