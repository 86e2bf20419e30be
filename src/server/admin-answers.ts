import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { parseHost } from "../core/headers.ts";
import { statusPage, statusPageHeaders } from "./status-page.ts";
import type { Telemetry } from "./telemetry.ts";

/** What the admin listener answers. */
export interface AdminAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers a request of an address that is allowed to ask. Rejects only on faults of the gateway's own. */
export type AdminAnswers = (request: IncomingMessage) => Promise<AdminAnswer>;

const ok: AdminAnswer = { status: 200, text: "ok\n" };
const notFound: AdminAnswer = {
  status: 404,
  text: "not found: there are /metrics, /-/healthy, /-/ready and /-/status\n",
};
const notAllowed: AdminAnswer = { status: 405, text: "method not allowed\n", headers: { Allow: "GET, HEAD" } };
const otherName: AdminAnswer = {
  status: 403,
  text: "forbidden: on a loopback address the status answers to localhost, to IP addresses and to the machine's own name only, because any web site may give a name of its own to a loopback address\n",
};
const off: AdminAnswer = { status: 404, text: "not found: [admin] status-enabled is false\n" };

/**
 * `/-/healthy` answers while the process lives, `/-/ready` while it serves, and with `?instance=NAME` while that Kapacitor answers too;
 * `/metrics` in Prometheus' text format; `/-/status` as JSON, and as a page where a browser asks.
 * @param options asked with every request, so that they may change
 */
export function createAdminAnswers(
  telemetry: Telemetry,
  options: () => { readonly "status-enabled": boolean },
): AdminAnswers {
  const ready = async (query: URLSearchParams): Promise<AdminAnswer> => {
    if (!telemetry.isReady()) return { status: 503, text: "stopping\n" };
    const names = query.getAll("instance");
    if (names.length === 0) return { status: 200, text: "ready\n" };
    if (names.length > 1) return { status: 400, text: "instance is given more than once\n" };
    const up = await telemetry.isUp(names[0] ?? "");
    if (up === undefined) return { status: 404, text: "no such instance\n" };
    return up ? { status: 200, text: "ready\n" } : { status: 503, text: "Kapacitor does not answer\n" };
  };

  const metrics = async (): Promise<AdminAnswer> => {
    await telemetry.refresh();
    const { contentType } = telemetry.metrics;
    return { status: 200, text: await telemetry.metrics.text(), headers: { "Content-Type": contentType } };
  };

  const status = async (request: IncomingMessage, query: URLSearchParams): Promise<AdminAnswer> => {
    if (!options()["status-enabled"]) return off;
    if (!isTrustedName(request)) return otherName;
    await telemetry.refresh();
    const report = telemetry.status();
    const format = query.get("format");
    if (format === "html" || (format === null && prefersHtml(request.headers.accept)))
      return { status: 200, text: statusPage(report), headers: { ...statusPageHeaders, Vary: "Accept" } };
    const headers = { "Content-Type": "application/json; charset=utf-8", Vary: "Accept" };
    return { status: 200, text: `${JSON.stringify(report, undefined, 2)}\n`, headers };
  };

  return async (request) => {
    const { method, url = "" } = request;
    if (method !== "GET" && method !== "HEAD") return notAllowed;
    const at = url.indexOf("?");
    const query = new URLSearchParams(at === -1 ? "" : url.slice(at + 1));
    switch (at === -1 ? url : url.slice(0, at)) {
      case "/-/healthy":
        return ok;
      case "/-/ready":
        return ready(query);
      case "/metrics":
        return metrics();
      case "/-/status":
        return status(request, query);
      default:
        return notFound;
    }
  };
}

/**
 * A page of another site could read the status by the browser of an operator, if its name led to a loopback address by then (DNS rebinding):
 * there only names count that nobody else can give away. False when in doubt.
 */
function isTrustedName({ socket, headers }: IncomingMessage): boolean {
  const local = socket.localAddress ?? "";
  if (!/^(?:::ffff:)?127\.|^::1$/.test(local)) return local !== "";
  const name = parseHost(headers.host ?? "")?.replace(/^\[|\]$/g, "");
  if (name === undefined || name === "") return false;
  return isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost") || name === hostname().toLowerCase();
}

/** Whether somebody who reads HTML asks: a browser names text/html, tools take anything. */
function prefersHtml(accept: string | undefined): boolean {
  return (accept ?? "")
    .split(",")
    .some((range) =>
      /^\s*(?:text\/html|application\/xhtml\+xml)\s*(?:;(?!.*\bq=0(?:\.0*)?\s*(?:;|$)).*)?$/i.test(range),
    );
}
