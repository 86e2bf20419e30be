import { Client } from "undici";
import { basic, type TestGateway } from "../support/gateway.ts";

/** A client certificate and its key, PEM. */
export interface ClientPair {
  readonly chain: string;
  readonly privateKey: string;
}

export interface ClientAnswer {
  readonly status: number;
  readonly body: string;
  /** The gateway said that it closes the connection. */
  readonly closes: boolean;
}

/** One connection to a gateway, kept open between requests. */
export interface KeptConnection {
  /** `login` as `user:password`. */
  request(method: string, path: string, more?: { login?: string; host?: string; body?: string }): Promise<ClientAnswer>;
  /** How often it had to connect. */
  connects(): number;
  close(): Promise<void>;
}

/** Connects with the first request; `pair` is the client's certificate. */
export function keepConnection(gateway: TestGateway, pair?: ClientPair): KeptConnection {
  let connects = 0;
  const client = new Client(gateway.url, {
    connect: {
      ca: gateway.ca,
      ...(pair === undefined ? {} : { cert: pair.chain, key: pair.privateKey }),
    },
    keepAliveTimeout: 60_000,
  });
  client.on("connect", () => {
    connects += 1;
  });
  return {
    request: async (method, path, { login, host, body } = {}) => {
      const answer = await client.request({
        method: method as "GET",
        path,
        headers: {
          ...(login === undefined ? {} : { authorization: basic(login) }),
          ...(host === undefined ? {} : { host }),
        },
        ...(body === undefined ? {} : { body }),
      });
      const text = await answer.body.text();
      return { status: answer.statusCode, body: text, closes: answer.headers.connection === "close" };
    },
    connects: () => connects,
    close: () => client.destroy(),
  };
}

/** The stable code of a refusal on either lane; "" for another answer. */
export function reasonOf(body: string): string {
  const [, json, line] = /"code":"(\w+)"|^kapgate (\w+) /.exec(body) ?? [];
  return json ?? line ?? "";
}

/** bcrypt of `correct horse`. */
export const hash = "$2b$04$ORTTCCVxc3Xvr.AOESzlreDjEww8XFvHkGdvq0XYlpWdJiiVt7NMa";
export const password = "correct horse";

/** A `[[user]]`; its password is {@link password} unless `secret` is false. */
export function userToml(name: string, role: string, more = "", secret = true): string {
  const login = secret ? `password-hash = "${hash}"\n` : "";
  return `[[user]]\nname = "${name}"\nrole = "${role}"\n${login}${more}`;
}
