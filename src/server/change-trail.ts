/** What a call that changes Kapacitor leaves behind while it is served, for its record in the audit log. */
export class ChangeTrail {
  /** The body, where it was read whole. */
  body: Buffer | undefined = undefined;
  /** The status of Kapacitor's answer. */
  upstreamStatus: number | undefined = undefined;
  /** Resolves when Kapacitor's answer has ended, or will not come; undefined: nothing was sent. */
  sent: Promise<void> | undefined = undefined;
  /** The beginning of the answer: the link to what was made is there. */
  answer: Buffer = Buffer.alloc(0);

  noteAnswer(chunk: Buffer): void {
    if (this.answer.length < mostAnswer)
      this.answer = Buffer.concat([this.answer, chunk.subarray(0, mostAnswer - this.answer.length)]);
  }
}

/** Bytes of an answer that are kept. */
const mostAnswer = 2048;
