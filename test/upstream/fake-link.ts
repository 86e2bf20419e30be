import { Buffer } from "node:buffer";
import { deny } from "../../src/core/decision.ts";
import type { UpstreamFailure } from "../../src/upstream/failure.ts";
import { WriteQueue } from "../../src/upstream/writes.ts";
import type { ClientWrite } from "../../src/upstream/writes-carrier.ts";
import type { WriteQueueOptions } from "../../src/upstream/writes-limits.ts";
import type { WriteEvents, WriteLink, WriteRequest } from "../../src/upstream/writes-link.ts";
import { createFakeTime } from "../credentials/fake-time.ts";

/** A request that the queue sent, to be answered by the test. */
export interface Sent {
  readonly request: WriteRequest;
  readonly events: WriteEvents;
  readonly body: string;
  aborted: boolean;
}

const pace = { pause: () => {}, resume: () => {} };
const refused: UpstreamFailure = {
  kind: "failure",
  unsent: true,
  decision: deny("upstream_unreachable"),
  cause: "ECONNREFUSED",
};
export const reset: UpstreamFailure = {
  kind: "failure",
  unsent: false,
  decision: deny("upstream_reset"),
  cause: "ECONNRESET",
};

export function answer(sent: Sent, status: number, body = ""): void {
  sent.events.head(status, "", ["Request-Id", "theirs", "X-Kapacitor-Version", "1.8.3"], pace);
  if (body !== "") sent.events.data(Buffer.from(body), pace);
  sent.events.end();
}

/** A queue over a link that connects at once while `up` holds. */
export function startQueue(options: Partial<WriteQueueOptions> = {}) {
  const time = createFakeTime();
  const sent: Sent[] = [];
  const refusals: (() => void)[] = [];
  const kapacitor = {
    up: true,
    /** Neither accepts connections nor refuses them. */
    connecting: false,
    refuse: () => {
      for (const refuse of refusals.splice(0)) refuse();
    },
  };
  const link: WriteLink = {
    send: (request, events) => {
      if (kapacitor.connecting) {
        refusals.push(() => events.fail(refused));
        return () => {};
      }
      if (!kapacitor.up) {
        events.fail(refused);
        return () => {};
      }
      const body = Buffer.isBuffer(request.body) ? request.body.toString() : "(stream)";
      const entry: Sent = { request, events, body, aborted: false };
      sent.push(entry);
      events.sent();
      return () => {
        entry.aborted = true;
        events.fail(reset);
      };
    },
    close: () => {},
  };
  const queue = new WriteQueue(link, { holdMs: 10_000, timeoutMs: 20_000, ...time, ...options });
  const write = (body: string, key: string | undefined = "k"): { readonly outcome: string[] } => {
    const outcome: string[] = [];
    const client: ClientWrite = {
      path: "/write?db=d",
      headers: ["x-own", body],
      sharedHeaders: ["x-shared", "yes"],
      key: key === "" ? undefined : key,
      body: Buffer.from(body),
      reserved: 100,
      begin: (head) => outcome.push(`${head.status}${head.shared ? " shared" : ""}`),
      data: (chunk) => outcome.push(chunk.toString()),
      end: () => outcome.push("end"),
      fail: (decision, cause) => outcome.push(`${decision.reason} ${cause}`),
    };
    if (!queue.reserve(100)) outcome.push("no room");
    else queue.submit(client);
    return { outcome };
  };
  const at = (index: number): Sent => {
    const entry = sent[index];
    if (entry === undefined) throw new Error(`only ${sent.length} requests were sent`);
    return entry;
  };
  return { time, sent, kapacitor, queue, write, at };
}
