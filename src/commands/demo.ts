import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority, issue } from "../certificates/authority.ts";
import { loadConfig } from "../config/load.ts";
import { hashPassword } from "../credentials/hashes.ts";
import { type DemoTarget, deadHost, demoRequests, deniedAddress, send, subscriptionPath } from "../demo/requests.ts";
import { isExpected, row } from "../demo/table.ts";
import { openLog } from "../observability/logger.ts";
import { type Gateway, startGateway } from "../server/gateway.ts";
import { prepare } from "../server/prepare.ts";
import { startStandin } from "../standin/server.ts";
import { printProblems } from "./configuration.ts";
import { parseFlags } from "./flags.ts";
import type { ProcessIo } from "./io.ts";

/**
 * `kapgate demo`: a stand-in Kapacitor (or `-upstream`), a gateway with a throw-away CA and password, and a dozen requests through it;
 * then it serves until a signal. 0, or 2 when an answer was not the expected one.
 */
export async function run(io: ProcessIo): Promise<number> {
  const parsed = parseFlags(io.argv, { once: "boolean", upstream: "string" });
  if (!parsed.ok || parsed.positionals.length > 0) {
    io.stderr.write(
      `kapgate demo: ${parsed.ok ? `unexpected argument ${JSON.stringify(parsed.positionals[0])}` : parsed.text}\n`,
    );
    return 1;
  }
  const { once = false, upstream } = parsed.values;
  const directory = await mkdtemp(join(tmpdir(), "kapgate-demo-"));
  const standin = upstream === undefined ? await startStandin() : undefined;
  try {
    const started = await startDemo(io, directory, standin?.url ?? upstream ?? "");
    if (started === undefined) return 1;
    const { gateway, target } = started;
    try {
      io.stdout.write(
        `kapgate on https://localhost:${target.port} in front of ${upstream ?? "a stand-in Kapacitor"}\n\n`,
      );
      const fine = await showTable(io, target);
      if (!once) {
        io.stdout.write(tryIt(target));
        await new Promise<void>((resolve) => io.onSignal(() => resolve()));
        io.stdout.write("\n");
      }
      return fine ? 0 : 2;
    } finally {
      await gateway.stop();
    }
  } finally {
    await standin?.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function startDemo(
  io: ProcessIo,
  directory: string,
  url: string,
): Promise<{ gateway: Gateway; target: DemoTarget } | undefined> {
  const authority = await createAuthority();
  const certificate = await issue(authority, { hosts: ["localhost", "127.0.0.1", "::1", deadHost] });
  const caFile = join(directory, "ca.pem");
  await writeFile(join(directory, "kapgate.pem"), certificate.chain + certificate.privateKey, { mode: 0o600 });
  await writeFile(caFile, authority.certificate);
  const password = randomBytes(12).toString("base64url");
  const file = join(directory, "kapgate.toml");
  await writeFile(file, configuration(url, await closedPort(), await hashPassword(password)), { mode: 0o600 });
  const loaded = loadConfig({ flags: { config: file }, environment: {}, workingDirectory: directory });
  const prepared = loaded.config === undefined ? undefined : (await prepare(loaded.config, file)).prepared;
  if (prepared === undefined) {
    printProblems(io, loaded.problems);
    return undefined;
  }
  const gateway = await startGateway(prepared, await openLog(prepared.config.logging));
  return { gateway, target: { port: gateway.address.port, caFile, user: "demo", password } };
}

function configuration(url: string, deadPort: number, hash: string): string {
  return `
[http]
  bind-address = "127.0.0.1:0"
  https-certificate = "kapgate.pem"
  shutdown-timeout = "1s"
[[user]]
  name = "demo"
  role = "admin"
  password-hash = ${JSON.stringify(hash)}
[access]
  deny-cidrs = ["${deniedAddress}/32"]
[[kapacitor]]
  name = "demo"
  url = ${JSON.stringify(url)}
  subscription-path = "${subscriptionPath}"
  subscription-allow-cidrs = ["127.0.0.1/32"]
[[kapacitor]]
  name = "down"
  url = "http://127.0.0.1:${deadPort}"
  hosts = ["${deadHost}"]
[alerts]
  disable-handlers = ["exec", "log"]
  deny-target-cidrs = ["private"]
[admin]
  bind-address = ""
[logging]
  level = "ERROR"
`;
}

/** A loopback port that nobody listens on. */
function closedPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 1));
    });
  });
}

async function showTable(io: ProcessIo, target: DemoTarget): Promise<boolean> {
  let fine = true;
  for (const request of demoRequests) {
    const answer = await send(target, request).catch((error: unknown) =>
      error instanceof Error ? error : new Error(String(error)),
    );
    if (answer instanceof Error || !isExpected(request, answer)) fine = false;
    io.stdout.write(`${row(request, answer)}\n`);
  }
  io.stdout.write(fine ? "\nEvery answer is as expected.\n" : "\nAnswers marked ✗ are not as expected.\n");
  return fine;
}

function tryIt(target: DemoTarget): string {
  const login = `${target.user}:${target.password}`;
  return `
Try it, in another shell, until Ctrl-C here:

  curl --cacert ${target.caFile} -u ${login} https://localhost:${target.port}/kapacitor/v1/tasks

  export SSL_CERT_FILE=${target.caFile}
  kapacitor -url https://${login}@localhost:${target.port} list tasks

Then, for your own Kapacitor:

  kapgate init -hosts NAME     writes kapgate.toml, a CA, a certificate and an admin password
  kapgate run
`;
}
