/** A value that must not reach a log, an error, a metric or a page: everything that prints it by accident prints `[REDACTED]`. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The value itself; only for the place that verifies or sends it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  /** What util.inspect and console print. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return redacted;
  }
}

/** What stands wherever a secret would. */
export const redacted = "[REDACTED]";
