import t, { type Test } from "tap";
import { type HandlerKindName, topicHandlerKind } from "../../src/core/alert-handlers.ts";
import { inspectScript } from "../../src/core/script-policy.ts";
import { type Call, type Case, fill, groups } from "../policy/flow-cases.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { deniedCidrs, moveAddresses, resolve } from "./addresses.ts";
import { caseOf, type Peer, snapshot, startPeer } from "./peer.ts";
import type { Sent } from "./sinks.ts";
import { normalise, program, reasonOf, skip } from "./surroundings.ts";

/** What test/policy/flow.test.ts has for each instance, with the addresses moved to loopback. */
const policies: Readonly<Record<string, { readonly keys: string; readonly disabled: readonly HandlerKindName[] }>> = {
  handlers: {
    keys: `disable-handlers = ["EXEC", "log", "httpPost", "slack", "email"]\nown-addresses = ["own.test"]`,
    disabled: ["exec", "log", "post", "slack", "smtp"],
  },
  targets: {
    keys: `deny-target-cidrs = ${JSON.stringify(deniedCidrs)}\nallow-targets = ["127.0.0.1:5000"]`,
    disabled: [],
  },
  udfs: { keys: `udfs = ["known"]`, disabled: [] },
  flux: { keys: `disable-handlers = ["exec", "log"]\nallow-flux-tasks = true`, disabled: ["exec", "log"] },
  open: { keys: "disable-handlers = []", disabled: [] },
};

const api = "/kapacitor/v1";

/** The call as number `run`, with nothing in it that would leave the test; undefined where that cannot be. */
function contained(peer: Peer, call: Call, run: number, gateway: number): Call | undefined {
  const filled = fill(call, {
    '"db":"d"': '"db":"case§"',
    "§": String(run),
    GATEWAY: String(gateway),
    UPSTREAM: new URL(peer.url).port,
  });
  if (filled.body === undefined) return filled;
  const moved = moveAddresses(filled.body.toString("latin1"));
  return moved === undefined ? undefined : { ...filled, body: Buffer.from(peer.contain(moved), "latin1") };
}

/** What the case has stored, and its request; undefined where one of them cannot be contained. */
function prepare(peer: Peer, entry: Case, run: number, gateway: number) {
  const stored = entry.stored.map((call) => contained(peer, call, run, gateway));
  const call = contained(peer, entry.call, run, gateway);
  return call === undefined || !stored.every((one) => one !== undefined) ? undefined : { stored, call };
}

/**
 * A topic that publishes to itself never does; 1.5.4 ends when an event comes to a handler of a kind that it does not know, and later ones when a task
 * starts that sideloads from nowhere.
 */
function comesToRest({ call }: Case): boolean {
  const body = call.body?.toString("latin1") ?? "";
  if (body.includes("sideload")) return false;
  const [, kind] = /"kind":"([^"]*)"/.exec(body) ?? [];
  return kind === undefined || (kind !== "publish" && topicHandlerKind(kind) !== undefined);
}

/** Lets a task publish to the topic of the case, and points come in for all of its tasks. */
async function provoke(peer: Peer, run: number): Promise<void> {
  await peer.send(
    "POST",
    `${api}/tasks`,
    JSON.stringify({
      id: `provoke${run}`,
      type: "stream",
      status: "enabled",
      dbrps: [{ db: `case${run}`, rp: "r" }],
      script: `stream|from().measurement('m')|alert().crit(lambda: TRUE).topic('ops${run}')`,
    }),
  );
  await peer.write(`case${run}`);
}

/** Where an object is that a call has created; undefined for a change of the configuration. */
function placeOf({ method, path, body }: Call): string | undefined {
  if (method !== "POST" || path.startsWith(`${api}/config`)) return undefined;
  return `${path}/${JSON.parse(body?.toString("utf8") ?? "").id}`;
}

/** Stops every task: what runs changes what may be done to templates, and the cases of one file know only of one another. */
async function rest({ send }: Peer): Promise<void> {
  const listed = await send("GET", `${api}/tasks?limit=10000&fields=id&fields=status`);
  for (const { id, status } of JSON.parse(listed.body).tasks) {
    if (status === "enabled") await send("PATCH", `${api}/tasks/${encodeURI(id)}`, '{"status":"disabled"}');
  }
}

interface Stored {
  readonly place: string;
  readonly before: string;
}

const stateOf = async (peer: Peer, place: string): Promise<string> => {
  const { body } = await peer.send("GET", `${place}?script-format=raw`);
  return normalise(body);
};

async function store(peer: Peer, calls: readonly Call[]): Promise<readonly Stored[]> {
  const stored: Stored[] = [];
  for (const { method, path, body } of calls) {
    const { status, body: text } = await peer.send(method, path, body);
    if (status !== 200 && status !== 204) throw new Error(`Kapacitor does not store that: ${status} ${text}`);
    const place = placeOf({ method, path, body });
    if (place !== undefined) stored.push({ place, before: await stateOf(peer, place) });
  }
  return stored;
}

