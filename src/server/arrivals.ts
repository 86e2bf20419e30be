import type { Socket } from "node:net";

/** A body that is arriving. */
export interface Arrival {
  readonly socket: Socket;
  /** No byte came for the time, although we were willing to take one. */
  stalled(): void;
  /** Kept here by the list that it is in. */
  place: Place | undefined;
}

interface Place {
  readonly arrival: Arrival;
  previous: Place | undefined;
  next: Place | undefined;
  /** Bytes of the connection when it was looked at last; -1: not yet. */
  seen: number;
}

/**
 * Watches the bodies of small writes, of which there are thousands in a second: one timer for all of them, which runs while there are any.
 * A body is told of when no byte came between two looks at it, so after one to two times `timeoutMs`.
 */
export interface Arrivals {
  readonly timeoutMs: number;
  add(arrival: Arrival): void;
  remove(arrival: Arrival): void;
}

export function createArrivals(timeoutMs: number): Arrivals {
  let first: Place | undefined;
  let timer: NodeJS.Timeout | undefined;

  const remove = (arrival: Arrival): void => {
    const { place } = arrival;
    if (place === undefined) return;
    arrival.place = undefined;
    if (place.previous === undefined) first = place.next;
    else place.previous.next = place.next;
    if (place.next !== undefined) place.next.previous = place.previous;
    // What an old place points to would live as long as it.
    place.previous = undefined;
    place.next = undefined;
  };

  const look = (): void => {
    if (first === undefined) {
      clearInterval(timer);
      timer = undefined;
    }
    for (let place = first; place !== undefined; ) {
      const { arrival, next } = place;
      const { bytesRead } = arrival.socket;
      if (bytesRead === place.seen) {
        remove(arrival);
        arrival.stalled();
      } else place.seen = bytesRead;
      place = next;
    }
  };

  return {
    timeoutMs,
    add: (arrival) => {
      if (timeoutMs === 0 || arrival.place !== undefined) return;
      const place: Place = { arrival, previous: undefined, next: first, seen: -1 };
      if (first !== undefined) first.previous = place;
      first = place;
      arrival.place = place;
      timer ??= setInterval(look, timeoutMs).unref();
    },
    remove,
  };
}
