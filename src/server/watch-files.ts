import { createHash } from "node:crypto";
import { constants, open } from "node:fs/promises";

/** What files held: a digest for each path, or the code of the error where it could not be read. */
export type Contents = ReadonlyMap<string, string>;

export interface FileWatch {
  /** Watches these files from now on. What they hold is known: a change from that is told of. */
  watch(files: readonly string[], contents: Contents): void;
  stop(): void;
}

/** The largest file that is read; of a larger one only size and time are looked at. */
const largestFile = 1_048_576;

/** So that a change of a password counts within a second. */
const defaultPollMs = 300;

/** A file that is different at every poll is told of nevertheless. */
const mostPolls = 3;

/** Says something of the system, and nothing of the file. */
const shortages = ["EMFILE", "ENFILE", "ENOMEM"];

/** Reads what files hold now. Never rejects, never waits for a pipe. */
export async function contentsOf(files: readonly string[]): Promise<Contents> {
  return new Map(await Promise.all([...new Set(files)].map(async (path) => [path, await digestOf(path)] as const)));
}

async function digestOf(path: string): Promise<string> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await file.stat();
    if (!status.isFile()) return "not a file";
    if (status.size > largestFile) return `${status.size} bytes of ${status.mtimeMs}`;
    return createHash("sha256")
      .update(await file.readFile())
      .digest("base64");
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "unreadable";
  }
}

/**
 * Looks at files again and again, at what they hold and not at their times or inodes, so that the swap of a symbolic link far up the path
 * counts (mounted secrets of Kubernetes) and a touch does not. A change is told of when two looks agree on it, so that files that are
 * being written have a chance to become whole, and once: then `watch` has to be called again.
 * @param onChange is given the paths that changed
 */
export function createFileWatch(onChange: (changed: readonly string[]) => void, pollMs = defaultPollMs): FileWatch {
  let timer: NodeJS.Timeout | undefined;
  let round = 0;

  return {
    watch: (files, contents) => {
      clearTimeout(timer);
      round += 1;
      const current = round;
      let before: Contents = contents;
      let polls = 0;
      const poll = async (): Promise<void> => {
        const now = await contentsOf(files);
        if (round !== current) return;
        if ([...now.values()].some((digest) => shortages.includes(digest))) {
          timer = setTimeout(poll, pollMs).unref();
          return;
        }
        const changed = files.filter((path) => now.get(path) !== contents.get(path));
        polls = changed.length === 0 ? 0 : polls + 1;
        const settled = files.every((path) => now.get(path) === before.get(path));
        before = now;
        if (changed.length > 0 && (settled || polls >= mostPolls)) onChange(changed);
        else timer = setTimeout(poll, pollMs).unref();
      };
      timer = setTimeout(poll, pollMs).unref();
    },
    stop: () => {
      round += 1;
      clearTimeout(timer);
    },
  };
}
