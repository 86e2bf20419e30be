import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { request } from "undici";
import { matchRoute } from "../../src/core/routes.ts";
import { admin, adminUser } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { findProgram, type Kapacitord, runCli, startKapacitord } from "./kapacitord.ts";

const daemon = findProgram("KAPACITORD");
const cli = findProgram("KAPACITOR");

t.test(
  "every route that a real Kapacitor registers has a class",
  { skip: "missing" in daemon && daemon.missing },
  async (t) => {
    if ("missing" in daemon) return;
    const kapacitor = await startKapacitord(daemon.path);
    t.teardown(() => kapacitor.close());
    const answer = await request(`${kapacitor.url}/kapacitor/v1/:routes`);
    const routes: unknown = await answer.body.json();
    if (typeof routes !== "object" || routes === null) throw new Error("no route list");
    let compared = 0;
    for (const [pattern, methods] of Object.entries(routes)) {
      // The two catch-alls: 404, and the rewriting of preview paths, which is tested on the routes themselves.
      if (pattern === "/" || pattern === "/kapacitor/v1preview/") continue;
      for (const method of methods) {
        const match = matchRoute(method, pattern);
        t.equal(match.kind, "route", `${method} ${pattern}`);
        compared++;
      }
    }
    t.ok(compared > 50, `${compared} routes compared`);
  },
);

const stream =
  "stream\n    |from()\n        .measurement('cpu')\n    |alert()\n        .crit(lambda: \"v\" > 10)\n        .topic('ops')\n";
const files: Readonly<Record<string, string>> = {
  "task.tick": stream,
  "broken.tick": "stream\n    |from(\n",
  "template.tick": "var m = 'cpu'\nstream\n    |from()\n        .measurement(m)\n",
  "vars.json": '{"m": {"type": "string", "value": "mem"}}',
  "handler.json":
    '{"topic": "ops", "id": "tell", "kind": "slack", "match": "changed() == TRUE", "options": {"channel": "#ops"}}',
  "unknown.json": '{"topic": "ops", "id": "bad", "kind": "nothing"}',
};

/**
 * Every sub-command, in an order in which each finds what the earlier ones left. `forMs` ends the ones that follow a stream.
 * `refused` is our text where the policy refuses what Kapacitor refuses as well: it cannot judge what it cannot read.
 */
const commands: readonly { readonly args: readonly string[]; readonly forMs?: number; readonly refused?: RegExp }[] = [
  { args: ["define", "t1", "-type", "stream", "-tick", "task.tick", "-dbrp", "db.autogen"] },
  { args: ["define", "bad", "-type", "stream", "-tick", "broken.tick", "-dbrp", "db.autogen"], refused: /line 3:1: / },
  { args: ["define-template", "tpl", "-type", "stream", "-tick", "template.tick"] },
  { args: ["define", "t2", "-template", "tpl", "-vars", "vars.json", "-dbrp", "db.autogen"] },
  { args: ["define-topic-handler", "handler.json"] },
  { args: ["define-topic-handler", "unknown.json"], refused: /"nothing"/ },
  { args: ["enable", "t1", "t2"] },
  { args: ["list", "tasks"] },
  { args: ["list", "tasks", "t*"] },
  { args: ["list", "templates"] },
  { args: ["list", "topics"] },
  { args: ["list", "topic-handlers"] },
  { args: ["list", "recordings"] },
  { args: ["list", "replays"] },
  { args: ["list", "service-tests"] },
  { args: ["show", "t1"] },
  { args: ["show", "nothing"] },
  { args: ["show-template", "tpl"] },
  { args: ["show-topic", "ops"] },
  { args: ["show-topic-handler", "ops", "tell"] },
  { args: ["reload", "t1"] },
  { args: ["record", "stream", "-task", "t1", "-duration", "200ms"] },
  { args: ["replay", "-recording", "nothing", "-task", "t1"] },
  { args: ["replay-live", "query", "-task", "t1", "-query", "SELECT v FROM db.autogen.cpu"] },
  { args: ["watch", "t1"], forMs: 700 },
  { args: ["logs", "lvl=error"], forMs: 700 },
  { args: ["level", "error"] },
  { args: ["stats", "general"] },
  { args: ["stats", "ingress"] },
  { args: ["version"] },
  { args: ["vars"] },
  { args: ["service-tests", "slack"] },
  { args: ["backup", "backup.db"] },
  { args: ["disable", "t1", "t2"] },
  { args: ["delete", "topic-handlers", "ops", "tell"] },
  { args: ["delete", "tasks", "t1", "t2"] },
  { args: ["delete", "templates", "tpl"] },
  { args: ["delete", "topics", "ops"] },
  { args: ["push"] },
  { args: ["frobnicate"] },
];

