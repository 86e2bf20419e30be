import { randomBytes } from "node:crypto";
import t, { type Test } from "tap";
import { createInfluxClient } from "../../src/influxdb/client.ts";
import {
  createSubscriptionTokens,
  type Destination,
  type SubscriptionTokens,
  type TokenUse,
} from "../../src/influxdb/subscriptions.ts";
import { type FakeInfluxdb, root, startFakeInfluxdb } from "./fake-influxdb.ts";

interface Bench {
  readonly influxdb: FakeInfluxdb;
  readonly tokens: SubscriptionTokens;
  readonly polls: () => number;
  readonly causes: readonly (string | undefined)[];
}

/** Makes a token as Kapacitor does (services/influxdb/service.go generateRandomToken). */
function makeToken(): string {
  return Buffer.concat([Buffer.from("default;"), randomBytes(64)]).toString("base64url");
}

const here = (): boolean => true;
const use = (token: string, db = "db", rp = "autogen"): TokenUse => ({ token, db, rp });

async function start(t: Test, subscriptions: Record<string, string[]>, distanceMs = 0): Promise<Bench> {
  const influxdb = await startFakeInfluxdb();
  for (const [name, destinations] of Object.entries(subscriptions)) influxdb.subscriptions.set(name, destinations);
  const { name: username, password } = root;
  const client = createInfluxClient({
    url: influxdb.url,
    username,
    password,
    ca: undefined,
    insecureSkipVerify: false,
  });
  const causes: (string | undefined)[] = [];
  const tokens = createSubscriptionTokens(client, {
    pollMs: 3_600_000,
    distanceMs,
    onPoll: (cause) => causes.push(cause),
  });
  t.teardown(async () => {
    tokens.stop();
    client.destroy();
    await influxdb.close();
  });
  return { influxdb, tokens, causes, polls: () => influxdb.questions.length };
}

t.test("a token counts for its database and retention policy, and only as it is", async (t) => {
  const token = makeToken();
  const { tokens } = await start(t, { "db.autogen": [`https://~subscriber:${token}@gateway:9443/path`] });
  t.notOk(tokens.isKnown(use(token), here), "nothing is known before InfluxDB has answered");
  t.equal(await tokens.refresh(), "fresh");
  t.ok(tokens.isKnown(use(token), here));
  t.notOk(tokens.isKnown(use(token, "other"), here));
  t.notOk(tokens.isKnown(use(token, "db", "week"), here));
  t.notOk(tokens.isKnown(use(token, "db", ""), here));
  t.notOk(tokens.isKnown(use(token, "db.autogen", ""), here));
  t.notOk(tokens.isKnown(use("", "db"), here));
  t.notOk(tokens.isKnown(use(`${token}=`), here));
  t.notOk(tokens.isKnown(use(token.slice(0, -1)), here));
  for (let index = 0; index < token.length; index++) {
    const changed = token.slice(0, index) + (token[index] === "A" ? "B" : "A") + token.slice(index + 1);
    if (tokens.isKnown(use(changed), here)) t.fail(`byte ${index} does not count`);
  }
  t.notOk(
    tokens.isKnown(use(token), () => false),
    "nor where it does not lead",
  );
});

t.test("what a destination says of itself", async (t) => {
  const rows: readonly [destination: string, token: string, leadsTo: Destination | undefined][] = [
    ["https://~subscriber:t@gateway:9443", "t", { host: "gateway:9443", path: "" }],
    ["http://~subscriber:t@10.0.0.7:9092/", "t", { host: "10.0.0.7:9092", path: "" }],
    ["https://~subscriber:t@GateWay/path/behind//", "t", { host: "gateway", path: "/path/behind" }],
    ["https://~subscriber:t@[::1]:9443/p%20q", "t", { host: "[::1]:9443", path: "/p%20q" }],
    ["https://~subscriber:a%3Bb%3D@h", "a;b=", { host: "h", path: "" }],
    ["https://~subscriber:a;b=@h", "a;b=", { host: "h", path: "" }],
    ["https://%7Esubscriber:t@h", "t", undefined],
    ["https://~subscriber:@h", "", undefined],
    ["https://~subscriber@h", "", undefined],
    ["https://admin:t@h", "t", undefined],
    ["https://h", "", undefined],
    ["udp://~subscriber:t@h:9100", "t", undefined],
    ["no URL", "", undefined],
    ["https://~subscriber:%ff@h", "\ufffd", undefined],
  ];
  for (const [destination, token, leadsTo] of rows) {
    const { tokens } = await start(t, { "db.autogen": [destination] });
    await tokens.refresh();
    const seen: Destination[] = [];
    const known = tokens.isKnown(use(token), ({ host, path }) => seen.push({ host, path }) > 0);
    t.equal(known, leadsTo !== undefined, destination);
    t.strictSame(seen, leadsTo === undefined ? [] : [leadsTo], destination);
  }
});

