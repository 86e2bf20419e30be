import pino from "pino";
import t from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { compilePolicy } from "../../src/core/policy.ts";
import { createAudits } from "../../src/server/audits.ts";
import { type Standin, type StandinOptions, startStandin } from "../../src/standin/server.ts";
import { createUpstreams } from "../../src/upstream/upstreams.ts";
import { adminUser, type LogRecord, startTestGateway } from "../support/gateway.ts";

const exec = "stream|from()|alert().exec('x')";

async function start(
  test: { teardown(end: () => Promise<void>): void },
  options: StandinOptions = {},
): Promise<Standin> {
  const standin = await startStandin(options);
  test.teardown(() => standin.close());
  return standin;
}

async function define(standin: Standin, id: string, script = exec): Promise<void> {
  const body = JSON.stringify({ id, script, dbrps: [{ db: "d", rp: "r" }], status: "enabled" });
  const answer = await fetch(`${standin.url}/kapacitor/v1/tasks`, { method: "POST", body });
  if (!answer.ok) throw new Error(await answer.text());
}

interface Instance {
  readonly name: string;
  readonly url: string;
  readonly handlers?: readonly string[];
}

/** A scheduler on its own, with times short enough to see it work. */
function createScheduler(test: { teardown(end: () => void): void }, times = { periodMs: 3_600_000, retryMs: 60_000 }) {
  const records: LogRecord[] = [];
  const waiting = new Set<() => void>();
  const stream = {
    write: (line: string) => {
      records.push(JSON.parse(line));
      for (const check of waiting) check();
    },
  };
  const audits = createAudits(pino({ level: "debug", base: null }, stream), async () => [], times);
  const upstreams = createUpstreams();
  test.teardown(() => {
    audits.stop();
    upstreams.close();
  });
  return {
    audits,
    records,
    /** Goes on with these instances. */
    use: (instances: readonly Instance[], accepted: readonly string[] = []) => {
      const environment: Record<string, string> = { KAPGATE_ALERTS_ACCEPTED: accepted.join(",") };
      for (const [index, { name, url, handlers = ["exec"] }] of instances.entries()) {
        environment[`KAPGATE_KAPACITOR_${index}_NAME`] = name;
        environment[`KAPGATE_KAPACITOR_${index}_URL`] = url;
        environment[`KAPGATE_KAPACITOR_${index}_HOSTS`] = `${name}.test`;
        environment[`KAPGATE_KAPACITOR_${index}_DISABLE_HANDLERS`] = handlers.join(",");
      }
      const { config, problems } = loadConfig({ environment, workingDirectory: "/", searchPath: [], serving: false });
      if (config === undefined) throw new Error(JSON.stringify(problems));
      const options = config.kapacitor.map(({ name, url }) => ({
        name,
        url,
        ca: undefined,
        insecureSkipVerify: false,
        username: "",
        password: "",
        principalHeader: "",
        connectTimeoutMs: 2000,
        timeoutMs: 20_000,
        groupCommit: false,
        writeHoldMs: 0,
        writeTimeoutMs: 5000,
      }));
      audits.use({ config, policy: compilePolicy(config), upstreams: upstreams.use(options) });
    },
    /** Resolves once that many records match. */
    until: (matches: (record: LogRecord) => boolean, count = 1): Promise<LogRecord> =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = records.filter(matches);
          const last = found[count - 1];
          if (last === undefined) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(last);
        };
        const timer = setTimeout(() => reject(new Error(`no such record among ${JSON.stringify(records)}`)), 20_000);
        waiting.add(check);
        check();
      }),
  };
}

const isSummary = ({ msg }: LogRecord): boolean => msg === "audit";
const isFinding = ({ msg }: LogRecord): boolean => msg === "audit finding";
const isFailure = ({ msg }: LogRecord): boolean => msg === "audit is not complete";

