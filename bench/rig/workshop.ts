import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority, issue } from "../../src/certificates/authority.ts";

/** A place on disk for the configurations and logs of one part. */
export interface Workshop {
  readonly path: string;
  /** A certificate for 127.0.0.1 and its key, ECDSA P-256, for everybody. */
  readonly pem: string;
  /** PEM of the authority that signed it. */
  readonly ca: string;
  folder(name: string): Promise<string>;
  /** Empties the access logs, so that a long run fits on a disk. */
  emptyLogs(): Promise<void>;
  remove(): Promise<void>;
}

export async function openWorkshop(): Promise<Workshop> {
  const path = await mkdtemp(join(tmpdir(), "kapgate-bench-"));
  const authority = await createAuthority();
  const issued = await issue(authority, { hosts: ["127.0.0.1", "localhost"] });
  const pem = join(path, "server.pem");
  await writeFile(pem, issued.chain + issued.privateKey, { mode: 0o600 });
  return {
    path,
    pem,
    ca: authority.certificate,
    folder: async (name) => {
      const folder = join(path, name.replaceAll(/\W+/g, "-"));
      await mkdir(folder, { recursive: true });
      return folder;
    },
    emptyLogs: async () => {
      for (const entry of await readdir(path, { recursive: true, withFileTypes: true }))
        if (entry.isFile() && /\.(log|out)$/.test(entry.name)) await truncate(join(entry.parentPath, entry.name));
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
