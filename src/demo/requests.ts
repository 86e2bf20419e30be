import { readFileSync } from "node:fs";
import { request } from "node:https";

/** One request of the demonstration and what it is to show. */
export interface DemoRequest {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly login: "right" | "wrong" | "none";
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The loopback address that it comes from. */
  readonly from?: string;
  readonly expect: { readonly status: number; readonly reason?: string };
  /** Said of an answer that is Kapacitor's own; a refusal says its reason itself. */
  readonly why: string;
}

export interface DemoAnswer {
  readonly status: number;
  readonly body: string;
}

/** Where the requests go and with what. */
export interface DemoTarget {
  readonly port: number;
  readonly caFile: string;
  readonly user: string;
  readonly password: string;
}

export const subscriptionPath = "/path/behind/reverse-proxy";
/** A client address that the demonstration's configuration denies. */
export const deniedAddress = "127.0.0.66";
/** The host name of an instance whose Kapacitor is down. */
export const deadHost = "down.localhost";

const task = (script: string) =>
  JSON.stringify({
    id: "kapgate-demo",
    type: "stream",
    dbrps: [{ db: "telegraf", rp: "autogen" }],
    script,
    status: "disabled",
  });
const alert =
  "stream\n    |from()\n        .measurement('cpu')\n    |alert()\n        .crit(lambda: \"usage_idle\" < 10)\n";

/** The dozen, in the order of the gates that they meet. The task is deleted by the last but one. */
export const demoRequests: readonly DemoRequest[] = [
  {
    what: "a client from a denied range",
    method: "GET",
    path: "/kapacitor/v1/ping",
    login: "right",
    from: deniedAddress,
    expect: { status: 403, reason: "client_denied" },
    why: "",
  },
  {
    what: "a path with two readings",
    method: "GET",
    path: "/kapacitor/v1/write/%2e%2e/config",
    login: "right",
    expect: { status: 400, reason: "bad_target" },
    why: "",
  },
  {
    what: "no credentials",
    method: "GET",
    path: "/kapacitor/v1/tasks",
    login: "none",
    expect: { status: 401, reason: "credentials_required" },
    why: "",
  },
  {
    what: "a wrong password",
    method: "GET",
    path: "/kapacitor/v1/tasks",
    login: "wrong",
    expect: { status: 401, reason: "credentials_invalid" },
    why: "",
  },
  {
    what: "the right password",
    method: "GET",
    path: "/kapacitor/v1/ping",
    login: "right",
    expect: { status: 204 },
    why: "Kapacitor's own answer, over HTTPS",
  },
  {
    what: "another site in a logged-in browser",
    method: "POST",
    path: "/kapacitor/v1/tasks",
    login: "right",
    headers: { "sec-fetch-site": "cross-site" },
    body: task(alert),
    expect: { status: 403, reason: "cross_site" },
    why: "",
  },
  {
    what: "a task with an allowed handler",
    method: "POST",
    path: "/kapacitor/v1/tasks",
    login: "right",
    body: task(`${alert}        .slack()\n`),
    expect: { status: 200 },
    why: "slack is not disabled: Kapacitor stored the task",
  },
  {
    what: "a task that runs a command",
    method: "PATCH",
    path: "/kapacitor/v1/tasks/kapgate-demo",
    login: "right",
    body: task(`${alert}        .exec('/bin/sh', '-c', 'id')\n`),
    expect: { status: 403, reason: "handler_disabled" },
    why: "",
  },
  {
    what: "the same, in disguise",
    method: "PATCH",
    path: "/kapacitor/v1/tasks/kapgate-demo",
    login: "right",
    body: task(`${alert}        .slack(). // a comment may stand here\n        Exec('/bin/sh')\n`),
    expect: { status: 403, reason: "handler_disabled" },
    why: "",
  },
  {
    what: "a topic handler that runs a command",
    method: "POST",
    path: "/kapacitor/v1/alerts/topics/ops/handlers",
    login: "right",
    body: JSON.stringify({ id: "run", kind: "exec", options: { prog: "/bin/sh" } }),
    expect: { status: 403, reason: "handler_disabled" },
    why: "",
  },
  {
    what: "an alert into the cloud's metadata service",
    method: "PATCH",
    path: "/kapacitor/v1/tasks/kapgate-demo",
    login: "right",
    body: task(`${alert}        .post('http://169.254.169.254/latest/meta-data')\n`),
    expect: { status: 403, reason: "target_denied" },
    why: "",
  },
  {
    what: "InfluxDB's subscription write",
    method: "POST",
    path: `${subscriptionPath}/write?consistency=&db=telegraf&precision=ns&rp=autogen`,
    login: "none",
    body: "cpu,host=a usage_idle=99 1700000000000000000\n",
    expect: { status: 204 },
    why: "its address is in subscription-allow-cidrs; Kapacitor took the point",
  },
  {
    what: "a write from nobody",
    method: "POST",
    path: "/write?db=telegraf&rp=autogen",
    login: "none",
    body: "cpu,host=a usage_idle=99 1700000000000000000\n",
    expect: { status: 401, reason: "credentials_required" },
    why: "",
  },
  {
    what: "deleting is always allowed",
    method: "DELETE",
    path: "/kapacitor/v1/tasks/kapgate-demo",
    login: "right",
    expect: { status: 204 },
    why: "Kapacitor deleted the task",
  },
  {
    what: "a Kapacitor that is down",
    method: "GET",
    path: "/kapacitor/v1/ping",
    login: "right",
    headers: { host: deadHost },
    expect: { status: 502, reason: "upstream_unreachable" },
    why: "",
  },
];

/** Sends one. Rejects when there is no answer at all. */
export function send(target: DemoTarget, demo: DemoRequest): Promise<DemoAnswer> {
  const password = demo.login === "wrong" ? `${target.password}x` : target.password;
  const body = demo.body ?? "";
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port: target.port,
        servername: "localhost",
        ca: readFileSync(target.caFile),
        method: demo.method,
        path: demo.path,
        localAddress: demo.from ?? "127.0.0.1",
        agent: false,
        timeout: 10_000,
        headers: {
          host: "localhost",
          ...demo.headers,
          ...(demo.login === "none"
            ? {}
            : { authorization: `Basic ${Buffer.from(`${target.user}:${password}`).toString("base64")}` }),
          ...(body === "" ? {} : { "content-length": Buffer.byteLength(body) }),
        },
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => {
          text += chunk;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: text }));
        answer.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 10s")));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
