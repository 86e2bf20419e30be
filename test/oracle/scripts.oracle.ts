import t from "tap";
import type { TaskVar } from "../../src/core/script-report.ts";
import type { ScriptCase } from "../policy/scripts-case.ts";
import * as rules from "../policy/scripts-rule-cases.ts";
import * as syntax from "../policy/scripts-syntax-cases.ts";
import { startTestGateway } from "../support/gateway.ts";
import { caseOf, type Peer, startPeer } from "./peer.ts";
import type { Sent } from "./sinks.ts";
import { normalise, program, reasonOf, skip } from "./surroundings.ts";

const tables: readonly ScriptCase[] = Object.values({ ...syntax, ...rules }).flat();

/** A script of the tables as it is sent: without the mark of its place, with an alert that goes off, and with addresses that are sinks. */
function sendable(peer: Peer, { script }: ScriptCase): string {
  return peer.contain(
    script
      .replace("▸", "")
      .replace(/\b(alert|Alert)\(\)/g, "$1().crit(lambda: TRUE)")
      .replace(/'http:\/\/[a-c]'/g, `'${peer.sinks.url("post")}'`)
      .replace(/'[a-c]:[12]'/g, `'${peer.sinks.address("tcp")}'`)
      .replaceAll("0.0, 10s", "0.0, 200ms"),
  );
}

function jsonOf(value: TaskVar): unknown {
  if (value.type === "list") return { type: "list", value: value.items.map(jsonOf) };
  return value.type === "string" ? { type: "string", value: value.value } : { type: value.type };
}

const policyOf = ({ disabled = ["exec", "log"], udfs = [] }: ScriptCase): string =>
  `disable-handlers = ${JSON.stringify(disabled)}\nudfs = ${JSON.stringify(udfs)}\n`;

/** `POST /tasks` for an enabled task that listens to a database of its own, or `POST /templates`. */
function definition(peer: Peer, entry: ScriptCase, database: string): readonly [path: string, body: string] {
  const script = sendable(peer, entry);
  if (entry.vars === "template") {
    return ["/kapacitor/v1/templates", JSON.stringify({ id: database, type: "stream", script })];
  }
  const vars = Object.fromEntries(Object.entries(entry.vars ?? {}).map(([name, value]) => [name, jsonOf(value)]));
  const dbrps = [{ db: database, rp: "r" }];
  const task = { id: database, type: "stream", status: "enabled", dbrps, script, vars };
  return ["/kapacitor/v1/tasks", JSON.stringify(task)];
}

t.test("every script of the tables against a real Kapacitor, straight and through the gateway", { skip }, async (t) => {
  let straight = await startPeer(program());
  const behind = await startPeer(program());
  // Some scripts end Kapacitor: another one takes its place.
  const open = [straight];
  t.teardown(() => Promise.all([...open, behind].map((peer) => peer.close())));
  const policies = [...new Set(tables.map(policyOf))];
  const instances = policies.map(
    (keys, index) =>
      `[[kapacitor]]\nname = "p${index}"\nurl = "${behind.url}"\nhosts = ["p${index}.policy.test"]\n${keys}`,
  );
  const gateway = await startTestGateway(instances.join("\n"), { http: "auth-enabled = false" });
  t.teardown(() => gateway.close());

  for (const [index, entry] of tables.entries()) {
    const database = `case${index}`;
    const expected = await straight.send("POST", ...definition(straight, entry, database));
    const isAlive = await straight.isAlive();
    if (isAlive) await straight.write(database, database);
    else {
      straight = await startPeer(program());
      open.push(straight);
    }
    const [path, body] = definition(behind, entry, database);
    const headers = { host: `p${policies.indexOf(policyOf(entry))}.policy.test` };
    const answer = await gateway.request("POST", path, { headers, body });
    const reason = reasonOf(answer);
    if (entry.expect === "allowed") {
      t.equal(reason, undefined, `${entry.name}: passes: ${answer.body}`);
      t.equal(answer.status, expected.status, `${entry.name}: is answered alike: ${expected.body}`);
      if (answer.status !== 200) t.equal(normalise(answer.body), normalise(expected.body), entry.name);
    } else {
      t.equal(
        reason,
        entry.expect === "unparsable" ? "script_unparsable" : "handler_disabled",
        `${entry.name}: ${answer.body}`,
      );
      const stored = await behind.send("GET", `${path}/${database}`);
      t.equal(stored.status, 404, `${entry.name}: nothing is stored`);
      // What we cannot read must be nothing that Kapacitor can.
      if (entry.expect === "unparsable" && isAlive) t.equal(expected.status, 400, `${entry.name}: ${expected.body}`);
    }
    await behind.write(database, database);
  }

  const cases = (fired: readonly Sent[]) => new Set(fired.map(caseOf)).size;
  const earlier = (await Promise.all(open.filter((peer) => peer !== straight).map((peer) => peer.fired()))).flat();
  const last = await straight.settle(10_000, (now) => cases([...earlier, ...now]) >= 60);
  const fired = [...earlier, ...last];
  t.ok(cases(fired) >= 60, `sent straight to Kapacitor, ${cases(fired)} of the scripts do something`);
  t.ok(new Set(fired.map(({ kind }) => kind)).size >= 10, "with ten kinds of handlers at least");

  for (const sent of await behind.fired()) {
    const number = caseOf(sent)?.slice("case".length);
    const entry = number === undefined ? undefined : tables[Number(number)];
    const disabled: readonly string[] = entry?.disabled ?? ["exec", "log"];
    t.notOk(disabled.includes(sent.kind), `${entry?.name}: ${sent.kind} ${sent.text}`);
  }
});
