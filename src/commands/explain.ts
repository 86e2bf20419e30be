import type { Principal } from "../core/principal.ts";
import { anonymous } from "../core/principal.ts";
import type { Problem } from "../problem.ts";
import { type DryRunContext, dryRun } from "../server/dry-run.ts";
import { userEntries } from "../server/prepare.ts";
import { createResolver } from "../server/resolve.ts";
import { createUpstream } from "../upstream/instance.ts";
import { printProblems } from "./configuration.ts";
import { readBytes, readDefinition } from "./explain-files.ts";
import { formatExplanation } from "./explain-output.ts";
import { type Explanation, explain } from "./explanation.ts";
import { type FlagValues, parseFlags } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import { type PolicyConfiguration, readPolicyConfiguration } from "./policy-configuration.ts";

const configurationFlags = {
  config: "string",
  upstream: "string",
  "disable-handlers": "string",
  "deny-target-cidrs": "string",
  "blacklist-cidrs": "string",
} as const;
const requestFlags = {
  method: "string",
  path: "string",
  host: "string",
  header: "list",
  body: "string",
  client: "string",
  user: "string",
} as const;
const flagSpec = { ...configurationFlags, ...requestFlags, instance: "string", json: "boolean" } as const;

type Values = FlagValues<typeof flagSpec>;

/** What is wrong with the call, for one line on standard error; exit code 1. */
class UsageError extends Error {}

/**
 * `kapgate explain`: what would be decided about a script, a topic handler or a request, and why; nothing is sent but look-ups. 0 when all would be
 * allowed, 3 when one would be refused or depends on what cannot be read, 1 for a wrong call, configuration or file.
 */
export async function run(io: CommandIo): Promise<number> {
  const parsed = parseFlags(io.argv, flagSpec);
  if (!parsed.ok) return wrong(io, parsed.text);
  const { values, positionals: files } = parsed;
  const misuse = misuseOf(values, files);
  if (misuse !== undefined) return wrong(io, misuse);
  const {
    config,
    upstream,
    "disable-handlers": handlers,
    "deny-target-cidrs": targets,
    "blacklist-cidrs": both,
  } = values;
  const configuration = await readPolicyConfiguration(io, {
    ...(config === undefined ? {} : { config }),
    ...(upstream === undefined ? {} : { upstream }),
    ...(handlers === undefined ? {} : { "disable-handlers": handlers }),
    ...(targets === undefined ? {} : { "deny-target-cidrs": targets }),
    ...(both === undefined ? {} : { "blacklist-cidrs": both }),
  });
  if (configuration === undefined) return 1;
  const names = configuration.upstreams.map(({ name }) => name);
  if (values.instance !== undefined && !names.includes(values.instance)) {
    return wrong(io, `there is no instance ${JSON.stringify(values.instance)}; there are ${names.join(", ")}`);
  }
  const upstreams = new Map(configuration.upstreams.map((options) => [options.name, createUpstream(options)]));
  const context: DryRunContext = {
    policy: configuration.policy,
    largestBody: configuration.config.http["max-body-size"],
    upstreams,
    resolve: createResolver(),
  };
  try {
    const told = files.length > 0 ? explainFiles : explainRequest;
    const { explanations, isComplete } = await told(io, { configuration, context, values, files });
    print(io, explanations, values.json === true, names.length > 1);
    if (!isComplete) return 1;
    return explanations.every(({ decision }) => decision === "allowed") ? 0 : 3;
  } catch (error) {
    if (error instanceof UsageError) return wrong(io, error.message);
    throw error;
  } finally {
    for (const open of upstreams.values()) open.close();
  }
}

interface Job {
  readonly configuration: PolicyConfiguration;
  readonly context: DryRunContext;
  readonly values: Values;
  readonly files: readonly string[];
}

interface Told {
  readonly explanations: readonly Explanation[];
  /** False when a file could not be judged. */
  readonly isComplete: boolean;
}

function misuseOf(values: Values, files: readonly string[]): string | undefined {
  const given = Object.keys(requestFlags).filter((name) => Object.hasOwn(values, name));
  if (files.length > 0) {
    return given.length === 0 ? undefined : `-${given[0]} belongs to a request (-path), not to a file`;
  }
  if (values.path !== undefined) return undefined;
  if (given.length > 0) return `-${given[0]} needs -path`;
  return "name a .tick, .json or .yaml file, or a request: -method POST -path /kapacitor/v1/tasks -body FILE";
}

