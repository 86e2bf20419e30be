import { Readable } from "node:stream";
import { LineCount } from "../core/line-count.ts";
import type { StreamedBody, UpstreamClock } from "../upstream/writes-carrier.ts";
import type { Exchange } from "./exchange.ts";

/** A body on its way through. */
export interface Passage extends StreamedBody {
  /** Ends it as broken; one that is opened later is broken from the start. */
  cut(error: Error): void;
  /** Points of what has passed. */
  points(): number;
}

export interface PassageEvents {
  /** The first of it is asked for. */
  opened(): void;
  /** More than the limit has arrived. */
  tooLarge(): void;
}

/**
 * Lets the rest of a request body through as it arrives, behind what was read of it, no faster than it is taken. Nothing is read, and no
 * `100 Continue` sent, before somebody takes it. A client that leaves has to cut it, so that a part never passes for the whole.
 */
export function createPassage(
  exchange: Exchange,
  read: readonly Buffer[],
  limit: number,
  events: PassageEvents,
): Passage {
  const { request, response } = exchange;
  const { expectsContinue } = exchange.head;
  let current: Readable | undefined;
  let broken: Error | undefined;
  let lines = new LineCount();

  const open = (clock: UpstreamClock): Readable => {
    let begun = false;
    const take = (chunk: Buffer): void => {
      exchange.bytesIn += chunk.length;
      lines.add(chunk);
      if (exchange.bytesIn > limit) events.tooLarge();
      else if (!body.push(chunk)) {
        request.pause();
        clock.run();
      }
    };
    const finish = (): void => {
      body.push(null);
      clock.run();
    };
    const begin = (): void => {
      begun = true;
      if (expectsContinue && read.length === 0) response.writeContinue();
      lines = new LineCount();
      for (const chunk of read) {
        lines.add(chunk);
        body.push(chunk);
      }
      request.on("data", take);
      request.once("end", finish);
      events.opened();
    };
    const body = new Readable({
      read: () => {
        if (!begun) begin();
        clock.stop();
        request.resume();
      },
      destroy: (error, done) => {
        request.off("data", take);
        request.off("end", finish);
        done(error);
      },
    });
    // Whoever takes the body listens for this as well, but not beyond the answer, and a client may leave after that.
    body.on("error", () => {});
    if (broken !== undefined) body.destroy(broken);
    current = body;
    return body;
  };

  return {
    open,
    cut: (error) => {
      broken = error;
      if (current?.readableEnded !== true) current?.destroy(error);
    },
    points: () => lines.points,
  };
}