t.test("a gateway audits at its start and after a reload; the log and the provider have what it found", async (t) => {
  const standin = await start(t);
  await define(standin, "cleanup");
  const toml = `${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n[alerts]\ndisable-handlers = ["exec"]\n`;
  const gateway = await startTestGateway(toml, { audits: undefined });
  t.teardown(() => gateway.close());
  const until = async (matches: (record: LogRecord) => boolean): Promise<LogRecord> => {
    for (;;) {
      const found = gateway.records.find(matches);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  t.match(await until(isSummary), { level: 40, instance: "default", findings: 1, accepted: 0, tasks: 1 });
  t.match(await until(isFinding), {
    level: 40,
    instance: "default",
    object: "task:cleanup",
    state: "enabled",
    reason: "handler_disabled",
    handler: "exec",
    text: /line 1:23/,
    remove: `kapacitor -url ${standin.url} delete tasks cleanup`,
  });
  t.match(gateway.gateway.audits.last(), [
    {
      instance: "default",
      isRunning: false,
      latest: { findingCount: 1, failure: undefined },
      known: { findingCount: 1 },
    },
  ]);
  const metrics = await fetch(`http://127.0.0.1:${gateway.gateway.adminAddress?.port}/metrics`);
  t.match(await metrics.text(), `kapgate_audit_findings{instance="default"} 1`);
  await gateway.reload(`${toml}accepted = ["task:cleanup"]\n`);
  t.match(await until((record) => isSummary(record) && record.findings === 0), { level: 30, accepted: 1 });
  t.match(await until(({ msg }) => msg === "audit finding is gone"), { level: 30, object: "task:cleanup" });
});

t.test("no policy, no audit", async (t) => {
  const standin = await start(t);
  const { audits, use } = createScheduler(t);
  use([{ name: "open", url: standin.url, handlers: [] }]);
  t.strictSame(audits.last(), []);
  t.equal(standin.requests.length, 0);
});

t.test("again and again; a finding is logged once, a summary each time", async (t) => {
  const standin = await start(t);
  await define(standin, "one");
  const { use, until, records } = createScheduler(t, { periodMs: 20, retryMs: 20 });
  use([{ name: "k", url: standin.url }]);
  await until(isSummary, 3);
  t.equal(records.filter(isFinding).length, 1);
  await define(standin, "two");
  t.match(await until(isFinding, 2), { object: "task:two" });
  await fetch(`${standin.url}/kapacitor/v1/tasks/one`, { method: "DELETE" });
  t.match(await until(({ msg }) => msg === "audit finding is gone"), { object: "task:one" });
});

t.test("a Kapacitor that is down is tried again, its failure said once, and what was known stays", async (t) => {
  let isDown = false;
  const standin = await start(t, {
    intercept: (_, response) => {
      if (isDown) response.destroy();
      return isDown;
    },
  });
  await define(standin, "one");
  const { audits, use, until, records } = createScheduler(t, { periodMs: 20, retryMs: 10 });
  use([{ name: "k", url: standin.url }]);
  await until(isSummary);
  isDown = true;
  await until(isFailure, 3);
  const failures = records.filter(isFailure);
  t.equal(failures.filter(({ level }) => level === 40).length, 1, "one warning");
  t.match(failures[0], { instance: "k", reason: "upstream_reset" });
  t.match(audits.last(), [{ latest: { failure: { reason: "upstream_reset" } }, known: { findingCount: 1 } }]);
  t.equal(records.filter(({ msg }) => msg === "audit finding is gone").length, 0, "nothing is taken for gone");
  isDown = false;
  const before = records.filter(isSummary).length;
  await until(isSummary, before + 1);
  t.match(audits.last(), [{ latest: { failure: undefined } }]);
});

t.test("a Kapacitor that was never up: nothing is known", async (t) => {
  const { audits, use, until } = createScheduler(t);
  use([{ name: "k", url: "http://127.0.0.1:9" }]);
  t.match(await until(isFailure), { level: 40, reason: "upstream_unreachable", cause: "ECONNREFUSED" });
  t.match(audits.last(), [{ instance: "k", known: undefined, latest: { failure: {} } }]);
});

t.test("one at a time for an instance, whatever is asked meanwhile, and the others do not wait", async (t) => {
  let release: (() => void) | undefined;
  let under = 0;
  let most = 0;
  const hanging = await start(t, {
    intercept: async (request) => {
      if (!request.target.includes("/v1/tasks?")) return false;
      under++;
      most = Math.max(most, under);
      if (release === undefined) await new Promise<void>((resolve) => (release = resolve));
      under--;
      return false;
    },
  });
  const quick = await start(t);
  const { audits, use, until } = createScheduler(t);
  const both = [
    { name: "slow", url: hanging.url },
    { name: "quick", url: quick.url },
  ];
  use(both);
  await until((record) => isSummary(record) && record.instance === "quick");
  use(both);
  use(both);
  t.match(audits.last(), [{ instance: "slow", isRunning: true, latest: undefined }, { instance: "quick" }]);
  release?.();
  await until((record) => isSummary(record) && record.instance === "slow", 2);
  t.equal(most, 1);
  t.equal(hanging.requests.filter(({ target }) => target.includes("/v1/tasks?")).length, 2, "asked twice: once more");
});

t.test("stopping breaks off an audit of a Kapacitor that hangs, and says nothing more", async (t) => {
  let asked: (() => void) | undefined;
  const reached = new Promise<void>((resolve) => (asked = resolve));
  let closed: (() => void) | undefined;
  const cut = new Promise<void>((resolve) => (closed = resolve));
  const standin = await start(t, {
    intercept: (_, response) => {
      response.once("close", () => closed?.());
      asked?.();
      return true;
    },
  });
  const { audits, use, records } = createScheduler(t);
  use([{ name: "k", url: standin.url }]);
  await reached;
  audits.stop();
  await cut;
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(records, []);
});

t.test("an instance that is gone after a reload is audited no more", async (t) => {
  const standin = await start(t);
  const { audits, use, until } = createScheduler(t, { periodMs: 20, retryMs: 20 });
  use([
    { name: "a", url: standin.url },
    { name: "b", url: standin.url },
  ]);
  await until((record) => isSummary(record) && record.instance === "b");
  use([{ name: "a", url: standin.url }]);
  t.strictSame(
    audits.last().map(({ instance }) => instance),
    ["a"],
  );
});
