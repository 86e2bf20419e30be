import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import t from "tap";
import { deny } from "../../src/core/decision.ts";
import type { UpstreamFailure } from "../../src/upstream/failure.ts";
import { WriteQueue, type WriteQueueOptions } from "../../src/upstream/writes.ts";
import type { ClientWrite, UpstreamClock } from "../../src/upstream/writes-carrier.ts";
import type { WriteEvents, WriteLink, WriteRequest } from "../../src/upstream/writes-link.ts";
import { createFakeTime } from "../credentials/fake-time.ts";

/** A request that the queue sent, to be answered by the test. */
interface Sent {
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
const reset: UpstreamFailure = {
  kind: "failure",
  unsent: false,
  decision: deny("upstream_reset"),
  cause: "ECONNRESET",
};

function answer(sent: Sent, status: number, body = ""): void {
  sent.events.head(status, "", ["Request-Id", "theirs", "X-Kapacitor-Version", "1.8.3"], pace);
  if (body !== "") sent.events.data(Buffer.from(body), pace);
  sent.events.end();
}

/** A queue over a link that connects at once while `up` holds. */
function start(options: Partial<WriteQueueOptions> = {}) {
  const time = createFakeTime();
  const sent: Sent[] = [];
  const kapacitor = { up: true };
  const link: WriteLink = {
    send: (request, events) => {
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

t.test("a write on its own passes as it is, and so does its answer", async (t) => {
  const { write, at } = start();
  const { outcome } = write("m v=1");
  t.equal(at(0).body, "m v=1");
  t.same(at(0).request.headers, ["x-own", "m v=1"]);
  answer(at(0), 400, "unable to parse");
  t.same(outcome, ["400", "unable to parse", "end"]);
});

t.test("those that leave together get the answer of the write that carried them", async (t) => {
  const { write, at, sent, queue } = start();
  write("a v=1\n");
  const joined = [write("b v=1"), write("c v=1\n"), write("d v=1")];
  answer(at(0), 204);
  t.equal(at(1).body, "b v=1\nc v=1\nd v=1\n");
  t.same(at(1).request.headers, ["x-shared", "yes"], "nothing of any one of them");
  answer(at(1), 204);
  for (const { outcome } of joined) t.same(outcome, ["204 shared", "end"]);
  t.equal(sent.length, 2);
  t.match(queue.status(), { requests: 2, writes: 4, out: 0, waitingBytes: 0 });
});

t.test("a refusal of many is repeated one body at a time", async (t) => {
  const { write, at, sent } = start();
  write("a v=1\n");
  const [good, bad, other] = [write("b v=1\n"), write("bad\n"), write("c v=1")];
  answer(at(0), 204);
  answer(at(1), 400, "unable to parse 'bad'");
  t.same(
    sent.slice(2).map(({ body }) => body),
    ["b v=1\n", "bad\n", "c v=1"],
  );
  answer(at(3), 400, "unable to parse 'bad'");
  answer(at(4), 204);
  answer(at(2), 204);
  t.same(good?.outcome, ["204", "end"]);
  t.same(bad?.outcome, ["400", "unable to parse 'bad'", "end"]);
  t.same(other?.outcome, ["204", "end"]);
});

t.test("what may have been stored is never sent again", async (t) => {
  for (const [how, fail, expected] of [
    ["a reset", (sent: Sent) => sent.events.fail(reset), ["upstream_reset ECONNRESET"]],
    ["a 500", (sent: Sent) => answer(sent, 500, "closed"), ["500 shared", "closed", "end"]],
    ["a 401", (sent: Sent) => answer(sent, 401, "no"), ["upstream_unauthorized undefined"]],
  ] as const) {
    const { write, at, sent } = start();
    write("a v=1\n");
    const joined = [write("b v=1\n"), write("c v=1\n")];
    answer(at(0), 204);
    fail(at(1));
    for (const { outcome } of joined) t.same(outcome, expected, how);
    t.equal(sent.length, 2, how);
  }
});

t.test("an endless answer to many is a failure and no memory", async (t) => {
  const { write, at } = start();
  write("a v=1\n");
  const { outcome } = write("b v=1\n");
  write("c v=1\n");
  answer(at(0), 204);
  answer(at(1), 500, "x".repeat(70_000));
  t.match(outcome, [/^upstream_reset/]);
});

t.test("writes are held in order while Kapacitor does not accept connections", async (t) => {
  const { write, at, sent, kapacitor, time, queue } = start();
  kapacitor.up = false;
  const first = write("a v=1\n");
  const alone = write("b v=1\n", "");
  write("c v=1\n");
  write("d v=1\n");
  t.equal(queue.status().held, 4);
  await time.advance(9000);
  t.equal(sent.length, 0);
  t.same(first.outcome, []);
  kapacitor.up = true;
  await time.advance(100);
  t.same(
    sent.map(({ body }) => body),
    ["a v=1\n", "b v=1\n"],
  );
  answer(at(0), 204);
  t.equal(at(2).body, "c v=1\nd v=1\n");
  answer(at(1), 204);
  t.same(first.outcome, ["204", "end"]);
  t.same(alone.outcome, ["204", "end"]);
  t.equal(queue.status().held, 0);
});

t.test("after write-hold a write is refused, and the next one tries anew", async (t) => {
  const { write, sent, kapacitor, time, queue } = start();
  kapacitor.up = false;
  const first = write("a v=1\n");
  await time.advance(5000);
  const second = write("b v=1\n");
  await time.advance(5000);
  t.same(first.outcome, ["upstream_unreachable ECONNREFUSED"]);
  t.same(second.outcome, []);
  await time.advance(5000);
  t.same(second.outcome, ["upstream_unreachable ECONNREFUSED"]);
  t.match(queue.status(), { held: 0, waitingBytes: 0 });
  kapacitor.up = true;
  write("c v=1\n");
  t.equal(sent.length, 1, "at once");
  await time.advance(1000);
  t.equal(time.pending(), 1, "nothing but the time of the write runs");
});

t.test("without write-hold a write is refused at once", async (t) => {
  const { write, kapacitor } = start({ holdMs: 0 });
  kapacitor.up = false;
  t.same(write("a v=1\n").outcome, ["upstream_unreachable ECONNREFUSED"]);
  kapacitor.up = true;
  t.same(write("b v=1\n").outcome, []);
});

t.test("write-timeout counts from the end of the body and includes the wait", async (t) => {
  const { write, at, sent, time } = start();
  const first = write("a v=1\n");
  await time.advance(15_000);
  const [second, third] = [write("b v=1\n"), write("c v=1\n")];
  await time.advance(5000);
  t.same(first.outcome, ["upstream_timeout write-timeout"]);
  t.equal(at(0).aborted, true, "nobody waits for it any more");
  t.equal(at(1).body, "b v=1\nc v=1\n");
  await time.advance(15_000);
  t.same(second?.outcome, ["upstream_timeout write-timeout"]);
  t.same(third?.outcome, ["upstream_timeout write-timeout"]);
  t.equal(sent.length, 2);
});

t.test("one client's time may be over before that of those it left with", async (t) => {
  const { write, at, time } = start();
  write("a v=1\n");
  const early = write("b v=1\n");
  await time.advance(10_000);
  const late = write("c v=1\n");
  answer(at(0), 204);
  await time.advance(10_000);
  t.same(early.outcome, ["upstream_timeout write-timeout"]);
  t.equal(at(1).aborted, false);
  answer(at(1), 204);
  t.same(late.outcome, ["204 shared", "end"]);
  t.same(early.outcome, ["upstream_timeout write-timeout"], "answered once");
});

t.test("memory for writes is bounded", async (t) => {
  const { write, at, queue } = start({ limits: { waitingBytes: 300 } });
  write("a v=1\n");
  const waiting = [write("b v=1\n"), write("c v=1\n"), write("d v=1\n")];
  t.same(write("e v=1\n").outcome, ["no room"]);
  answer(at(0), 204);
  t.same(write("f v=1\n").outcome, []);
  answer(at(1), 204);
  for (const { outcome } of waiting) t.same(outcome, ["204 shared", "end"]);
  t.equal(queue.status().waitingBytes, 0);
});

t.test("requests out are bounded, those with streamed bodies apart", async (t) => {
  const { write, at, sent, queue } = start({ limits: { requests: 2, streams: 1 } });
  for (const name of ["a", "b", "c"]) write(`${name} v=1\n`, "");
  t.equal(sent.length, 2);
  const outcome: string[] = [];
  let opened = 0;
  const streamed = (): ClientWrite => ({
    path: "/write",
    headers: [],
    sharedHeaders: [],
    key: undefined,
    body: {
      open: (clock: UpstreamClock) => {
        opened += 1;
        clock.run();
        return Readable.from(["x"]);
      },
    },
    reserved: 0,
    begin: () => {},
    data: () => {},
    end: () => outcome.push("end"),
    fail: () => outcome.push("fail"),
  });
  queue.submit(streamed());
  queue.submit(streamed());
  t.equal(sent.length, 3);
  t.equal(opened, 1, "nothing is read of a body whose turn has not come");
  answer(at(2), 204);
  t.equal(opened, 2);
  answer(at(0), 204);
  t.equal(at(4).body, "c v=1\n");
});

t.test("what waits when the gateway stops is told so, and what is out gets its answer", async (t) => {
  const { write, at, queue } = start();
  const out = write("a v=1\n");
  const waiting = write("b v=1\n");
  let idle = false;
  const settled = queue.idle().then(() => {
    idle = true;
  });
  queue.refuseWaiting();
  t.same(waiting.outcome, ["draining undefined"]);
  t.same(write("c v=1\n").outcome, ["draining undefined"]);
  await Promise.resolve();
  t.equal(idle, false);
  answer(at(0), 204);
  t.same(out.outcome, ["204", "end"]);
  await settled;
  t.equal(queue.status().waitingBytes, 0);
});
