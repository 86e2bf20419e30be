import http from "node:http";
import https from "node:https";
import type { UpstreamOptions } from "./instance.ts";

/** Connections that are kept, while nobody uses them, to one Kapacitor. */
const mostIdle = 64;

/**
 * The connections of a lane to one Kapacitor: made when they are needed and kept; the one that was used last is used next. No proxy
 * environment variables are read.
 * @param idleMs closes what nobody has used for this long; undefined: nothing does
 */
export function createAgent(
  { url, ca, insecureSkipVerify }: Pick<UpstreamOptions, "url" | "ca" | "insecureSkipVerify">,
  idleMs?: number,
): http.Agent {
  const options: http.AgentOptions = {
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    maxFreeSockets: mostIdle,
    scheduling: "lifo",
    ...(idleMs === undefined ? {} : { timeout: idleMs }),
  };
  if (new URL(url).protocol === "http:") return new http.Agent(options);
  return new https.Agent({ ...options, rejectUnauthorized: !insecureSkipVerify, ...(ca === undefined ? {} : { ca }) });
}

/** Host and port of a Kapacitor as a connection is made to it. */
export function addressOf({ protocol, hostname, port }: URL): { readonly host: string; readonly port: number } {
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
  };
}

/** Closes the connections that nobody uses. */
export function closeIdle(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
