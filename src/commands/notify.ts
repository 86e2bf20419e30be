import { spawn } from "node:child_process";
import type { Logger } from "pino";

/** Tells the service manager how the service is, by the protocol of sd_notify(3). */
export interface Notify {
  /** It serves. */
  ready(status: string): void;
  /** It reads its configuration again; `ready` has to follow. */
  reloading(): void;
  /** It ends. */
  stopping(): void;
  /** Resolves when everything has been told, or could not be. */
  settled(): Promise<void>;
}

/** systemd-notify waits until the manager has read the message. */
const patienceMs = 5000;

/**
 * Sends through `systemd-notify`, because the socket is a datagram socket in the file system, which the runtime has none of; so the unit needs
 * `NotifyAccess=all`. Does nothing without NOTIFY_SOCKET. What cannot be sent is logged, once, and changes nothing about the service.
 */
export function createNotify(environment: Readonly<Record<string, string | undefined>>, log: Logger): Notify {
  const { NOTIFY_SOCKET: socket = "", PATH: path = "/usr/bin:/bin" } = environment;
  let works = socket !== "";
  let last: Promise<void> = Promise.resolve();

  const send = (assignments: readonly string[]): Promise<void> =>
    new Promise((resolve) => {
      if (!works) return resolve();
      const child = spawn("systemd-notify", assignments, {
        env: { NOTIFY_SOCKET: socket, PATH: path },
        stdio: "ignore",
        timeout: patienceMs,
      });
      const fail = (cause: string): void => {
        if (works) log.warn({ cause }, "systemd cannot be told: Type=notify needs systemd-notify and NotifyAccess=all");
        works = false;
        resolve();
      };
      child.once("error", (error) => fail(error.message));
      child.once("close", (code, signal) =>
        code === 0 ? resolve() : fail(`systemd-notify ended with ${code ?? signal}`),
      );
    });

  /** One after the other, or READY could overtake RELOADING. */
  const queue = (...assignments: string[]): void => {
    last = last.then(() => send(assignments));
  };

  return {
    ready: (status) => queue("READY=1", `STATUS=${status}`),
    // The clock of process.hrtime is CLOCK_MONOTONIC, which Type=notify-reload compares with.
    reloading: () => queue("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => queue("STOPPING=1", "STATUS=finishing requests"),
    settled: () => last,
  };
}
