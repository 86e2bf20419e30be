import { readdir, readFile } from "node:fs/promises";

/** File descriptors of the process; undefined where the system does not say: only Linux does. */
export interface Descriptors {
  readonly open: number | undefined;
  readonly most: number | undefined;
}

export async function readDescriptors(folder = "/proc/self"): Promise<Descriptors> {
  const [names, limits] = await Promise.all([
    readdir(`${folder}/fd`).catch(() => undefined),
    readFile(`${folder}/limits`, "utf8").catch(() => ""),
  ]);
  const [, most] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
  // Listing the folder takes a descriptor of its own.
  return {
    open: names === undefined ? undefined : names.length - 1,
    most: most === undefined ? undefined : Number(most),
  };
}
