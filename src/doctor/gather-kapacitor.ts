import { randomBytes } from "node:crypto";
import type { UpstreamOptions } from "../upstream/instance.ts";
import { type Asked, ask } from "./ask.ts";
import { originOf } from "./destination.ts";
import type { Cluster, Instance, KapacitorFacts, KapacitorState } from "./facts.ts";

const versionHeader = "x-kapacitor-version";
const base = "/kapacitor/v1";

/** How to reach a Kapacitor: the part of its options that a question needs. */
export type KapacitorAccess = Pick<UpstreamOptions, "url" | "ca" | "insecureSkipVerify" | "username" | "password">;

/**
 * Asks a Kapacitor, past the gateway: whether it answers and as what, whether it takes any login, what it tells InfluxDB, and whether it
 * answers at other addresses of this machine. Reads only.
 * @param addresses this machine's addresses besides the loopback ones, canonical
 */
export async function gatherKapacitor(
  instance: Instance,
  access: KapacitorAccess,
  addresses: readonly string[],
): Promise<Omit<KapacitorFacts, "audit">> {
  const authorization = access.username === "" ? undefined : basic(access.username, access.password);
  const question = { ca: access.ca, insecureSkipVerify: access.insecureSkipVerify };
  const get = (path: string): Promise<Asked> => ask(`${access.url}${base}${path}`, { ...question, authorization });
  const [ping, stranger, nobody, exposedAt] = await Promise.all([
    get("/ping"),
    ask(`${access.url}${base}/ping`, {
      ...question,
      authorization: basic(`doctor-${randomBytes(8).toString("hex")}`, randomBytes(16).toString("hex")),
    }),
    ask(`${access.url}${base}/ping`, question),
    exposures(access, addresses),
  ]);
  const state = stateOf(ping);
  const takesAnyLogin = isStatus(nobody, 401) && isStatus(stranger, 204);
  if (state.kind !== "up") {
    return { instance, state, takesAnyLogin, exposedAt, ids: undefined, clusters: { cause: "it could not be asked" } };
  }
  const [vars, config] = await Promise.all([get("/debug/vars"), get("/config/influxdb")]);
  return { instance, state, takesAnyLogin, exposedAt, ids: idsOf(vars), clusters: clustersOf(config) };
}

function stateOf(ping: Asked): KapacitorState {
  if (ping.kind === "failure") return { kind: "down", cause: ping.cause };
  const version = ping.headers[versionHeader] ?? "";
  if (version === "") return { kind: "other", what: `status ${ping.status} without X-Kapacitor-Version` };
  if (ping.status === 401) return { kind: "unauthorized", version };
  if (ping.status !== 204) return { kind: "other", what: `status ${ping.status}` };
  return { kind: "up", version, skewMs: skewOf(ping) };
}

/**
 * The peer's clock less ours, in milliseconds, by its Date header (whole seconds, cut off); undefined where it has none. Less than a second
 * counts as nothing, because the header cannot tell.
 */
export function skewOf(answer: Asked & { readonly kind: "answer" }): number | undefined {
  const date = Date.parse(answer.headers.date ?? "");
  if (Number.isNaN(date)) return undefined;
  const skew = date + 500 - answer.at;
  return Math.abs(skew) < 1500 ? 0 : Math.round(skew);
}

/** Where else it answers. An upstream on another machine is not tried: this machine is meant to reach it. */
async function exposures(access: KapacitorAccess, addresses: readonly string[]): Promise<readonly string[]> {
  const { protocol, hostname, port } = new URL(access.url);
  if (!isLoopback(hostname)) return [];
  const number = Number(port) || (protocol === "https:" ? 443 : 80);
  const found = await Promise.all(
    addresses.map(async (host) => {
      const url = `${protocol}//${originOf({ host, port: number })}`;
      // Whoever goes around the gateway does not verify the certificate either.
      const answer = await ask(`${url}${base}/ping`, { insecureSkipVerify: true, timeoutMs: 1500 });
      return answer.kind === "answer" && answer.headers[versionHeader] !== undefined ? [url] : [];
    }),
  );
  return found.flat();
}

/** Whether a host of a URL is this machine's loopback. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.startsWith("127.") || hostname === "[::1]" || hostname === "::1";
}

function idsOf(vars: Asked): KapacitorFacts["ids"] {
  const value = jsonOf(vars);
  const { cluster_id: cluster, server_id: server, host } = isRecord(value) ? value : {};
  if (typeof cluster !== "string" || typeof server !== "string") return undefined;
  return { cluster, server, host: typeof host === "string" ? host : "" };
}

/** `{"elements":[{"options":{…}}]}` (services/config). */
function clustersOf(answer: Asked): KapacitorFacts["clusters"] {
  if (answer.kind === "failure") return { cause: answer.cause };
  if (answer.status === 403) return { cause: "[config-override] is not enabled in kapacitor.conf" };
  const value = jsonOf(answer);
  const elements = isRecord(value) ? value.elements : undefined;
  if (answer.status !== 200 || !Array.isArray(elements)) return { cause: `status ${answer.status}` };
  return elements.flatMap((element): Cluster[] => {
    const options = isRecord(element) ? element.options : undefined;
    if (!isRecord(options)) return [];
    const text = (key: string): string => (typeof options[key] === "string" ? options[key] : "");
    const path = text("subscription-path").replace(/\/+$/, "");
    return [
      {
        name: text("name"),
        enabled: options.enabled === true,
        urls: listOf(options.urls),
        subscriptionsOff: options["disable-subscriptions"] === true,
        protocol: text("subscription-protocol") || "http",
        hostname: text("kapacitor-hostname"),
        port: Number(options["http-port"] ?? 0) || 0,
        path: path === "" || path.startsWith("/") ? path : `/${path}`,
        mode: text("subscription-mode") === "server" ? "server" : "cluster",
        only: policiesOf(options.subscriptions),
        except: policiesOf(options["excluded-subscriptions"]),
      },
    ];
  });
}

function policiesOf(value: unknown): ReadonlyMap<string, readonly string[]> {
  return new Map(isRecord(value) ? Object.entries(value).map(([db, policies]) => [db, listOf(policies)]) : []);
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function jsonOf(answer: Asked): unknown {
  if (answer.kind === "failure") return undefined;
  try {
    return JSON.parse(answer.text);
  } catch {
    return undefined;
  }
}

/** Whether a value is an object with members. */
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStatus(answer: Asked, status: number): boolean {
  return answer.kind === "answer" && answer.status === status;
}

/** The Authorization value of a login. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}
