/** What the group commit knows of a write. */
export interface Groupable<W> {
  /** Writes with equal keys may leave as one request; undefined: this one travels alone. */
  readonly key: string | undefined;
  /** Length of the body. */
  readonly bytes: number;
  /** The group that it waits in or left with; kept here by the group commit. */
  group: Group<W> | undefined;
}

/** Writes that leave as one request. */
export interface Group<W> {
  readonly key: string | undefined;
  /** Rises in the order in which groups were begun. */
  readonly number: number;
  /** In the order of arrival. */
  writes: W[];
  bytes: number;
  /** It leaves when its turn comes: nothing of its key is ahead of it, or it is full. */
  ready: boolean;
}

export interface GroupLimits {
  /** Bytes of bodies in a group of more than one. */
  readonly groupBytes: number;
  /** Bodies in a group. */
  readonly groupWrites: number;
}

/** Decides which writes leave together and in which order; sends nothing itself. */
export interface GroupCommit<W> {
  add(write: W): void;
  /** Takes the group whose turn it is. */
  take(): Group<W> | undefined;
  /** A group that was taken has its answer: what waited behind it may leave. */
  finish(group: Group<W>): void;
  /** Nothing of a group that was taken was sent: it keeps its turn, and nobody joins it any more. */
  giveBack(group: Group<W>): void;
  /** A write that was answered already, but goes again, on its own and before all that wait. */
  again(write: W): void;
  /** Takes out a write that waits. */
  remove(write: W): void;
  /** Whether a group could be taken. */
  hasReady(): boolean;
  /** Every write that waits. */
  waiting(): W[];
}

/** The groups of one key. */
interface Line<W> {
  /** The newest group while it may be joined. */
  open: Group<W> | undefined;
  /** Groups that are ready or out. */
  ahead: number;
}

/**
 * Group commit: while a write of a key is out, later ones of that key wait for it and leave together; a group that is full does not wait.
 * There is no timer: where nothing is out, a write leaves at once.
 */
export function createGroupCommit<W extends Groupable<W>>(limits: GroupLimits): GroupCommit<W> {
  const lines = new Map<string, Line<W>>();
  /** In the order in which they became ready. */
  const ready: Group<W>[] = [];
  /** Those that came back, by number: they go before the others. */
  const first: Group<W>[] = [];
  let begun = 0;

  const begin = (write: W, key: string | undefined): Group<W> => {
    const group: Group<W> = { key, number: begun++, writes: [write], bytes: write.bytes, ready: false };
    write.group = group;
    return group;
  };

  const release = (line: Line<W> | undefined, group: Group<W>): void => {
    if (line !== undefined) line.ahead += 1;
    group.ready = true;
    ready.push(group);
  };

  /** One group less is ready or out. */
  const advance = (key: string | undefined): void => {
    const line = key === undefined ? undefined : lines.get(key);
    if (key === undefined || line === undefined) return;
    line.ahead -= 1;
    if (line.ahead > 0) return;
    if (line.open === undefined) lines.delete(key);
    else release(line, line.open);
  };

  const insertFirst = (group: Group<W>): void => {
    const index = first.findIndex((other) => other.number > group.number);
    first.splice(index === -1 ? first.length : index, 0, group);
  };

  const fits = (group: Group<W>, write: W): boolean =>
    group.writes.length < limits.groupWrites && group.bytes + write.bytes <= limits.groupBytes;

  return {
    add: (write) => {
      const { key } = write;
      if (key === undefined) return release(undefined, begin(write, undefined));
      let line = lines.get(key);
      if (line === undefined) {
        line = { open: undefined, ahead: 0 };
        lines.set(key, line);
      }
      const { open } = line;
      if (open !== undefined && fits(open, write)) {
        open.writes.push(write);
        open.bytes += write.bytes;
        write.group = open;
        return;
      }
      if (open !== undefined && !open.ready) release(line, open);
      line.open = begin(write, key);
      if (line.ahead === 0) release(line, line.open);
    },

    take: () => {
      const group = first.shift() ?? ready.shift();
      if (group === undefined) return undefined;
      const line = group.key === undefined ? undefined : lines.get(group.key);
      if (line?.open === group) line.open = undefined;
      return group;
    },

    finish: (group) => advance(group.key),

    giveBack: insertFirst,

    again: (write) => {
      const group = begin(write, undefined);
      group.ready = true;
      insertFirst(group);
    },

    remove: (write) => {
      const { group } = write;
      const index = group?.writes.indexOf(write) ?? -1;
      if (group === undefined || index === -1) return;
      group.writes.splice(index, 1);
      group.bytes -= write.bytes;
      if (group.writes.length > 0) return;
      const line = group.key === undefined ? undefined : lines.get(group.key);
      if (line?.open === group) line.open = undefined;
      if (!group.ready) return;
      const place = first.indexOf(group);
      if (place === -1) ready.splice(ready.indexOf(group), 1);
      else first.splice(place, 1);
      advance(group.key);
    },

    hasReady: () => first.length > 0 || ready.length > 0,

    waiting: () => {
      const groups = [...first, ...ready];
      for (const { open } of lines.values()) if (open !== undefined && !open.ready) groups.push(open);
      return groups.flatMap((group) => group.writes);
    },
  };
}
