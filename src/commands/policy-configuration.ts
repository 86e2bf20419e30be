import type { Flags } from "../config/flags.ts";
import { type Loaded, loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { compilePolicy, type Policy } from "../core/policy.ts";
import type { Problem } from "../problem.ts";
import { upstreamOptions } from "../server/prepare.ts";
import { alertProblems, machineAddresses } from "../server/prepare-alerts.ts";
import type { UpstreamOptions } from "../upstream/instance.ts";
import { printProblems } from "./configuration.ts";
import type { CommandIo } from "./io.ts";

/** What a command needs that judges and serves nothing: neither certificate nor users. */
export interface PolicyConfiguration {
  readonly config: Config;
  readonly policy: Policy;
  readonly upstreams: readonly UpstreamOptions[];
  readonly file: string | undefined;
  readonly placeOf: Loaded["placeOf"];
}

/** Reads the configuration for its policy. Prints every error and returns undefined when there is one; warnings are the business of `check` and `run`. */
export async function readPolicyConfiguration(io: CommandIo, flags: Flags): Promise<PolicyConfiguration | undefined> {
  const { environment, workingDirectory } = io;
  const { config, problems, file, placeOf } = loadConfig({ flags, environment, workingDirectory, serving: false });
  const found: Problem[] = [];
  if (config !== undefined) found.push(...alertProblems(config, undefined));
  const upstreams = await Promise.all(
    (config?.kapacitor ?? []).map((instance, index) => upstreamOptions(instance, index, found)),
  );
  const placed = found.map((problem) => ({ ...problem, ...placeOf(problem.key ?? "") }));
  const errors = [...problems, ...placed].filter(({ severity }) => severity === "error");
  printProblems(io, errors);
  if (config === undefined || errors.length > 0) return undefined;
  const policy = compilePolicy(config, machineAddresses());
  return { config, policy, upstreams: upstreams.filter((entry) => entry !== undefined), file, placeOf };
}
