import type { IncomingMessage } from "node:http";
import type { Telemetry } from "./telemetry.ts";

/** What the admin listener answers. */
export interface AdminAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers a request of an address that is allowed to ask. Rejects only on faults of the gateway's own. */
export type AdminAnswers = (request: IncomingMessage) => Promise<AdminAnswer>;

/** What is answered from. */
export interface AdminFacts {
  readonly telemetry: Telemetry;
  /** Whether it serves, and goes on to. */
  readonly isReady: () => boolean;
}

const ok: AdminAnswer = { status: 200, text: "ok\n" };
const notFound: AdminAnswer = {
  status: 404,
  text: "not found: there are /metrics, /-/healthy, /-/ready and /-/status\n",
};
const notAllowed: AdminAnswer = { status: 405, text: "method not allowed\n", headers: { Allow: "GET, HEAD" } };

/**
 * `/-/healthy` answers while the process lives, `/-/ready` while it serves, and with `?instance=NAME` while that Kapacitor answers too;
 * `/metrics` in Prometheus' text format.
 */
export function createAdminAnswers(facts: AdminFacts): AdminAnswers {
  const { telemetry } = facts;

  const ready = async (query: URLSearchParams): Promise<AdminAnswer> => {
    if (!facts.isReady()) return { status: 503, text: "stopping\n" };
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

  return async ({ method, url = "" }) => {
    if (method !== "GET" && method !== "HEAD") return notAllowed;
    const [path, query = ""] = splitOnce(url, "?");
    switch (path) {
      case "/-/healthy":
        return ok;
      case "/-/ready":
        return ready(new URLSearchParams(query));
      case "/metrics":
        return metrics();
      default:
        return notFound;
    }
  };
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
