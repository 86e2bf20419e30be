import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { compilePolicy } from "../../src/core/policy.ts";
import { anonymous } from "../../src/core/principal.ts";
import { type DryRunContext, dryRun } from "../../src/server/dry-run.ts";
import { machineAddresses } from "../../src/server/prepare-alerts.ts";
import { type Standin, startStandin } from "../../src/standin/server.ts";
import { createUpstream, type UpstreamOptions } from "../../src/upstream/instance.ts";
import { type Call, fill, groups } from "../policy/flow-cases.ts";
import { instances, resolve } from "../policy/flow-policies.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";

const upstreamOptions = (name: string, url: string): UpstreamOptions => ({
  name,
  url,
  ca: undefined,
  insecureSkipVerify: false,
  username: "",
  password: "",
  principalHeader: "",
  connectTimeoutMs: 2000,
  timeoutMs: 5000,
  groupCommit: false,
  writeHoldMs: 0,
  writeTimeoutMs: 5000,
});

/** What explain decides with, from the text that the gateway runs by; the port is the one that the gateway got. */
async function contextOf(standin: Standin, gateway: TestGateway, toml: string): Promise<DryRunContext> {
  const directory = await mkdtemp(join(tmpdir(), "kapgate-explain-"));
  const file = join(directory, "kapgate.toml");
  await writeFile(file, `[http]\nbind-address = "127.0.0.1:${gateway.port}"\nauth-enabled = false\n${toml}`);
  const { config } = loadConfig({ flags: { config: file }, environment: {}, workingDirectory: "/", serving: false });
  await rm(directory, { recursive: true });
  if (config === undefined) throw new Error("the configuration is wrong");
  const upstreams = new Map(
    config.kapacitor.map(({ name }) => [name, createUpstream(upstreamOptions(name, standin.url))] as const),
  );
  return { policy: compilePolicy(config, machineAddresses()), largestBody: 25_000_000, upstreams, resolve };
}

async function store(standin: Standin, { method, path, body }: Call): Promise<void> {
  const answer = await fetch(standin.url + path, { method, body: body === undefined ? null : new Uint8Array(body) });
  if (!answer.ok) throw new Error(`Kapacitor does not store that: ${await answer.text()}`);
}

for (const { name, cases } of groups) {
  t.test(`explain and the gateway decide alike, word for word: ${name}`, async (t) => {
    const standin = await startStandin();
    t.teardown(() => standin.close());
    const toml = instances(standin.url, false);
    const gateway = await startTestGateway(toml, { http: "auth-enabled = false", resolve });
    t.teardown(() => gateway.close());
    const context = await contextOf(standin, gateway, toml);
    t.teardown(() => {
      for (const upstream of context.upstreams.values()) upstream.close();
    });
    for (const [run, entry] of cases.entries()) {
      const words = { "§": `e${run}`, GATEWAY: String(gateway.port), UPSTREAM: String(standin.port) };
      for (const call of entry.stored) await store(standin, fill(call, words));
      const call = fill(entry.call, words);
      const headers = { host: `${entry.instance}.policy.test`, ...entry.headers };
      const before = standin.stored();
      const { outcome } = await dryRun(context, {
        method: call.method,
        url: call.path,
        rawHeaders: Object.entries(headers).flat(),
        body: call.body ?? Buffer.alloc(0),
        clientAddress: "127.0.0.1",
        principal: anonymous,
      });
      t.strictSame(standin.stored(), before, `${entry.story}: nothing is changed`);
      const answer = await gateway.request(call.method, call.path, {
        headers,
        ...(call.body === undefined ? {} : { body: call.body }),
      });
      const told = answer.body.startsWith("{") ? JSON.parse(answer.body) : {};
      t.equal(outcome.kind === "deny" ? outcome.reason : undefined, told.code, `${entry.story}: the reason`);
      if (outcome.kind === "deny") t.equal(outcome.text, told.error, `${entry.story}: the text`);
      t.equal(told.code, entry.refused, entry.story);
    }
  });
}
