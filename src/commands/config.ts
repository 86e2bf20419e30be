import { effectiveConfig } from "../config/effective.ts";
import { loadConfig } from "../config/load.ts";
import { sampleConfig } from "../config/sample.ts";
import { printProblems } from "./configuration.ts";
import { parseFlags } from "./flags.ts";
import type { CommandIo } from "./io.ts";

/** `kapgate config`: a complete sample, or with `-effective` what is in force, without its secrets. */
export async function run(io: CommandIo): Promise<number> {
  const parsed = parseFlags(io.argv, { config: "string", effective: "boolean" });
  if (!parsed.ok || parsed.positionals.length > 0) {
    io.stderr.write(
      `kapgate config: ${parsed.ok ? `unexpected argument ${JSON.stringify(parsed.positionals[0])}` : parsed.text}\n`,
    );
    return 1;
  }
  const { config: path, effective = false } = parsed.values;
  if (!effective) {
    io.stdout.write(sampleConfig());
    return 0;
  }
  const loaded = loadConfig({
    flags: path === undefined ? {} : { config: path },
    environment: io.environment,
    workingDirectory: io.workingDirectory,
  });
  printProblems(io, loaded.problems);
  if (loaded.config === undefined) return 1;
  io.stdout.write(effectiveConfig(loaded.config));
  return 0;
}
