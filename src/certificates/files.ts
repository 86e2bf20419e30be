import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface WriteOptions {
  /** Permission bits, whatever the umask and whatever the file had before. */
  readonly mode: number;
  /** Refuse (`EEXIST`) when the file is there; default: replace it. */
  readonly exclusive?: boolean;
}

/**
 * Writes a file so that a reader sees the old or the new content, never half of it: a temporary file beside it, flushed,
 * then put in place. A replaced file keeps its owner as far as the process may give it away, or a daemon under another user
 * could not read what root renewed. Rejects with the system's error and leaves no temporary file.
 */
export async function writeFileAtomically(path: string, text: string, options: WriteOptions): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    const before = await stat(path).catch(absent);
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.chmod(options.mode);
      if (before !== undefined) await file.chown(before.uid, before.gid).catch(notPermitted);
      await file.sync();
    } finally {
      await file.close();
    }
    // An empty file claims the name: not every file system has links, which could do it in one step.
    if (options.exclusive === true) await open(path, "wx", 0o600).then((claim) => claim.close());
    await rename(temporary, path);
  } finally {
    await unlink(temporary).catch(absent);
  }
}

/** The text of a file; undefined when there is none. Rejects when it cannot be read. */
export function readIfPresent(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(absent);
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
  return undefined;
}

function notPermitted(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPERM") throw error;
}