/** What was stored before and is as it was goes away, through the gateway: disabling and deleting always pass. */
async function clear(t: Test, gateway: TestGateway, peer: Peer, entry: Case, stored: readonly Stored[]) {
  const headers = { host: `${entry.instance}.policy.test` };
  for (const { place, before } of [...stored].reverse()) {
    if ((await stateOf(peer, place)) !== before) continue;
    if (place.startsWith(`${api}/tasks/`)) {
      const disabled = await gateway.request("PATCH", place, { headers, body: '{"status":"disabled"}' });
      t.equal(disabled.status, 200, `${entry.story}: disabling ${place} passes: ${disabled.body}`);
    }
    const deleted = await gateway.request("DELETE", place, { headers });
    t.equal(deleted.status, 204, `${entry.story}: deleting ${place} passes: ${deleted.body}`);
  }
}

t.test(
  "no attack gets past the gateway into a real Kapacitor, and what passes is answered alike",
  { skip },
  async (t) => {
    const peers = new Map<string, Peer>();
    t.teardown(() => Promise.all([...peers.values()].map((peer) => peer.close())));
    for (const name of Object.keys(policies)) peers.set(name, await startPeer(program()));
    const straight = await startPeer(program());
    peers.set("straight", straight);
    const instances = Object.entries(policies).map(
      ([name, { keys }]) =>
        `[[kapacitor]]\nname = "${name}"\nurl = "${peers.get(name)?.url}"\nhosts = ["${name}.policy.test"]\n${keys}\n`,
    );
    const gateway = await startTestGateway(instances.join("\n"), {
      http: "auth-enabled = false",
      resolve,
    });
    t.teardown(() => gateway.close());

    const instanceOf = new Map<number, string>();
    let run = 0;
    let taken = 0;
    let left = 0;
    for (const [index, entry] of groups.flatMap(({ cases }) => [...cases.entries()])) {
      run++;
      if (index === 0) await Promise.all([...peers.values()].map(rest));
      const peer = peers.get(entry.instance);
      if (peer === undefined) throw new Error(`no policy for the instance ${entry.instance}`);
      if (comesToRest(entry)) instanceOf.set(run, entry.instance);

      const open = prepare(straight, entry, run, gateway.port);
      const guarded = prepare(peer, entry, run, gateway.port);
      if (open === undefined || guarded === undefined) {
        left++;
        continue;
      }
      await store(straight, open.stored);
      const expected = await straight.send(open.call.method, open.call.path, open.call.body);

      const stored = await store(peer, guarded.stored);
      const before = await snapshot(peer);
      const { call } = guarded;
      const answer = await gateway.request(call.method, call.path, {
        headers: { host: `${entry.instance}.policy.test`, ...entry.headers },
        ...(call.body === undefined ? {} : { body: call.body }),
      });
      t.equal(reasonOf(answer), entry.refused, `${entry.story}: ${answer.body}`);
      if (entry.refused === undefined) {
        t.equal(answer.status, expected.status, `${entry.story}: status ${expected.body} ${answer.body}`);
        t.equal(normalise(answer.body), normalise(expected.body), `${entry.story}: answer`);
      } else {
        if (expected.status >= 200 && expected.status < 300) taken++;
        t.equal(await snapshot(peer), before, `${entry.story}: Kapacitor is as it was`);
      }
      await clear(t, gateway, peer, entry, stored);
    }
    for (const [number, instance] of instanceOf) {
      const peer = peers.get(instance);
      if (peer === undefined) continue;
      const body = '{"status":"enabled"}';
      await straight.send("PATCH", `${api}/tasks/t${number}`, body);
      await gateway.request("PATCH", `${api}/tasks/t${number}`, { headers: { host: `${instance}.policy.test` }, body });
      await Promise.all([provoke(straight, number), provoke(peer, number)]);
    }

    const cases = (fired: readonly Sent[], kind: string) =>
      new Set(fired.filter((sent) => sent.kind === kind).map(caseOf)).size;
    const fired = await straight.settle(10_000, (now) => cases(now, "exec") >= 40 && cases(now, "slack") > 0);
    t.ok(cases(fired, "exec") >= 40, `sent straight to Kapacitor, ${cases(fired, "exec")} cases run the program`);
    t.ok(cases(fired, "slack") > 0, "and one of them tells slack");
    t.ok(left <= 8, `${left} cases have addresses that cannot be led to loopback`);
    t.ok(taken >= 140, `Kapacitor takes ${taken} of the requests that the gateway refuses`);

    for (const [name, { disabled }] of Object.entries(policies)) {
      const peer = peers.get(name);
      if (peer === undefined) continue;
      const seen = (await peer.fired()).filter(({ kind }) => (disabled as readonly string[]).includes(kind));
      t.strictSame(seen, [], `${name}: no disabled handler has done anything`);
      await nothingStored(t, peer, new Set(disabled));
    }
  },
);

/** No script that uses one of the kinds, no topic handler of one. */
async function nothingStored(t: Test, { send }: Peer, disabled: ReadonlySet<HandlerKindName>): Promise<void> {
  const read = async (path: string) => JSON.parse((await send("GET", `${api}/${path}`)).body);
  const { tasks } = await read("tasks?limit=10000&script-format=raw&fields=id&fields=script");
  const { templates } = await read("templates?limit=10000&script-format=raw&fields=id&fields=script");
  for (const { id, script } of [...tasks, ...templates]) {
    const report = inspectScript(script, { disabled, udfs: new Set() });
    t.match(report, { ok: true, findings: [] }, `${id}: ${script}`);
  }
  for (const { id } of (await read("alerts/topics")).topics) {
    const { handlers } = await read(`alerts/topics/${encodeURIComponent(id)}/handlers`);
    for (const { kind } of handlers) t.notOk(disabled.has(kind), `topic ${id}: ${kind}`);
  }
}
