/** The value of a label; numbers are written as they are. */
export type LabelValue = string | number;

/** One branch of the tree of label values. */
interface Branch<C> {
  readonly next: Map<LabelValue, Branch<C>>;
  cell: C | undefined;
}

export interface SeriesOptions<C> {
  readonly labels: readonly string[];
  /** Series at most, besides those for the rest; what comes later goes where `overflow` says. */
  readonly most: number;
  readonly create: (values: readonly LabelValue[]) => C;
  /** The label values for what has no room of its own: few, whatever comes. */
  readonly overflow: (values: readonly LabelValue[]) => readonly LabelValue[];
}

/** One series with its labels. */
export interface Entry<C> {
  readonly labels: Readonly<Record<string, string>>;
  readonly cell: C;
}

/**
 * The series of one metric, by label values. They are kept here and not in the library, whose counters take a microsecond each time they
 * are used; finding one here takes a tenth of that, and whoever keeps the cell pays nothing.
 */
export class Series<C> {
  readonly #options: SeriesOptions<C>;
  readonly #root: Branch<C> = { next: new Map(), cell: undefined };
  readonly #all: Entry<C>[] = [];

  constructor(options: SeriesOptions<C>) {
    this.#options = options;
  }

  /** The cell of these label values, in the order of the labels; a new one while there is room. */
  cell(values: readonly LabelValue[]): C {
    return this.#find(values) ?? this.#add(values);
  }

  /** Every series, in the order in which they came. */
  entries(): Iterable<Entry<C>> {
    return this.#all;
  }

  #find(values: readonly LabelValue[]): C | undefined {
    let branch: Branch<C> | undefined = this.#root;
    for (const value of values) {
      branch = branch.next.get(value);
      if (branch === undefined) return undefined;
    }
    return branch.cell;
  }

  #add(values: readonly LabelValue[]): C {
    if (this.#all.length < this.#options.most) return this.#create(values);
    const instead = this.#options.overflow(values);
    return this.#find(instead) ?? this.#create(instead);
  }

  #create(values: readonly LabelValue[]): C {
    let branch = this.#root;
    for (const value of values) {
      let next = branch.next.get(value);
      if (next === undefined) {
        next = { next: new Map(), cell: undefined };
        branch.next.set(value, next);
      }
      branch = next;
    }
    const cell = this.#options.create(values);
    branch.cell = cell;
    const labels = this.#options.labels.map((name, index) => [name, String(values[index] ?? "")] as const);
    this.#all.push({ labels: Object.fromEntries(labels), cell });
    return cell;
  }
}

/** A number that only grows. */
export interface Count {
  value: number;
}

export const createCount = (): Count => ({ value: 0 });

/** Observations by size. */
export class Distribution {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  sum = 0;
  count = 0;

  /** @param bounds upper bounds, rising; what is above the last is only in the count */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length).fill(0);
  }

  observe(value: number): void {
    this.sum += value;
    this.count += 1;
    for (let index = 0; index < this.#bounds.length; index += 1) {
      if (value > (this.#bounds[index] ?? 0)) continue;
      this.#counts[index] = (this.#counts[index] ?? 0) + 1;
      return;
    }
  }

  /** How many observations were at most as large as each bound. */
  cumulative(): readonly (readonly [bound: number, count: number])[] {
    let total = 0;
    return this.#bounds.map((bound, index) => {
      total += this.#counts[index] ?? 0;
      return [bound, total];
    });
  }
}