/** Takes out what differs between two daemons or two moments: ids, times, addresses, counters of the process. */
function normalise(args: readonly string[], output: string): string {
  if (args[0] === "vars") return JSON.stringify(Object.keys(JSON.parse(output)).sort());
  const counted = args[0] === "stats" ? output.replace(/(?<![\w-])\d+(?![\w-])/g, "N") : output;
  return counted
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID")
    .replace(/\d{1,2} [A-Z][a-z]{2} \d{2} \d{2}:\d{2} [A-Z]+/g, "TIME")
    .replace(/\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})/g, "TIME")
    .replace(/https?:\/\/[^/\s"]+/g, "URL")
    .replace(/\b\d+(?:\.\d+)?(?:ns|µs|ms|s)\b/g, "DURATION")
    .replace(/^(ClusterID|ServerID|Host|Server Uptime|.*avg_exec_time_ns).*$/gim, "$1")
    .replace(/[ \t]+/g, " ");
}

t.test(
  "every sub-command of the kapacitor CLI prints and returns the same through the gateway",
  { skip: ("missing" in daemon && daemon.missing) || ("missing" in cli && cli.missing) },
  async (t) => {
    if ("missing" in daemon || "missing" in cli) return;
    const folder = await makeFolder();
    const straight: Kapacitord = await startKapacitord(daemon.path);
    const behind: Kapacitord = await startKapacitord(daemon.path);
    await folder.write(
      "kapgate.toml",
      `${liveBase}${adminUser}[[kapacitor]]\nurl = "${behind.url}"\n[alerts]\ndisable-handlers = ["exec", "log"]\n`,
    );
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
    const live = launch([], { cwd: folder.path });
    t.teardown(async () => {
      live.child.kill("SIGKILL");
      await straight.close();
      await behind.close();
      await folder.remove();
    });
    const port = await listeningPort(live);
    const throughGateway = { SSL_CERT_FILE: join(folder.path, "ca.pem") };
    const url = `https://${admin.replace(" ", "%20")}@localhost:${port}`;
    for (const { args, forMs, refused } of commands) {
      const [one, two] = [
        await runCli(cli.path, ["-url", straight.url, ...args], {}, folder.path, forMs),
        await runCli(cli.path, ["-url", url, ...args], throughGateway, folder.path, forMs),
      ];
      t.equal(two.code, one.code, `${args.join(" ")}: exit status`);
      if (refused !== undefined) t.match(two.output, refused, `${args.join(" ")}: our text`);
      else t.equal(normalise(args, two.output), normalise(args, one.output), `${args.join(" ")}: output`);
    }
    t.ok((await readFile(join(folder.path, "backup.db"))).length > 1000, "the backup is there");
    t.notOk(live.records().some((record) => record.reason === "internal_error"));

    const denied = await runCli(
      cli.path,
      ["-url", `https://admin:wrong@localhost:${port}`, "list", "tasks"],
      throughGateway,
      folder.path,
    );
    t.not(denied.code, 0);
    t.match(denied.output, /the user name or the password is wrong/, "the CLI shows our text");
  },
);
