import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { type Dispatcher, Pool } from "undici";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Log } from "../../src/observability/logger.ts";
import type { Audits } from "../../src/server/audits.ts";
import { type Gateway, type GatewayExtras, startGateway } from "../../src/server/gateway.ts";
import { prepare } from "../../src/server/prepare.ts";

/** A record of the log, as it would be written. */
export type LogRecord = Readonly<Record<string, unknown>>;

export interface TestGateway {
  readonly gateway: Gateway;
  readonly port: number;
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  /** PEM of the authority that signed its certificate. */
  readonly ca: string;
  readonly records: readonly LogRecord[];
  /** Sends a request over a kept connection; `login` as `user:password`. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** Resolves with the first access record that matches, at once or when it comes. */
  record(matches: (record: LogRecord) => boolean): Promise<LogRecord>;
  /** Loads another configuration text into the running gateway, as SIGHUP does. */
  reload(toml: string, more?: Filling): Promise<void>;
  close(): Promise<void>;
}

/** What stands in the sections that are filled in. */
export interface Filling {
  /** More of `[http]`. */
  readonly http?: string;
  /** More of `[admin]`. */
  readonly admin?: string;
  /** The address of the admin listener in place of a free port on loopback. */
  readonly adminAddress?: string;
}

export interface RequestOptions {
  readonly login?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The login of the user that every test configuration has unless it brings its own. */
export const admin = "admin:correct horse";
export const adminUser = `[[user]]\nname = "admin"\nrole = "admin"\npassword-hash = "$2b$04$ORTTCCVxc3Xvr.AOESzlreDjEww8XFvHkGdvq0XYlpWdJiiVt7NMa"\n`;

/** What is asked of Kapacitor would be among the requests that a test looks at. */
const noAudits: Audits = { last: () => [], use: () => {}, stop: () => {} };

let authority: Promise<{ ca: string; pem: string }> | undefined;

/** One throw-away certificate for all gateways of a test process. */
export function testCertificate(): Promise<{ ca: string; pem: string }> {
  authority ??= (async () => {
    const ca = await createAuthority();
    const issued = await issue(ca, {
      hosts: ["localhost", "127.0.0.1", "::1", "one.test", "two.test", "*.policy.test"],
    });
    return { ca: ca.certificate, pem: issued.chain + issued.privateKey };
  })();
  return authority;
}

/**
 * Starts a gateway in this process on a free port with the given configuration text. `[http]`, `[admin]` and the certificate are filled
 * in where the text does not say otherwise. Throws with the problems when the configuration is refused.
 */
export async function startTestGateway(
  toml: string,
  more: Filling & Pick<GatewayExtras, "resolve" | "auditFile" | "version" | "audits" | "standing"> = {},
): Promise<TestGateway> {
  const { ca, pem } = await testCertificate();
  const directory = await mkdtemp(join(tmpdir(), "kapgate-test-"));
  await writeFile(join(directory, "kapgate.pem"), pem, { mode: 0o600 });
  const file = join(directory, "kapgate.toml");
  const prepared = async (text: string, { http = "", admin = "", adminAddress = "127.0.0.1:0" }: Filling) => {
    const base = `[http]\nbind-address = "127.0.0.1:0"\nhttps-certificate = "kapgate.pem"\nshutdown-timeout = "200ms"\n${http}\n[admin]\nbind-address = "${adminAddress}"\n${admin}\n`;
    await writeFile(file, base + text, { mode: 0o600 });
    const loaded = loadConfig({ flags: { config: file }, environment: {}, workingDirectory: directory });
    const result = loaded.config === undefined ? undefined : await prepare(loaded.config, file);
    if (result?.prepared === undefined)
      throw new Error(JSON.stringify([...loaded.problems, ...(result?.problems ?? [])], undefined, 2));
    return result.prepared;
  };
  const records: LogRecord[] = [];
  const waiting = new Set<() => void>();
  const logger = pino(
    { level: "debug", base: null },
    {
      write: (line: string) => {
        records.push(JSON.parse(line));
        for (const check of waiting) check();
      },
    },
  );
  const log: Log = {
    pino: logger,
    reopen: async () => undefined,
    close: async () => {},
    dropped: () => 0,
    problem: () => undefined,
  };
  const gateway = await startGateway(await prepared(toml, more), log, { audits: noAudits, ...more });
  const { port } = gateway.address;
  const url = `https://127.0.0.1:${port}`;
  const pool = new Pool(url, { connect: { ca }, connections: 16 });
  return {
    gateway,
    port,
    url,
    ca,
    records,
    request: async (method, path, options = {}) => {
      const headers: Record<string, string> = { ...options.headers };
      if (options.login !== undefined) headers.authorization = basic(options.login);
      const answer = await pool.request({
        method: method as Dispatcher.HttpMethod,
        path,
        headers,
        ...(options.body === undefined ? {} : { body: options.body }),
      });
      return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
    },
    record: (matches) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = records.find((record) => record.msg === "request" && matches(record));
          if (found === undefined) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(found);
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`no such access record among ${JSON.stringify(records)}`));
        }, 5000);
        waiting.add(check);
        check();
      }),
    reload: async (text, filling = more) => gateway.replace(await prepared(text, filling)),
    close: async () => {
      await pool.destroy();
      await gateway.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The Authorization value of `user:password`. */
export function basic(login: string): string {
  return `Basic ${Buffer.from(login, "utf8").toString("base64")}`;
}

/** The port of an address that a server listens on. */
export function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("not listening");
  return address.port;
}
