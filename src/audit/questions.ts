/** Asking Kapacitor for its lists. */
import type { Deny } from "../core/decision.ts";
import { deny } from "../core/decision.ts";
import type { Entry, ListPart } from "../core/stored-lists.ts";
import type { Reading, StoredAnswer } from "../core/stored-state.ts";
import type { Upstream } from "../upstream/instance.ts";
import { askUpstream } from "../upstream/state.ts";

/** Ends an audit before its end; caught in audit.ts. */
export class AuditStop extends Error {
  readonly decision: Deny;

  constructor(decision: Deny, cause: string) {
    super(cause);
    this.decision = decision;
  }
}

/** Reads a list, or the part of one, of one Kapacitor. */
export interface Questions {
  readonly upstream: Upstream;
  readonly signal: AbortSignal;
}

/** No part of a list that is asked for comes near this; in bytes. Parsing it keeps the process busy. */
const largestPart = 8_000_000;
/** Entries of a list that are asked for at a time. */
const partLength = 50;

/** Kapacitor's answer; throws AuditStop when there is none. `undefined`: it is longer than is read at once. */
async function ask({ upstream, signal }: Questions, path: string, largest: number): Promise<StoredAnswer | undefined> {
  const outcome = await askUpstream(upstream, path, { signal, largestAnswer: largest });
  if (outcome.kind === "answer") return outcome.answer;
  if (outcome.decision.reason === "stored_state_unreadable") return undefined;
  throw new AuditStop(outcome.decision, outcome.cause);
}

/** A whole list in one answer. An answer that cannot be believed throws AuditStop; undefined: Kapacitor has no such list. */
export async function wholeList<T>(
  questions: Questions,
  path: string,
  what: string,
  read: (answer: StoredAnswer) => Reading<readonly Entry<T>[]>,
): Promise<readonly Entry<T>[] | undefined> {
  const answer = await ask(questions, path, largestPart * 4);
  if (answer === undefined) throw unreadable(what, `is longer than ${largestPart * 4} bytes`);
  const reading = read(answer);
  if (reading.kind === "absent") return undefined;
  if (reading.kind === "unreadable") throw unreadable(what, reading.text);
  return reading.object;
}

/**
 * A list part by part, each entry once, in the order of their ids. Kapacitor counts offsets at the time of each question, so every part begins with the
 * last entry of the one before; when that is gone, something was deleted meanwhile, and the list is read again from further in front: nothing is missed.
 */
export async function* listParts<T>(
  questions: Questions,
  what: string,
  pathOf: (part: ListPart) => string,
  read: (answer: StoredAnswer) => Reading<readonly Entry<T>[]>,
): AsyncGenerator<readonly Entry<T>[]> {
  let limit = partLength;
  let offset = 0;
  let last: Buffer | undefined;
  for (;;) {
    const answer = await ask(questions, pathOf({ offset, limit: limit + 1 }), largestPart);
    if (answer === undefined) {
      if (limit === 1) throw unreadable(what, `have entries of more than ${largestPart / 2} bytes`);
      limit = Math.max(1, Math.floor(limit / 8));
      continue;
    }
    const reading = read(answer);
    if (reading.kind !== "found")
      throw unreadable(what, reading.kind === "unreadable" ? reading.text : "are not there");
    const entries = reading.object;
    const from = offset === 0 ? 0 : 1;
    const start = last === undefined ? from : entries.findLastIndex(({ id }) => isUpTo(id, last)) + 1;
    if (last !== undefined && start === 0 && offset > 0) {
      offset = Math.max(0, offset - limit);
      continue;
    }
    yield entries.slice(start);
    if (entries.length <= limit) return;
    // An entry without an id is no landmark: the next part is taken as it comes.
    const end = entries.at(-1)?.id;
    last = end === undefined ? undefined : Buffer.from(end, "utf8");
    offset += limit;
  }
}

function isUpTo(id: string | undefined, last: Buffer | undefined): boolean {
  return id !== undefined && last !== undefined && Buffer.compare(Buffer.from(id, "utf8"), last) <= 0;
}

function unreadable(what: string, text: string): AuditStop {
  const decision = deny("stored_state_unreadable", `what Kapacitor has stored could not be read: its ${what} ${text}`);
  return new AuditStop(decision, text);
}
