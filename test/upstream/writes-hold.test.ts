import t from "tap";
import { answer, startQueue } from "./fake-link.ts";

t.test("writes are held in order while Kapacitor does not accept connections", async (t) => {
  const { write, at, sent, kapacitor, time, queue } = startQueue();
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
  const { write, sent, kapacitor, time, queue } = startQueue();
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
  const { write, kapacitor } = startQueue({ holdMs: 0 });
  kapacitor.up = false;
  t.same(write("a v=1\n").outcome, ["upstream_unreachable ECONNREFUSED"]);
  kapacitor.up = true;
  t.same(write("b v=1\n").outcome, []);
});

t.test("what waits when the gateway stops is told so, and what is out gets its answer", async (t) => {
  const { write, at, queue } = startQueue();
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

t.test("what cannot be sent while the gateway stops does not wait for Kapacitor", async (t) => {
  const { write, queue, sent, kapacitor, time } = startQueue();
  kapacitor.up = false;
  const held = write("a v=1\n");
  kapacitor.connecting = true;
  await time.advance(100);
  queue.refuseWaiting();
  t.same(held.outcome, [], "it is on its way");
  kapacitor.connecting = false;
  kapacitor.refuse();
  t.same(held.outcome, ["draining undefined"]);
  await queue.idle();
  t.equal(sent.length, 0);
});

t.test("a write that still arrives counts as one that is left", async (t) => {
  const { queue } = startQueue();
  t.equal(queue.reserve(100), true);
  let idle = false;
  const settled = queue.idle().then(() => {
    idle = true;
  });
  await Promise.resolve();
  t.equal(idle, false);
  queue.release(100);
  await settled;
});
