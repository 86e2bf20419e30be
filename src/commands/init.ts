import { randomBytes, randomInt, X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { readIfPresent, writeFileAtomically } from "../certificates/files.ts";
import { localNames, namesOf } from "../certificates/names.ts";
import { certificatePaths, renewCertificate } from "../certificates/renew.ts";
import { loadConfig } from "../config/load.ts";
import { readOrigin } from "../config/values.ts";
import { hashPassword } from "../credentials/hashes.ts";
import { describeRenewed } from "./cert.ts";
import { parseFlags } from "./flags.ts";
import { configurationText, type PeerFacts, peerLines } from "./init-texts.ts";
import type { CommandIo } from "./io.ts";

interface Options {
  readonly directory: string;
  readonly hosts: readonly string[] | undefined;
  readonly upstream: string | undefined;
}

/** What the peers have to know of a configuration. */
type Settings = Pick<PeerFacts, "port" | "upstream" | "subscriptionPath"> & { readonly certificate: string };

/** Letters and digits that stand in a URL as they are, less those that are mistaken for another: 116 bits in 20. */
const passwordAlphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const passwordLength = 20;
const defaultPort = 9443;

/**
 * `kapgate init`: everything to begin with. kapgate.toml in the directory, CA and certificate in certs/ below it, and on stdout
 * the admin's password, once, with the lines for the peers. What exists is left as it is, and said so.
 * @returns 0; 1 for wrong flags and for certificate files that do not go together; 2 when the disk refuses
 */
export async function run(io: CommandIo): Promise<number> {
  const fail = (code: number, text: string): number => {
    io.stderr.write(`kapgate init: ${text}\n`);
    return code;
  };
  const parsed = parseFlags(io.argv, { hosts: "string", upstream: "string", dir: "string" });
  if (!parsed.ok) return fail(1, parsed.text);
  const [unexpected] = parsed.positionals;
  if (unexpected !== undefined) return fail(1, `unexpected argument ${JSON.stringify(unexpected)}`);
  const upstream = parsed.values.upstream === undefined ? undefined : readOrigin(parsed.values.upstream);
  if (upstream?.ok === false) return fail(1, `-upstream ${upstream.text}`);
  try {
    const refused = await initialise(io, {
      directory: resolve(io.workingDirectory, parsed.values.dir ?? "."),
      hosts: parsed.values.hosts?.split(","),
      upstream: upstream?.value,
    });
    return refused === undefined ? 0 : fail(1, refused);
  } catch (error) {
    return fail(2, error instanceof Error ? error.message : String(error));
  }
}

/** Returns why nothing could be made. Rejects when the disk does. */
async function initialise(io: CommandIo, options: Options): Promise<string | undefined> {
  const file = join(options.directory, "kapgate.toml");
  const fresh = (await readIfPresent(file)) === undefined;
  const settings = fresh ? newSettings(options) : existingSettings(io, file);
  const ownPaths = certificatePaths(join(options.directory, "certs"));
  const certificate = await ensureCertificate(io, options, settings?.certificate ?? ownPaths.certificate);
  if (!certificate.ok) return certificate.text;
  if (settings === undefined) {
    io.stdout.write(`kept  ${file}: it has errors, see kapgate check -config ${file}\n`);
    return undefined;
  }
  if (fresh) await writeConfiguration(io, file, settings);
  else {
    const unused = options.upstream === undefined ? "" : ", and -upstream was not used";
    io.stdout.write(`kept  ${file}: it exists, nothing in it was changed${unused}\n`);
  }
  const own = settings.certificate === ownPaths.certificate && (await readIfPresent(ownPaths.authority)) !== undefined;
  const { port, upstream, subscriptionPath } = settings;
  const authority = own ? ownPaths.authority : undefined;
  const host = certificate.names.find((name) => !localNames.includes(name) && !name.startsWith("*")) ?? hostname();
  io.stdout.write(`\n${peerLines({ file, host, port, authority, upstream, subscriptionPath })}`);
  return undefined;
}

function newSettings({ directory, upstream }: Options): Settings {
  return {
    certificate: certificatePaths(join(directory, "certs")).certificate,
    port: defaultPort,
    upstream: upstream ?? "http://127.0.0.1:9092",
    // Not a secret, InfluxDB shows it to everybody; but nothing that is guessed in passing.
    subscriptionPath: `/subscription-${randomBytes(8).toString("hex")}`,
  };
}

/** Undefined when the configuration has errors. */
function existingSettings(io: CommandIo, file: string): Settings | undefined {
  const { environment, workingDirectory } = io;
  const { config } = loadConfig({ flags: { config: file }, environment, workingDirectory, serving: false });
  const instance = config?.kapacitor[0];
  if (config === undefined || instance === undefined) return undefined;
  const bind = config.http["bind-address"];
  return {
    certificate: config.http["https-certificate"],
    port: "port" in bind ? bind.port : defaultPort,
    upstream: instance.url,
    subscriptionPath: instance["subscription-path"],
  };
}

/** Makes the certificate that is configured, unless it is there or somebody else's to make. */
async function ensureCertificate(
  io: CommandIo,
  { directory, hosts }: Options,
  path: string,
): Promise<{ readonly ok: true; readonly names: readonly string[] } | { readonly ok: false; readonly text: string }> {
  const ownDirectory = join(directory, "certs");
  const present = await readIfPresent(path);
  if (present !== undefined) {
    const unused = hosts === undefined ? "" : `, and -hosts was not used: kapgate cert -hosts … -dir ${dirname(path)}`;
    io.stdout.write(`kept  ${path}: it exists, nothing in it was changed${unused}\n`);
    return { ok: true, names: namesIn(present) };
  }
  if (path !== certificatePaths(ownDirectory).certificate) {
    io.stdout.write(`There is no ${path}, which the configuration names: put it there.\n`);
    return { ok: true, names: [] };
  }
  const now = new Date();
  const renewed = await renewCertificate({ directory: ownDirectory, hosts, machine: hostname(), now });
  if (renewed.ok) io.stdout.write(describeRenewed(renewed, now));
  return renewed;
}

async function writeConfiguration(io: CommandIo, file: string, settings: Settings): Promise<void> {
  const password = Array.from(
    { length: passwordLength },
    () => passwordAlphabet[randomInt(passwordAlphabet.length)],
  ).join("");
  const text = configurationText({ ...settings, passwordHash: await hashPassword(password) });
  await writeFileAtomically(file, text, { mode: 0o600, exclusive: true });
  io.stdout.write(`wrote ${file}: the configuration, for the owner only

user      admin
password  ${password}
          It is shown this once, the file holds its hash.

Fill in subscription-allow-cidrs in ${file}: the addresses that InfluxDB connects from.
`);
}

/** None when there is no certificate in it; what is wrong with the file is for \`kapgate check\` to say. */
function namesIn(pem: string): readonly string[] {
  try {
    return namesOf(new X509Certificate(pem).subjectAltName);
  } catch {
    return [];
  }
}
