import { printProblems, readConfiguration } from "./configuration.ts";
import { parseFlags } from "./flags.ts";
import type { CommandIo } from "./io.ts";

/** `kapgate check`: everything that a start would look at. 0 when it would start, 1 when not; with `-strict` a warning is 1 as well. */
export async function run(io: CommandIo): Promise<number> {
  const parsed = parseFlags(io.argv, { config: "string", strict: "boolean", json: "boolean" });
  if (!parsed.ok || parsed.positionals.length > 0) {
    io.stderr.write(
      `kapgate check: ${parsed.ok ? `unexpected argument ${JSON.stringify(parsed.positionals[0])}` : parsed.text}\n`,
    );
    return 1;
  }
  const { config, strict = false, json = false } = parsed.values;
  const { prepared, problems, file } = await readConfiguration(io, config === undefined ? {} : { config });
  const bad = prepared === undefined || (strict && problems.length > 0);
  if (json) {
    io.stdout.write(`${JSON.stringify({ ok: !bad, file, problems }, undefined, 2)}\n`);
    return bad ? 1 : 0;
  }
  printProblems(io, problems);
  const what = file ?? "the configuration (no file, defaults and environment)";
  const warnings = problems.filter((problem) => problem.severity === "warning").length;
  if (bad) io.stderr.write(`${what}: ${count(problems.length - warnings, "error")}, ${count(warnings, "warning")}\n`);
  else io.stdout.write(`${what}: fine${warnings === 0 ? "" : `, with ${count(warnings, "warning")}`}\n`);
  return bad ? 1 : 0;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
