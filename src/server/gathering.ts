/** More parts than this are copied together: a client may send its body byte by byte, and each part has a price of its own. */
const mostParts = 16;

/** The parts of a body that arrive, up to `capacity` bytes and the part that goes beyond. */
export class Gathering {
  readonly #capacity: number;
  #parts: Buffer[] = [];
  #copy: Buffer | undefined;
  #copied = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Takes a part in and says how many bytes of memory that takes. */
  add(part: Buffer): number {
    if (this.#copy === undefined) {
      this.#parts.push(part);
      return this.#parts.length < mostParts ? part.length : part.length + this.#copyAll();
    }
    if (this.#copied + part.length > this.#capacity) {
      this.#parts.push(part);
      return part.length;
    }
    this.#copied += part.copy(this.#copy, this.#copied);
    return 0;
  }

  /** What was taken in, in order. */
  parts(): Buffer[] {
    return this.#copy === undefined ? this.#parts : [this.#copy.subarray(0, this.#copied), ...this.#parts];
  }

  /** The same as one. */
  whole(): Buffer {
    const [only, ...more] = this.parts();
    if (only === undefined) return Buffer.alloc(0);
    return more.length === 0 ? only : Buffer.concat([only, ...more]);
  }

  #copyAll(): number {
    const all = Buffer.concat(this.#parts);
    if (all.length > this.#capacity) return 0;
    const copy = Buffer.allocUnsafeSlow(this.#capacity);
    this.#copied = all.copy(copy);
    this.#copy = copy;
    this.#parts = [];
    return this.#capacity;
  }
}
