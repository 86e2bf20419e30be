import t, { type Test } from "tap";
import { type Standin, type StandinRequest, startStandin } from "../../src/standin/server.ts";
import { type Answer, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { type Call, type Case, deadlyGroup, fill, groups, routeGroup } from "./flow-cases.ts";
import { instances, resolve } from "./flow-policies.ts";
import { kindGroup } from "./kind-cases.ts";

interface Surroundings {
  readonly standin: Standin;
  readonly gateway: TestGateway;
}

/** A Kapacitor, and a gateway with one instance for each policy in front of it; with `report` each of them in that mode. */
async function start(test: { teardown(end: () => Promise<void>): void }, report = false): Promise<Surroundings> {
  const standin = await startStandin();
  test.teardown(() => standin.close());
  const gateway = await startTestGateway(instances(standin.url, report), { http: "auth-enabled = false", resolve });
  test.teardown(() => gateway.close());
  return { standin, gateway };
}

let runs = 0;

/** Stores what the case has stored, sends its request through the gateway; the requests are those that reached Kapacitor, the gateway's own look-ups aside. */
async function run(surroundings: Surroundings, entry: Case) {
  const { standin, gateway } = surroundings;
  const words = {
    "§": String(++runs),
    GATEWAY: String(gateway.port),
    UPSTREAM: String(standin.port),
  };
  for (const call of entry.stored) await store(standin, fill(call, words));
  const call = fill(entry.call, words);
  const before = standin.requests.length;
  const answer = await gateway.request(call.method, call.path, {
    headers: { host: `${entry.instance}.policy.test`, ...entry.headers },
    ...(call.body === undefined ? {} : { body: call.body }),
  });
  const reached = standin.requests
    .slice(before)
    .filter(({ method, target }) => (method === "GET" ? call.method === "GET" && target === call.path : true));
  /** Where what was stored before is. */
  const places = entry.stored
    .map((stored) => fill(stored, words))
    .flatMap(({ path, body }) => {
      const id: unknown = body === undefined ? undefined : JSON.parse(body.toString("utf8")).id;
      return typeof id === "string" ? [`${path}/${id}`] : [];
    });
  return { call, answer, reached, places };
}

/** Switching off and taking away always pass, whatever is refused otherwise. */
async function clear(t: Test, { gateway }: Surroundings, entry: Case, places: readonly string[]): Promise<void> {
  const headers = { host: `${entry.instance}.policy.test` };
  for (const place of places.toReversed()) {
    if (place.includes("/tasks/")) {
      const disabled = await gateway.request("PATCH", place, { headers, body: '{"status":"disabled"}' });
      t.equal(disabled.status, 200, `${entry.story}: disabling what is stored passes`);
    }
    const deleted = await gateway.request("DELETE", place, { headers });
    t.equal(deleted.status, 204, `${entry.story}: deleting what is stored passes`);
  }
}

async function store(standin: Standin, { method, path, body }: Call): Promise<void> {
  const answer = await fetch(standin.url + path, { method, body: body === undefined ? null : new Uint8Array(body) });
  if (!answer.ok) throw new Error(`Kapacitor does not store that: ${await answer.text()}`);
}

function codeOf(answer: Answer): unknown {
  if (answer.headers.allow !== undefined) return "method_not_allowed";
  return answer.body.startsWith("{") ? JSON.parse(answer.body).code : undefined;
}

const statuses: Readonly<Record<string, number>> = {
  body_unparsable: 400,
  script_unparsable: 400,
  body_encoding: 415,
  bad_target: 400,
  route_unknown: 404,
  method_not_allowed: 405,
};

/** What `mode = "report"` does not lift. */
const kept: ReadonlySet<string> = new Set(["body_encoding", "bad_target", "route_unknown", "method_not_allowed"]);

/** A read may also be one of the gateway's own. */
function isAlone(reached: readonly StandinRequest[], call: Call): boolean {
  return (
    reached.every((request) => isSame(request, call)) &&
    reached.length > 0 &&
    (call.method === "GET" || reached.length === 1)
  );
}

function isSame(request: StandinRequest | undefined, call: Call): boolean {
  return (
    request !== undefined &&
    request.method === call.method &&
    request.target === call.path &&
    request.body.equals(call.body ?? Buffer.alloc(0))
  );
}

for (const { name, cases } of [...groups, deadlyGroup, routeGroup, kindGroup]) {
  t.test(`cases: ${name}`, async (t) => {
    const surroundings = await start(t);
    for (const entry of cases) {
      const { call, answer, reached, places } = await run(surroundings, entry);
      if (entry.refused === undefined) {
        t.equal(codeOf(answer), undefined, `${entry.story}: passes`);
        t.ok(isAlone(reached, call), `${entry.story}: byte for byte`);
        continue;
      }
      t.equal(codeOf(answer), entry.refused, `${entry.story}: ${answer.body}`);
      t.equal(answer.status, statuses[entry.refused] ?? 403, entry.story);
      t.strictSame(reached, [], `${entry.story}: nothing reaches Kapacitor`);
      if (entry.text !== undefined) t.match(JSON.parse(answer.body).error, entry.text, entry.story);
      await clear(t, surroundings, entry, places);
    }
  });

  t.test(`cases in report mode: ${name}`, async (t) => {
    const surroundings = await start(t, true);
    for (const entry of cases.filter(({ refused }) => refused !== undefined)) {
      const { call, answer, reached } = await run(surroundings, entry);
      const id = answer.headers["request-id"];
      const record = await surroundings.gateway.record(
        ({ request_id, upstream_request_id }) => request_id === id || upstream_request_id === id,
      );
      if (entry.refused !== undefined && kept.has(entry.refused)) {
        t.match(record, { reason: entry.refused }, entry.story);
        t.strictSame(reached, [], entry.story);
        continue;
      }
      t.match(record, { would_refuse: entry.refused, would_refuse_text: entry.text ?? /./ }, entry.story);
      t.equal(record.reason, undefined, entry.story);
      t.ok(isAlone(reached, call), `${entry.story}: byte for byte`);
    }
  });
}
