import { readFileSync } from "node:fs";
import type { CommandIo } from "./io.ts";

/** The version of the package this file belongs to. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  if (typeof manifest !== "object" || manifest === null || !("version" in manifest))
    throw new Error("package.json has no version");
  return String(manifest.version);
}

/** `kapgate version`: the version of kapgate and of the Node it runs on. */
export async function run(io: CommandIo): Promise<number> {
  io.stdout.write(`kapgate ${packageVersion()} (node ${process.versions.node})\n`);
  return 0;
}
