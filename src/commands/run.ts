import { unlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import type { Flags } from "../config/flags.ts";
import type { Log } from "../observability/logger.ts";
import { type Logs, openLogs } from "../observability/logs.ts";
import type { Problem } from "../problem.ts";
import { fileLimitProblem } from "../server/file-limit.ts";
import { type Gateway, startGateway } from "../server/gateway.ts";
import { passedSocketProblem } from "../server/listen.ts";
import type { Prepared } from "../server/prepare.ts";
import { createReloader, type Read, type Reloader } from "../server/reload.ts";
import { printProblems, readWatched } from "./configuration.ts";
import { parseFlags } from "./flags.ts";
import type { ProcessIo } from "./io.ts";
import { createNotify, type Notify } from "./notify.ts";
import { packageVersion } from "./version.ts";

// Almost nothing lives as long as a request: threads that help to collect it cost more than they save.
setFlagsFromString("--no-parallel-scavenge");

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
  const signals = holdSignals(io);
  const { pidfile, ...reading } = await readWatched(io, flags);
  const { prepared, problems } = reading;
  if (prepared === undefined) {
    printProblems(io, problems);
    return 1;
  }
  const { http, admin } = prepared.config;
  for (const address of [http["bind-address"], admin["bind-address"]]) {
    const problem = passedSocketProblem(address, io.environment, io.pid);
    if (problem === undefined) continue;
    io.stderr.write(`kapgate: bind-address ${problem}\n`);
    return 1;
  }
  const logs = await openLogsOf(io, prepared);
  if (logs === undefined) return 2;
  const { log, auditFile } = logs;
  for (const problem of problems) logWarning(log, problem);
  const tooFewFiles = await fileLimitProblem(http["max-connections"]);
  if (tooFewFiles !== undefined) log.pino.warn(tooFewFiles);
  let gateway: Gateway;
  try {
    gateway = await startGateway(prepared, log, { auditFile, version: packageVersion() });
    // Not before: where another one runs already, the address is taken, and the file is that one's.
    if (pidfile !== undefined) await writeFile(pidfile, `${io.pid}\n`);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    log.pino.error({ cause: text }, "could not start");
    io.stderr.write(`kapgate: could not start: ${text}\n`);
    await logs.close();
    return 2;
  }
  announce(log, gateway, prepared);
  const notify = createNotify(io.environment, log.pino);
  notify.ready(serving(gateway));
  const read: Read = (running, source) => readWatched(io, flags, { running, source });
  const reloader = createReloader(gateway, { ...reading, prepared }, read, log.pino);
  const code = await serve(io, signals, { gateway, logs, notify, reloader });
  if (pidfile !== undefined) await unlink(pidfile).catch(() => {});
  await logs.close();
  if (code === 0) await notify.settled();
  return code;
}

async function openLogsOf(io: ProcessIo, prepared: Prepared): Promise<Logs | undefined> {
  try {
    return await openLogs(prepared.config.logging);
  } catch (error) {
    io.stderr.write(`kapgate: cannot open the log: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

interface Running {
  readonly gateway: Gateway;
  readonly logs: Logs;
  readonly notify: Notify;
  readonly reloader: Reloader;
}

type Signals = (listener: Parameters<ProcessIo["onSignal"]>[0]) => void;

/** Keeps signals that come before somebody listens: a SIGHUP during the start, as of logrotate, would end the process. */
function holdSignals(io: ProcessIo): Signals {
  type Listener = Parameters<Signals>[0];
  const early: Parameters<Listener>[0][] = [];
  let listen: Listener = (signal) => early.push(signal);
  io.onSignal((signal) => listen(signal));
  return (listener) => {
    listen = listener;
    early.splice(0).forEach(listener);
  };
}

/** Waits for signals. The first TERM or INT drains, the second ends at once. */
function serve(io: ProcessIo, signals: Signals, { gateway, logs, notify, reloader }: Running): Promise<number> {
  const { log } = logs;
  return new Promise((resolve) => {
    let stopping = false;
    io.onFault((error) => {
      log.pino.fatal(
        { cause: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        "unexpected failure",
      );
      resolve(2);
    });
    const reload = async (): Promise<void> => {
      notify.reloading();
      const taken = await reloader.reload();
      notify.ready(taken ? serving(gateway) : `${serving(gateway)}; the last reload was refused, see the log`);
    };
    const stop = async (): Promise<number> => {
      try {
        await gateway.stop();
        log.pino.info("stopped");
        return 0;
      } catch (error) {
        log.pino.error({ cause: String(error) }, "could not stop cleanly");
        return 2;
      }
    };
    signals((signal) => {
      if (signal === "SIGHUP") {
        logs.reopen();
        // What runs is about to end: it ends as it is.
        if (!stopping) void reload();
      } else if (stopping) {
        log.pino.warn({ signal }, "ended at once");
        resolve(2);
      } else {
        stopping = true;
        reloader.stop();
        notify.stopping();
        log.pino.info({ signal }, "stopping");
        void stop().then(resolve);
      }
    });
  });
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

function serving(gateway: Gateway): string {
  return `serving on ${formatAddress(gateway.address)}`;
}

function formatAddress(address: AddressInfo): string {
  return address.family === "IPv6" ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