t.test("several databases, policies and destinations", async (t) => {
  const [one, two, three] = [makeToken(), makeToken(), makeToken()];
  const { tokens } = await start(t, {
    "a.autogen": [`http://~subscriber:${one}@x`, `http://~subscriber:${two}@y`],
    "a.week": [`http://~subscriber:${three}@x`],
    "b.autogen": ["http://plain:9092"],
  });
  await tokens.refresh();
  t.equal(tokens.status().subscriptions, 3);
  t.ok(tokens.isKnown(use(one, "a"), here));
  t.ok(tokens.isKnown(use(two, "a"), here));
  t.notOk(tokens.isKnown(use(three, "a"), here));
  t.ok(tokens.isKnown(use(three, "a", "week"), here));
  t.notOk(tokens.isKnown(use(one, "b"), here));
  t.notOk(
    tokens.isKnown(use(one, "a"), ({ host }) => host === "y"),
    "each with its own destination",
  );
});

t.test("a refresh sees what there was when it was asked for, and callers share it", async (t) => {
  const { tokens, influxdb, polls } = await start(t, {}, 20);
  await tokens.refresh();
  const before = polls();
  const generation = tokens.generation();
  const first = Array.from({ length: 100 }, () => tokens.refresh());
  const token = makeToken();
  influxdb.subscriptions.set("db.autogen", [`http://~subscriber:${token}@h`]);
  t.strictSame(new Set(await Promise.all(first)), new Set(["fresh"]));
  t.equal(polls(), before + 1, "one poll for a hundred");
  t.equal(tokens.generation(), generation + 1);
  await tokens.refresh();
  t.ok(tokens.isKnown(use(token), here));
  influxdb.subscriptions.clear();
  await tokens.refresh();
  t.notOk(tokens.isKnown(use(token), here), "a dropped subscription is gone with one poll");
});

t.test("one that comes while a poll is under way waits for another one", async (t) => {
  const { tokens, influxdb } = await start(t, {});
  await tokens.refresh();
  let release = () => {};
  influxdb.mood = (response) => {
    release = () => response.end('{"results":[{}]}');
  };
  const running = tokens.refresh();
  while (influxdb.questions.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
  const token = makeToken();
  influxdb.subscriptions.set("db.autogen", [`http://~subscriber:${token}@h`]);
  const later = tokens.refresh();
  influxdb.mood = "well";
  release();
  t.equal(await running, "fresh");
  t.notOk(tokens.isKnown(use(token), here), "the older answer does not have it");
  t.equal(await later, "fresh");
  t.ok(tokens.isKnown(use(token), here));
});

t.test("while InfluxDB cannot be asked known tokens stay, others are not known", async (t) => {
  const token = makeToken();
  const { tokens, influxdb, causes } = await start(t, { "db.autogen": [`http://~subscriber:${token}@h`] });
  await tokens.refresh();
  const moods: readonly [mood: FakeInfluxdb["mood"], cause: RegExp][] = [
    ["down", /./],
    [(response) => response.writeHead(401).end(), /refused the credentials/],
    [(response) => response.writeHead(403).end('{"error":"not allowed"}'), /not allowed/],
    [(response) => response.end("<html>"), /not JSON/],
    [(response) => response.end('{"results":[{"error":"no"}]}'), /no/],
  ];
  for (const [mood, cause] of moods) {
    influxdb.mood = mood;
    const generation = tokens.generation();
    t.equal(await tokens.refresh(), "unavailable");
    t.match(tokens.status().cause, cause);
    t.match(causes.at(-1), cause);
    t.equal(tokens.generation(), generation);
    t.ok(tokens.isKnown(use(token), here), String(cause));
    t.notOk(tokens.isKnown(use(makeToken()), here));
  }
  influxdb.mood = "well";
  t.equal(await tokens.refresh(), "fresh");
  t.equal(causes.at(-1), undefined);
});

t.test("what waits is bounded, and nobody waits for a list that is no longer asked for", async (t) => {
  const { tokens, influxdb } = await start(t, {});
  await tokens.refresh();
  influxdb.mood = "silent";
  const waiting = Array.from({ length: 1001 }, () => tokens.refresh());
  t.equal(await waiting[1000], "overloaded");
  influxdb.mood = "down";
  tokens.stop();
  for (const outcome of waiting) outcome.catch(() => {});
  t.equal(await tokens.refresh().then((outcome) => outcome !== "fresh"), true);
});

t.test("rows that are none count for nothing", async (t) => {
  const token = makeToken();
  const columns = ["retention_policy", "name", "mode", "destinations"];
  const destination = `http://~subscriber:${token}@h`;
  const tables: readonly unknown[] = [
    [{ name: "db", columns, values: [[1, "n", "ANY", [destination]]] }],
    [{ name: "db", columns, values: [["autogen", "n", "ANY", destination]] }],
    [{ name: "db", columns, values: [["autogen", "n", "ANY", [null, 7, {}]]] }],
    [{ name: "db", columns: ["x"], values: [["autogen"]] }],
    [{ columns, values: [["autogen", "n", "ANY", [destination]]] }],
  ];
  for (const series of tables) {
    const { tokens, influxdb } = await start(t, {});
    influxdb.mood = (response) => response.end(JSON.stringify({ results: [{ series }] }));
    t.equal(await tokens.refresh(), "fresh");
    t.notOk(tokens.isKnown(use(token), here), JSON.stringify(series));
  }
});
