import { readFile } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import { compilePolicy, type Policy } from "../core/policy.ts";
import { parseHtpasswd } from "../credentials/htpasswd.ts";
import { compileUsers, type UserEntry, type UserTable } from "../credentials/users.ts";
import type { InfluxSettings } from "../influxdb/influx.ts";
import type { Problem } from "../problem.ts";
import type { UpstreamOptions } from "../upstream/instance.ts";
import { alertProblems, machineAddresses } from "./prepare-alerts.ts";
import { type LoadedTls, loadTls } from "./tls.ts";

/** Everything that a configuration names, read and compiled: what is left to do cannot be wrong any more. */
export interface Prepared {
  readonly config: Config;
  readonly policy: Policy;
  readonly users: UserTable;
  /** undefined when https-enabled is off. */
  readonly tls: Extract<LoadedTls, { readonly ok: true }> | undefined;
  readonly upstreams: readonly UpstreamOptions[];
  /** undefined when there is none. */
  readonly influxdb: InfluxSettings | undefined;
}

export interface Preparation {
  /** undefined as soon as one problem is an error. */
  readonly prepared: Prepared | undefined;
  readonly problems: readonly Problem[];
}

/**
 * Reads certificates, users and authorities of a valid configuration and compiles the policy. The same code for `check`, for the start and
 * for a reload, so that what `check` accepts is what runs. Never throws for what an operator can get wrong.
 * @param source the configuration file, for problems
 */
export async function prepare(config: Config, source: string | undefined): Promise<Preparation> {
  const { problems, tls, users, upstreams, influxdb } = await readNamed(config, source);
  const failed = problems.some((problem) => problem.severity === "error") || (tls !== undefined && !tls.ok);
  if (failed) return { prepared: undefined, problems };
  return {
    prepared: {
      config,
      policy: compilePolicy(config, machineAddresses()),
      users,
      tls: tls?.ok === true ? tls : undefined,
      upstreams: upstreams.filter((entry) => entry !== undefined),
      influxdb,
    },
    problems,
  };
}

/** What is wrong with the files, users and names of a configuration that cannot be prepared because something else in it is wrong. */
export async function problemsOf(config: Config, source: string | undefined): Promise<readonly Problem[]> {
  return (await readNamed(config, source)).problems;
}

async function readNamed(config: Config, source: string | undefined) {
  const problems: Problem[] = [];
  const { http } = config;
  const tls = http["https-enabled"]
    ? await loadTls({
        certificate: http["https-certificate"],
        privateKey: http["https-private-key"],
        minVersion: config.tls["min-version"],
        maxVersion: config.tls["max-version"],
        ciphers: config.tls.ciphers,
        clientCa: config.tls["client-ca"],
        clientAuth: config.tls["client-auth"],
      })
    : undefined;
  if (tls !== undefined) problems.push(...tls.problems);
  const { users, problems: ofUsers } = compileUsers(await userEntries(config, source, problems));
  problems.push(...ofUsers, ...alertProblems(config, source));
  const upstreams = await Promise.all(
    config.kapacitor.map((instance, index) => upstreamOptions(instance, index, problems)),
  );
  const influxdb = await influxSettings(config.influxdb, problems);
  return { problems, tls, users, upstreams, influxdb };
}

/** Everybody whom the configuration and the files of users name, not judged yet. A file that cannot be read is a problem. */
export async function userEntries(
  config: Config,
  source: string | undefined,
  problems: Problem[],
): Promise<readonly UserEntry[]> {
  return [...configuredUsers(config, source), ...(await htpasswdUsers(config, problems))];
}

function configuredUsers(config: Config, source: string | undefined): UserEntry[] {
  const entries: UserEntry[] = [];
  const place = source === undefined ? {} : { source };
  const everything = { instances: [], databases: [] };
  const { username, password } = config.http;
  if (username !== "") {
    entries.push({
      name: username,
      hash: password?.reveal(),
      given: "password",
      role: "admin",
      ...everything,
      ...place,
      key: "http.username",
    });
  }
  config.user.forEach((user, index) => {
    entries.push({
      name: user.name,
      hash: user["password-hash"]?.reveal(),
      given: user["password-file"] === "" ? "hash" : "password",
      certificate: user.certificate,
      role: user.role,
      instances: user.instances,
      databases: user.databases,
      ...place,
      key: `user[${index}]`,
    });
  });
  return entries;
}

async function htpasswdUsers(config: Config, problems: Problem[]): Promise<UserEntry[]> {
  const file = config.http["htpasswd-file"];
  if (file === "") return [];
  const text = await readText(file, "http.htpasswd-file", problems);
  if (text === undefined) return [];
  const parsed = parseHtpasswd(text, file);
  problems.push(...parsed.problems);
  return parsed.entries.map((entry) => ({
    name: entry.name,
    hash: entry.hash,
    given: "htpasswd",
    role: config.http["htpasswd-role"],
    instances: [],
    databases: [],
    source: file,
    line: entry.line,
  }));
}

/** How to reach an instance; an authority that cannot be read is a problem. */
export async function upstreamOptions(
  instance: Config["kapacitor"][number],
  index: number,
  problems: Problem[],
): Promise<UpstreamOptions | undefined> {
  return {
    name: instance.name,
    url: instance.url,
    ca: await readAuthorities(instance["ssl-ca"], `kapacitor[${index}].ssl-ca`, problems),
    insecureSkipVerify: instance["insecure-skip-verify"],
    username: instance.username,
    password: instance.password?.reveal() ?? "",
    principalHeader: instance["principal-header"],
    connectTimeoutMs: instance["connect-timeout"],
    timeoutMs: instance.timeout,
    groupCommit: instance["group-commit"],
    writeHoldMs: instance["write-hold"],
    writeTimeoutMs: instance["write-timeout"],
  };
}

async function influxSettings(influxdb: Config["influxdb"], problems: Problem[]): Promise<InfluxSettings | undefined> {
  if (influxdb.url === "") return undefined;
  return {
    url: influxdb.url,
    username: influxdb.username,
    password: influxdb.password?.reveal() ?? "",
    ca: await readAuthorities(influxdb["ssl-ca"], "influxdb.ssl-ca", problems),
    insecureSkipVerify: influxdb["insecure-skip-verify"],
    users: influxdb.users,
    expirationMs: influxdb["cache-expiration"],
    pollMs: influxdb["subscription-poll"],
  };
}

/** PEM of the authorities in a file; undefined for "" and when there are none in it, which is a problem. */
async function readAuthorities(file: string, key: string, problems: Problem[]): Promise<string | undefined> {
  if (file === "") return undefined;
  const text = await readText(file, key, problems);
  if (text === undefined || text.includes("-----BEGIN CERTIFICATE-----")) return text;
  problems.push({ severity: "error", key, text: `${file} holds no PEM certificate` });
  return undefined;
}

async function readText(file: string, key: string, problems: Problem[]): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    problems.push({ severity: "error", key, text: `cannot read ${file} (${code})` });
    return undefined;
  }
}
