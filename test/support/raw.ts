import { connect, type TLSSocket } from "node:tls";

/** What came back on a raw connection. */
export interface RawAnswer {
  /** Status codes of all answers, in order, 1xx included. */
  readonly statuses: readonly number[];
  readonly text: string;
  /** The peer closed the connection before the time was over. */
  readonly closed: boolean;
}

/** Opens a TLS connection that trusts `ca`. */
export function openTls(port: number, ca: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca, ALPNProtocols: ["http/1.1"] }, () =>
      resolve(socket),
    );
    socket.once("error", reject);
  });
}

export interface RawOptions {
  /** How long nothing more has to come before that is all; 150 ms unless told. */
  readonly quietMs?: number;
  /** How many status lines there have to be before silence means anything: a busy machine may take its time. One unless told. */
  readonly answers?: number;
}

const patienceMs = 5000;
/** A stream never falls silent: so long after its head it is enough. */
const streamMs = 1000;

/**
 * Sends bytes (one per UTF-16 unit) over a fresh TLS connection and collects what comes back until nothing more has come for a while,
 * or until the peer closes.
 */
export async function sendRaw(
  port: number,
  ca: string,
  bytes: string,
  { quietMs = 150, answers = 1 }: RawOptions = {},
): Promise<RawAnswer> {
  const socket = await openTls(port, ca);
  let text = "";
  let last = performance.now();
  let answered: number | undefined;
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    last = performance.now();
  });
  socket.on("error", () => {});
  socket.write(bytes, "latin1");
  const closed = await new Promise<boolean>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now();
      const isAnswered = statusesOf(text).length >= answers;
      if (isAnswered) answered ??= now;
      if (now - last > (isAnswered ? quietMs : patienceMs) || (answered !== undefined && now - answered > streamMs))
        settle(false);
    }, 20);
    const settle = (value: boolean): void => {
      clearInterval(timer);
      resolve(value);
    };
    socket.once("close", () => settle(true));
  });
  socket.destroy();
  return { statuses: statusesOf(text), text, closed };
}

function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));
}
