import { networkInterfaces } from "node:os";
import { loadConfig } from "../config/load.ts";
import { nearest } from "../config/suggest.ts";
import { diagnose } from "../doctor/doctor.ts";
import { isFinding } from "../doctor/finding.ts";
import { gather } from "../doctor/gather.ts";
import { renderReport } from "../doctor/report.ts";
import { findSurroundings } from "../doctor/services.ts";
import { prepare } from "../server/prepare.ts";
import { printProblems } from "./configuration.ts";
import { parseFlags } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import { printable } from "./terminal.ts";

/**
 * `kapgate doctor`: looks at the whole chain from InfluxDB by the listener to Kapacitor and says what is wrong with it, and how to put it right.
 * Changes nothing. 0 when there is nothing to repair (notes do not count), 1 for flags and for a configuration that cannot be read, 3 with findings.
 * @param addresses this machine's addresses besides the loopback ones; default: those of its interfaces
 */
export async function run(io: CommandIo, addresses?: readonly string[]): Promise<number> {
  const fail = (text: string): number => {
    io.stderr.write(`kapgate doctor: ${text}\n`);
    return 1;
  };
  const parsed = parseFlags(io.argv, { config: "string", instance: "string", json: "boolean" });
  if (!parsed.ok) return fail(parsed.text);
  const [unexpected] = parsed.positionals;
  if (unexpected !== undefined) return fail(`unexpected argument ${JSON.stringify(unexpected)}`);
  const { config: path, instance, json = false } = parsed.values;
  const loaded = loadConfig({
    flags: path === undefined ? {} : { config: path },
    environment: io.environment,
    workingDirectory: io.workingDirectory,
    ownAddresses: Object.values(networkInterfaces()).flatMap((entries) =>
      (entries ?? []).map(({ address }) => address),
    ),
  });
  const { config, file } = loaded;
  if (config === undefined) {
    printProblems(io, loaded.problems);
    return fail("the configuration has to be right first");
  }
  const names = config.kapacitor.map(({ name }) => name);
  if (instance !== undefined && !names.includes(instance)) {
    const near = nearest(instance, names);
    return fail(
      `there is no instance ${JSON.stringify(instance)}${near === undefined ? `; there are ${names.join(", ")}` : `, did you mean ${near}`}`,
    );
  }
  const { prepared, problems } = await prepare(config, file);
  const placed = problems.map((problem) =>
    problem.key === undefined || problem.line !== undefined ? problem : { ...problem, ...loaded.placeOf(problem.key) },
  );
  const facts = await gather({
    config,
    file,
    prepared,
    surroundings: findSurroundings(io.environment),
    problems: [...loaded.problems, ...placed],
    only: instance,
    ...(addresses === undefined ? {} : { addresses }),
  });
  const results = diagnose(facts);
  const findings = results.filter(isFinding);
  const bad = findings.some(({ severity }) => severity !== "note");
  if (json) {
    const inOrder = results.filter((result) => !isFinding(result));
    io.stdout.write(`${JSON.stringify({ ok: !bad, file, findings, inOrder }, undefined, 2)}\n`);
  } else io.stdout.write(printable(renderReport(results), true));
  return bad ? 3 : 0;
}
