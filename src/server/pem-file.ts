import { constants, open } from "node:fs/promises";
import { TextDecoder } from "node:util";

/** One block of a PEM file, from its BEGIN line to its END line. */
export interface PemBlock {
  /** What the BEGIN line says: `CERTIFICATE`, `EC PRIVATE KEY` … */
  readonly label: string;
  readonly text: string;
}

export type PemFile =
  | {
      readonly ok: true;
      readonly blocks: readonly PemBlock[];
      /** The permission bits. */
      readonly mode: number;
    }
  /** `missing`: there is no such file. The text says what is wrong, with the path, without anything of the content. */
  | { readonly ok: false; readonly missing: boolean; readonly text: string };

/** The largest bundle of CAs that systems ship is a fifth of that. */
const sizeLimit = 1_048_576;

/** Reads a PEM file. Never rejects, never waits for a pipe, never reads more than a MiB. */
export async function readPemFile(path: string): Promise<PemFile> {
  const refuse = (text: string, missing = false): PemFile => ({ ok: false, missing, text: `${path} ${text}` });
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await file.stat();
    if (!status.isFile()) return refuse(status.isDirectory() ? "is a directory" : "is not a regular file");
    if (status.size > sizeLimit) return refuse(`is larger than ${sizeLimit} bytes`);
    const blocks: PemBlock[] = [];
    for (const piece of new TextDecoder()
      .decode(await file.readFile())
      .split(/^-----BEGIN /m)
      .slice(1)) {
      const [block, label] = /^([A-Z0-9 ]+)-----\s[\s\S]*?^-----END \1-----/m.exec(piece) ?? [];
      if (block === undefined || label === undefined)
        return refuse("has a PEM block without an end: is it being written?");
      blocks.push({ label, text: `-----BEGIN ${block}\n` });
    }
    return { ok: true, blocks, mode: status.mode & 0o777 };
  } catch (error) {
    return refuse(reasonOf(error), codeOf(error) === "ENOENT");
  }
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code === "ENOENT") return "does not exist";
  if (code === "EACCES") return `may not be read by this user (uid ${process.getuid?.() ?? "unknown"})`;
  return `cannot be read (${code})`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
