import http from "node:http";
import type { AddressInfo } from "node:net";
import { compileCidrs, parseAddress } from "../core/cidr.ts";
import { bind, type ListenAddress } from "./listen.ts";

export interface AdminOptions {
  /** undefined: no admin listener. */
  readonly "bind-address": ListenAddress | undefined;
  readonly "allow-cidrs": readonly string[];
}

/** What the admin listener asks the gateway. */
export interface AdminFacts {
  readonly isReady: () => boolean;
}

export interface Admin {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

/**
 * The listener for operators: plain HTTP, own address, never proxied. `/-/healthy` answers while the process lives, `/-/ready` while it
 * serves. Addresses outside `allow-cidrs` (when it is set), and those that cannot be read, get 403.
 */
export async function startAdmin(options: AdminOptions, facts: AdminFacts): Promise<Admin | undefined> {
  const bindAddress = options["bind-address"];
  if (bindAddress === undefined) return undefined;
  const allowed = options["allow-cidrs"].length === 0 ? () => true : compileCidrs(options["allow-cidrs"]);
  const server = http.createServer(
    { requestTimeout: 10_000, headersTimeout: 10_000, maxHeaderSize: 8192 },
    (request, response) => {
      const address = parseAddress(request.socket.remoteAddress ?? "");
      const [status, text] =
        address === undefined || !allowed(address) ? [403, "forbidden"] : answer(request.method, request.url, facts);
      response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : `${text}\n`);
    },
  );
  server.maxConnections = 256;
  await bind(server, bindAddress);
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the admin listener has no address");
  return {
    address: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(method: string | undefined, url: string | undefined, facts: AdminFacts): readonly [number, string] {
  if (method !== "GET" && method !== "HEAD") return [405, "method not allowed"];
  switch (url) {
    case "/-/healthy":
      return [200, "ok"];
    case "/-/ready":
      return facts.isReady() ? [200, "ready"] : [503, "stopping"];
    default:
      return [404, "not found"];
  }
}
