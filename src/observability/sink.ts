import { open } from "node:fs/promises";
import pino from "pino";
import { visible } from "./visible.ts";

/** Where the lines of a log go. Writing never waits and never throws; what there is no room for is lost and counted. */
export interface Sink {
  write(line: string): void;
  /** Opens the file again under its name, for log rotation. Resolves with what went wrong; then the old one is written on. */
  reopen(): Promise<string | undefined>;
  /** Resolves when everything written so far has been handed to the system, or could not be. */
  close(): Promise<void>;
  /** Lines lost. */
  dropped(): number;
  /** The system's word for why lines wait (`ENOSPC`, `EPIPE`); undefined while they are taken. */
  problem(): string | undefined;
}

/** Lines are handed on together, so many characters of them, or what there is after so many milliseconds: each hand-over costs a thread. */
const batchLength = 65_536;
const batchMs = 20;
/** Bytes of lines that wait for a slow file or reader. */
const mostWaiting = 16_777_216;
/** A reader that does not read must not keep the process from ending, in milliseconds. */
const closeMs = 2000;
/** The group may read it: who ships logs is often another user. */
const mode = 0o640;

/** Opens `STDERR`, `STDOUT` or a file for appending. Rejects when the file cannot be opened. */
export async function openSink(file: string): Promise<Sink> {
  const standard = file === "STDERR" ? 2 : file === "STDOUT" ? 1 : undefined;
  // The stream reports a file that cannot be opened much later, by an event.
  if (standard === undefined) await touch(file);
  const destination = pino.destination({
    dest: standard ?? file,
    sync: false,
    append: true,
    mkdir: false,
    mode,
    maxLength: mostWaiting,
  });
  // It opens the file a moment later. Where that fails (its folder was moved meanwhile) every line would be an exception.
  if (standard === undefined) await opened(destination);
  let dropped = 0;
  let problem: string | undefined;
  let closed: Promise<void> | undefined;
  let batch = "";
  let lines = 0;
  /** Bytes handed over and not written yet. */
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;
  const handOver = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const text = visible(batch);
    batch = "";
    if (text === "") return;
    underWay += Buffer.byteLength(text);
    // A batch that is dropped is told of within the call.
    destination.write(text);
    lines = 0;
  };
  destination.on("drop", (text: string) => {
    underWay -= Buffer.byteLength(text);
    dropped += lines;
  });
  destination.on("write", (bytes: number) => {
    underWay -= bytes;
    problem = undefined;
  });
  destination.on("error", (error: Error) => {
    // There is no other place to say so; what waits is tried again with the next line.
    problem = codeOf(error);
  });
  return {
    write: (line) => {
      if (closed !== undefined) {
        dropped += 1;
        return;
      }
      batch += line;
      lines += 1;
      if (batch.length >= batchLength) handOver();
      else timer ??= setTimeout(handOver, batchMs);
    },
    reopen: async () => {
      if (standard !== undefined || closed !== undefined) return undefined;
      try {
        await touch(file);
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
      handOver();
      // The library forgets to end when it is told to in the middle of a write that has a reopening behind it.
      if (underWay > 0) await drained(destination);
      // It may have been closed meanwhile, by a stop right behind the signal.
      if (closed === undefined) destination.reopen();
      return undefined;
    },
    close: () => {
      handOver();
      closed ??= end(destination);
      return closed;
    },
    dropped: () => dropped,
    problem: () => problem,
  };
}

/** Resolves when the file is open; rejects when it cannot be. */
function opened(destination: ReturnType<typeof pino.destination>): Promise<void> {
  return new Promise((resolve, reject) => {
    destination.once("ready", () => {
      destination.off("error", reject);
      resolve();
    });
    destination.once("error", reject);
  });
}

/** Resolves when what was handed over is written, or cannot be within the time. */
function drained(destination: ReturnType<typeof pino.destination>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, closeMs);
    destination.once("drain", done);
  });
}

/** Whoever it is, a reader that is gone or a full disk must not keep the process from ending. */
function end(destination: ReturnType<typeof pino.destination>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      // The library tries to write what is left once more when the process exits, for ever where the disk is full: not what is destroyed.
      destination.destroy();
      resolve();
    };
    const timer = setTimeout(done, closeMs);
    destination.once("close", done);
    destination.once("error", done);
    destination.end();
  });
}

async function touch(file: string): Promise<void> {
  await (await open(file, "a", mode)).close();
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