/** Without -instance a file is judged for each of them: their policies may differ. */
async function explainFiles(io: CommandIo, { configuration, context, values, files }: Job): Promise<Told> {
  const instances = configuration.config.kapacitor.filter(
    ({ name }) => values.instance === undefined || name === values.instance,
  );
  const explanations: Explanation[] = [];
  let isComplete = true;
  for (const file of files) {
    const reading = await readDefinition(file, io.workingDirectory);
    if (!reading.ok) {
      io.stderr.write(`kapgate explain: ${file} ${reading.text}\n`);
      isComplete = false;
      continue;
    }
    const { method, url, body, what, script } = reading;
    for (const { hosts } of instances) {
      const rawHeaders = ["Host", hosts[0] ?? ""];
      const request = { method, url, rawHeaders, body, clientAddress: undefined, principal: anonymous };
      const result = await dryRun(context, request);
      const subject = { name: file, as: what, script, clientAddress: undefined };
      explanations.push(explain(configuration, subject, result));
    }
  }
  return { explanations, isComplete };
}

async function explainRequest(io: CommandIo, { configuration, context, values }: Job): Promise<Told> {
  const { path = "", body: file, client, instance } = values;
  const body = file === undefined ? Buffer.alloc(0) : await readBody(io, file);
  const method = values.method ?? (file === undefined ? "GET" : "POST");
  const headers = (values.header ?? []).flatMap(splitHeader);
  const wanted = configuration.config.kapacitor.find(({ name }) => name === instance);
  const host = values.host ?? (wanted === undefined ? undefined : (wanted.hosts[0] ?? ""));
  const names = headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  if (names.includes("authorization")) {
    throw new UsageError("passwords are not checked here; name the user: -user NAME");
  }
  const rawHeaders = names.includes("host") && host === undefined ? headers : ["Host", host ?? "", ...headers];
  const principal = await principalOf(io, configuration, values.user);
  const url = Buffer.from(path, "utf8").toString("latin1");
  const request = { method, url, rawHeaders, body, clientAddress: client, principal };
  const result = await dryRun(context, request);
  if (instance !== undefined && result.instance !== undefined && result.instance !== instance) {
    throw new UsageError(`host and path select the instance ${result.instance}, not ${instance}`);
  }
  const subject = { name: `${method} ${path}`, clientAddress: client };
  return { explanations: [explain(configuration, subject, result)], isComplete: true };
}

async function readBody(io: CommandIo, file: string): Promise<Buffer> {
  const bytes = await readBytes(file, io.workingDirectory);
  if (typeof bytes === "string") throw new UsageError(`${file} ${bytes}`);
  return bytes;
}

function splitHeader(text: string): readonly [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new UsageError(`-header ${JSON.stringify(text.slice(0, 40))} is not written as 'Name: value'`);
  }
  return [name, value];
}

/** Whoever is named, as if logged in; nobody named: an admin. */
async function principalOf(
  io: CommandIo,
  { config, file }: PolicyConfiguration,
  name: string | undefined,
): Promise<Principal> {
  if (!config.http["auth-enabled"]) return anonymous;
  if (name === undefined) return { ...anonymous, name: "any admin" };
  const problems: Problem[] = [];
  const entries = await userEntries(config, file, problems);
  const entry = entries.find((user) => user.name === name);
  if (entry !== undefined) {
    const { role, instances, databases } = entry;
    return { name, role, instances, databases };
  }
  printProblems(io, problems);
  const known = entries.map((user) => user.name);
  const list = known.length === 0 ? "there are none" : `there are ${known.slice(0, 20).join(", ")}`;
  throw new UsageError(`the configuration has no user ${JSON.stringify(name)}; ${list}`);
}

function print(io: CommandIo, explanations: readonly Explanation[], asJson: boolean, showInstance: boolean): void {
  if (asJson) {
    const ok = explanations.every(({ decision }) => decision === "allowed");
    io.stdout.write(`${JSON.stringify({ ok, explanations }, undefined, 2)}\n`);
    return;
  }
  io.stdout.write(explanations.map((explanation) => formatExplanation(explanation, showInstance)).join("\n"));
}

function wrong(io: CommandIo, text: string): number {
  io.stderr.write(`kapgate explain: ${text}\n`);
  return 1;
}
