import { unlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import type { Flags } from "../config/flags.ts";
import { type Log, openLog } from "../observability/logger.ts";
import type { Problem } from "../problem.ts";
import { type Gateway, startGateway } from "../server/gateway.ts";
import type { Prepared } from "../server/prepare.ts";
import { printProblems, readConfiguration } from "./configuration.ts";
import { parseFlags } from "./flags.ts";
import type { ProcessIo } from "./io.ts";
import { packageVersion } from "./version.ts";

const flagSpec = {
  config: "string",
  "bind-address": "string",
  upstream: "string",
  "deny-cidrs": "string",
  "deny-target-cidrs": "string",
  "blacklist-cidrs": "string",
  "disable-handlers": "string",
  "log-level": "string",
  "log-file": "string",
  pidfile: "string",
} as const;

/**
 * `kapgate run`: serves until SIGTERM or SIGINT. 0 after a clean stop, 1 when flags or configuration are wrong (a restart will not help),
 * 2 when it could not start, had to be cut, or failed.
 */
export async function run(io: ProcessIo): Promise<number> {
  const parsed = parseFlags(io.argv, flagSpec);
  if (!parsed.ok || parsed.positionals.length > 0) {
    io.stderr.write(
      `kapgate run: ${parsed.ok ? `unexpected argument ${JSON.stringify(parsed.positionals[0])}` : parsed.text}\n`,
    );
    return 1;
  }
  const flags: Flags = parsed.values;
  const { prepared, problems, pidfile } = await readConfiguration(io, flags);
  if (prepared === undefined) {
    printProblems(io, problems);
    return 1;
  }
  const log = await openLogOf(io, prepared);
  if (log === undefined) return 2;
  for (const problem of problems) logWarning(log, problem);
  let gateway: Gateway;
  try {
    if (pidfile !== undefined) await writeFile(pidfile, `${io.pid}\n`);
    gateway = await startGateway(prepared, log);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    log.pino.error({ cause: text }, "could not start");
    io.stderr.write(`kapgate: could not start: ${text}\n`);
    await log.close();
    return 2;
  }
  announce(log, gateway, prepared);
  const code = await serve(io, flags, gateway, log);
  if (pidfile !== undefined) await unlink(pidfile).catch(() => {});
  await log.close();
  return code;
}

async function openLogOf(io: ProcessIo, prepared: Prepared): Promise<Log | undefined> {
  try {
    return await openLog(prepared.config.logging);
  } catch (error) {
    io.stderr.write(`kapgate: cannot open the log: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

/** Waits for signals. The first TERM or INT drains, the second ends at once. */
function serve(io: ProcessIo, flags: Flags, gateway: Gateway, log: Log): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    io.onFault((error) => {
      log.pino.fatal(
        { cause: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        "unexpected failure",
      );
      resolve(2);
    });
    io.onSignal((signal) => {
      if (signal === "SIGHUP") {
        reopen(log);
        reload(io, flags, gateway, log).catch((error: unknown) =>
          log.pino.error({ cause: String(error) }, "reload failed"),
        );
        return;
      }
      if (stopping) {
        log.pino.warn({ signal }, "ended at once");
        resolve(2);
        return;
      }
      stopping = true;
      log.pino.info({ signal }, "stopping");
      gateway.stop().then(
        () => {
          log.pino.info("stopped");
          resolve(0);
        },
        (error: unknown) => {
          log.pino.error({ cause: String(error) }, "could not stop cleanly");
          resolve(2);
        },
      );
    });
  });
}

function reopen(log: Log): void {
  log.reopen().then((problem) => {
    if (problem !== undefined)
      log.pino.error({ cause: problem }, "the log file cannot be opened again, the old one is written on");
  });
}

/** Reads everything again. What is wrong with it is logged and the running configuration stays; what is right is swapped at once. */
async function reload(io: ProcessIo, flags: Flags, gateway: Gateway, log: Log): Promise<void> {
  const { prepared, problems } = await readConfiguration(io, flags);
  if (prepared === undefined) {
    for (const problem of problems) log.pino.error({ ...problem }, "reload refused, the running configuration stays");
    return;
  }
  for (const problem of problems) logWarning(log, problem);
  gateway.replace(prepared);
  log.pino.info("reloaded");
}

function logWarning(log: Log, problem: Problem): void {
  log.pino.warn({ source: problem.source, line: problem.line, key: problem.key }, problem.text);
}

function announce(log: Log, gateway: Gateway, prepared: Prepared): void {
  log.pino.info(
    {
      version: packageVersion(),
      address: formatAddress(gateway.address),
      admin_address: gateway.adminAddress === undefined ? undefined : formatAddress(gateway.adminAddress),
      https: prepared.tls !== undefined,
      certificate_days_left: prepared.tls?.certificate.daysLeft,
      upstreams: prepared.upstreams.map((upstream) => `${upstream.name}=${upstream.url}`),
    },
    "listening",
  );
}

function formatAddress(address: AddressInfo): string {
  return address.family === "IPv6" ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
