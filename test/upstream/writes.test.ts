import { Readable } from "node:stream";
import t from "tap";
import type { ClientWrite, UpstreamClock } from "../../src/upstream/writes-carrier.ts";
import { answer, reset, type Sent, startQueue } from "./fake-link.ts";

t.test("a write on its own passes as it is, and so does its answer", async (t) => {
  const { write, at } = startQueue();
  const { outcome } = write("m v=1");
  t.equal(at(0).body, "m v=1");
  t.same(at(0).request.headers, ["x-own", "m v=1"]);
  answer(at(0), 400, "unable to parse");
  t.same(outcome, ["400", "unable to parse", "end"]);
});

t.test("those that leave together get the answer of the write that carried them", async (t) => {
  const { write, at, sent, queue } = startQueue();
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
  const { write, at, sent } = startQueue();
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
    const { write, at, sent } = startQueue();
    write("a v=1\n");
    const joined = [write("b v=1\n"), write("c v=1\n")];
    answer(at(0), 204);
    fail(at(1));
    for (const { outcome } of joined) t.same(outcome, expected, how);
    t.equal(sent.length, 2, how);
  }
});

t.test("an endless answer to many is a failure and no memory", async (t) => {
  const { write, at } = startQueue();
  write("a v=1\n");
  const { outcome } = write("b v=1\n");
  write("c v=1\n");
  answer(at(0), 204);
  answer(at(1), 500, "x".repeat(70_000));
  t.match(outcome, [/^upstream_reset/]);
});

t.test("write-timeout counts from the end of the body and includes the wait", async (t) => {
  const { write, at, sent, time } = startQueue();
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
  const { write, at, time } = startQueue();
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
  const { write, at, queue } = startQueue({ limits: { waitingBytes: 300 } });
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
  const { write, at, sent, queue } = startQueue({ limits: { requests: 2, streams: 1 } });
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
