import t from "tap";
import { createGroupCommit, type Group, type Groupable } from "../../src/upstream/group-commit.ts";
import { createRandom } from "../support/line-bodies.ts";

interface Write extends Groupable<Write> {
  readonly name: string;
}

const write = (name: string, key = "k", bytes = 1): Write => ({ name, key, bytes, group: undefined });
const loner = (name: string): Write => ({ name, key: undefined, bytes: 1, group: undefined });

const names = (group: Group<Write> | undefined): string =>
  group === undefined ? "-" : group.writes.map(({ name }) => name).join("");

const create = (limits: { groupBytes?: number; groupWrites?: number } = {}) =>
  createGroupCommit<Write>({ groupBytes: 100, groupWrites: 10, ...limits });

function take(commit: ReturnType<typeof create>): Group<Write> {
  const group = commit.take();
  if (group === undefined) throw new Error("nothing to take");
  return group;
}

t.test("a write leaves at once when nothing of its key is out", async (t) => {
  const commit = create();
  commit.add(write("a"));
  t.equal(names(commit.take()), "a");
  t.equal(names(commit.take()), "-");
});

t.test("what comes while a write is out waits for it and leaves together", async (t) => {
  const commit = create();
  commit.add(write("a"));
  const out = take(commit);
  for (const name of "bcd") commit.add(write(name));
  t.equal(names(commit.take()), "-");
  commit.finish(out);
  t.equal(names(commit.take()), "bcd");
});

t.test("keys do not wait for each other, nor do writes that travel alone", async (t) => {
  const commit = create();
  commit.add(write("a", "k"));
  take(commit);
  commit.add(write("b", "k"));
  commit.add(write("c", "other"));
  commit.add(loner("d"));
  commit.add(loner("e"));
  t.same(
    [names(commit.take()), names(commit.take()), names(commit.take()), names(commit.take())],
    ["c", "d", "e", "-"],
  );
});

t.test("a group that is full leaves without waiting", async (t) => {
  const commit = create({ groupWrites: 2 });
  commit.add(write("a"));
  take(commit);
  for (const name of "bcdef") commit.add(write(name));
  t.same([names(commit.take()), names(commit.take()), names(commit.take())], ["bc", "de", "-"]);
});

t.test("bodies past the limit in bytes make a group of their own", async (t) => {
  const commit = create({ groupBytes: 10 });
  commit.add(write("a"));
  const out = take(commit);
  commit.add(write("b", "k", 6));
  commit.add(write("c", "k", 4));
  commit.add(write("d", "k", 1));
  commit.add(write("e", "k", 50));
  t.same([names(commit.take()), names(commit.take()), names(commit.take())], ["bc", "d", "-"]);
  commit.finish(out);
  t.equal(names(commit.take()), "-", "others of the key are still out");
});

t.test("writes join a group that is ready but has not left", async (t) => {
  const commit = create();
  for (const name of "abc") commit.add(write(name));
  t.equal(names(commit.take()), "abc");
});

t.test("a group that comes back keeps its turn and is joined by nobody", async (t) => {
  const commit = create();
  commit.add(write("a"));
  const first = take(commit);
  commit.add(loner("b"));
  const second = take(commit);
  commit.add(write("c"));
  commit.add(loner("d"));
  commit.giveBack(second);
  commit.giveBack(first);
  commit.add(write("e"));
  t.same([names(take(commit)), names(take(commit)), names(take(commit)), names(commit.take())], ["a", "b", "d", "-"]);
  commit.finish(first);
  t.equal(names(commit.take()), "ce");
});

t.test("writes that go again go alone and first", async (t) => {
  const commit = create();
  commit.add(write("a"));
  const out = take(commit);
  const [b, c] = [write("b"), write("c")];
  commit.add(b);
  commit.add(c);
  commit.add(loner("d"));
  commit.again(b);
  commit.again(c);
  commit.finish(out);
  t.same([names(commit.take()), names(commit.take()), names(commit.take())], ["b", "c", "d"]);
});

t.test("a write that waits no longer is out of its group, and an empty group holds nothing up", async (t) => {
  const commit = create();
  const [a, b, c] = [write("a"), write("b"), write("c")];
  commit.add(a);
  const out = take(commit);
  commit.add(b);
  commit.add(c);
  commit.remove(b);
  t.same(commit.waiting(), [c]);
  commit.remove(c);
  commit.finish(out);
  t.equal(commit.hasReady(), false);
  commit.add(a);
  commit.remove(a);
  commit.add(b);
  t.equal(names(commit.take()), "b");
});

t.test("whatever comes, leaves, returns and gives up: nothing is lost, doubled or overtaken", async (t) => {
  const seed = Date.now() % 2 ** 31;
  const random = createRandom(seed);
  const commit = create({ groupBytes: 20, groupWrites: 4 });
  const waiting = new Set<string>();
  const out: Group<Write>[] = [];
  const last = new Map<string, number>();
  let number = 0;
  const step = (): void => {
    const chance = random();
    if (chance < 0.45) {
      const name = String(++number);
      const added = random() < 0.2 ? loner(name) : write(name, `k${Math.floor(random() * 3)}`, random() * 12);
      waiting.add(added.name);
      commit.add(added);
    } else if (chance < 0.7) {
      const group = commit.take();
      if (group === undefined) return;
      if (group.writes.length > 4) throw new Error("a group is too large");
      for (const { name, key } of group.writes) {
        if (!waiting.delete(name)) throw new Error(`${name} left twice`);
        if (key === undefined) continue;
        if ((last.get(key) ?? 0) > Number(name)) throw new Error(`${name} was overtaken`);
        last.set(key, Number(name));
      }
      out.push(group);
    } else if (chance < 0.95) {
      const [group] = out.splice(Math.floor(random() * out.length), 1);
      if (group !== undefined) commit.finish(group);
    } else {
      const [any] = commit.waiting();
      if (any === undefined) return;
      commit.remove(any);
      waiting.delete(any.name);
    }
  };
  for (let count = 0; count < 20_000; count += 1) step();
  while (out.length > 0 || commit.hasReady()) {
    for (const group of out.splice(0)) commit.finish(group);
    const group = commit.take();
    if (group === undefined) continue;
    for (const { name } of group.writes) waiting.delete(name);
    out.push(group);
  }
  t.same([...waiting], [], `seed ${seed}`);
  t.same(commit.waiting(), [], `seed ${seed}`);
});
