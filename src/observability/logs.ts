import { type Log, type LoggingOptions, openLog } from "./logger.ts";

/** The logs of a process. */
export interface Logs {
  readonly log: Log;
  /** Has every change, whatever level the log has; undefined where there is none, or where it is the log. */
  readonly auditFile: Log | undefined;
  /** Opens the files again under their names: log rotation by SIGHUP. What goes wrong is logged; then the old file is written on. */
  reopen(): void;
  /** Resolves when everything logged so far has been handed to the system, or could not be. */
  close(): Promise<void>;
}

/** Opens the logs that `[logging]` asks for. Rejects when one cannot be opened; then none is left open. */
export async function openLogs(options: LoggingOptions & { readonly "audit-file": string }): Promise<Logs> {
  const { "audit-file": audit, file, format } = options;
  const log = await openLog(options);
  const open = audit === "" || audit === file ? undefined : openLog({ file: audit, format, level: "INFO" });
  const auditFile = await open?.catch(async (error: unknown) => {
    await log.close();
    throw error;
  });
  const all = auditFile === undefined ? [log] : [log, auditFile];
  return {
    log,
    auditFile,
    reopen: () => {
      for (const one of all) {
        one.reopen().then((problem) => {
          const what = one === log ? "log" : "audit log";
          if (problem !== undefined)
            log.pino.error({ cause: problem }, `the ${what} cannot be opened again, the old file is written on`);
        });
      }
    },
    close: async () => {
      await Promise.all(all.map((one) => one.close()));
    },
  };
}
