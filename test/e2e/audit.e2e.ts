import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { run } from "../../src/commands/audit.ts";
import { runIn } from "../commands/run-in.ts";
import { findProgram, type Kapacitord, startKapacitord } from "./kapacitord.ts";

const kapacitord = findProgram("KAPACITORD");
const kapacitor = findProgram("KAPACITOR");
const shell = promisify(execFile);

async function store({ url }: Kapacitord, method: string, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${url}/kapacitor/v1${path}`, { method, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

if ("missing" in kapacitord || "missing" in kapacitor) {
  const missing = [kapacitord, kapacitor].flatMap((program) => ("missing" in program ? [program.missing] : []));
  t.test("the audit of a real Kapacitor", { skip: missing.join("; ") }, async () => {});
} else {
  t.test("the audit of a real Kapacitor: what is found goes by the commands of the report", async (t) => {
    const daemon = await startKapacitord(kapacitord.path, { sections: "[config-override]\n  enabled = true\n" });
    t.teardown(() => daemon.close());
    const folder = await mkdtemp(join(tmpdir(), "kapgate-audit-"));
    t.teardown(() => rm(folder, { recursive: true }));
    const dbrps = [{ db: "d", rp: "r" }];
    const exec = "stream\n  |from()\n  |alert()\n    .crit(lambda: TRUE)\n    .exec('/bin/true')";
    for (let index = 0; index < 120; index++) {
      const script = `stream|from()|alert().crit(lambda: TRUE).topic('topic${index}')`;
      await store(daemon, "POST", "/tasks", { id: `clean${index}`, dbrps, script });
    }
    await store(daemon, "POST", "/tasks", { id: "cleanup", dbrps, script: exec, status: "enabled" });
    await store(daemon, "POST", "/tasks", { id: "odd", dbrps, script: exec });
    await store(daemon, "PATCH", "/tasks/odd", { id: "it's\u001b[31m odd/b" });
    const script = "var prog string\nstream|from()|alert().crit(lambda: TRUE).exec(prog)";
    await store(daemon, "POST", "/templates", { id: "shell", script });
    const vars = { prog: { type: "string", value: "/bin/true" } };
    await store(daemon, "POST", "/tasks", { id: "of-shell", dbrps, "template-id": "shell", vars, status: "enabled" });
    for (const topic of ["ops", "topic7", "main:cleanup:alert2"]) {
      const handler = { id: "shell", kind: "exec", options: { prog: "/bin/true" } };
      await store(daemon, "POST", `/alerts/topics/${topic}/handlers`, handler);
    }
    // Its handler is stored all the same, and lives again after a restart.
    await fetch(`${daemon.url}/kapacitor/v1/alerts/topics/topic7`, { method: "DELETE" });
    await store(daemon, "POST", "/config/slack/", {
      set: { enabled: true, global: true, channel: "#a", url: "http://192.0.2.1/x" },
    });
    await store(daemon, "POST", "/config/alerta/", { set: { enabled: true, url: "http://10.0.0.9:8080", token: "x" } });
    const policy = `[alerts]\ndisable-handlers = ["exec", "slack"]\ndeny-target-cidrs = ["10.0.0.0/8"]\n`;
    await writeFile(join(folder, "kapgate.toml"), `[[kapacitor]]\nurl = "${daemon.url}"\n${policy}`);
    const audit = () => runIn(folder, run, "-config", "kapgate.toml", "-json");

    const first = await audit();
    t.equal(first.code, 3, first.stderr);
    const [report] = JSON.parse(first.stdout).reports;
    t.equal(report.failure, undefined);
    t.equal(report.audited.task, 123);
    t.strictSame(report.findings.map(({ object }: { object: string }) => object).toSorted(), [
      "config:alerta",
      "config:slack",
      "handler:main:cleanup:alert2/shell",
      "handler:ops/shell",
      "handler:topic7/shell",
      "task:cleanup",
      "task:it's\u001b[31m odd/b",
      "task:of-shell",
      "template:shell",
    ]);
    await writeFile(join(folder, "kapacitor"), `#!/bin/sh\nexec ${kapacitor.path} "$@"\n`, { mode: 0o755 });
    for (const { remove } of report.findings) {
      await shell("sh", ["-c", remove], {
        env: { PATH: `${folder}:${dirname(process.execPath)}:${process.env.PATH}` },
      });
    }
    const second = await audit();
    t.equal(second.code, 0, second.stdout);
    t.equal(JSON.parse(second.stdout).reports[0].audited.task, 120);
  });
}
