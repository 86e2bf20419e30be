import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import t, { type Test } from "tap";
import type { ProcessIo } from "../../src/commands/io.ts";
import { run } from "../../src/commands/run.ts";
import { adminUser, portOf, testCertificate } from "../support/gateway.ts";
import { liveBase } from "../support/process.ts";

/** `kapgate run` in this process, with its log in a file. */
async function start(t: Test, more: readonly string[] = []) {
  const { pem } = await testCertificate();
  const folder = t.testdir({ "kapgate.pem": pem });
  const log = '[logging]\nfile = "kapgate.log"\n';
  await writeFile(join(folder, "kapgate.toml"), `${liveBase}${adminUser}${log}`, { mode: 0o600 });
  let send: Parameters<ProcessIo["onSignal"]>[0] | undefined;
  let stderr = "";
  const io: ProcessIo = {
    argv: ["-config", "kapgate.toml", ...more],
    environment: {},
    workingDirectory: folder,
    stdin: Readable.from([]),
    stdout: { write: () => {} },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    pid: 4711,
    onSignal: (listener) => {
      send = listener;
    },
    onFault: () => {},
  };
  const ended = run(io);
  return {
    folder,
    ended,
    send: (signal: "SIGHUP" | "SIGTERM") => send?.(signal),
    stderr: () => stderr,
    messages: async () =>
      (await readFile(join(folder, "kapgate.log"), "utf8"))
        .trim()
        .split("\n")
        .map((line) => String(JSON.parse(line).msg)),
  };
}

t.test("signals during the start are kept until it is done", async (t) => {
  const gateway = await start(t);
  gateway.send("SIGHUP");
  gateway.send("SIGTERM");
  t.equal(await gateway.ended, 0);
  const messages = await gateway.messages();
  t.strictSame(messages.slice(messages.indexOf("listening")), ["listening", "stopping", "stopped"]);
});

t.test("the file with the process id is there while it serves, and nobody else's is touched", async (t) => {
  const gateway = await start(t, ["-pidfile", "kapgate.pid"]);
  const file = join(gateway.folder, "kapgate.pid");
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5));
  t.match(await readFile(file, "utf8"), /^(4711\n)?$/);
  gateway.send("SIGTERM");
  t.equal(await gateway.ended, 0);
  t.equal(existsSync(file), false);

  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  t.teardown(() => taken.close());
  const address = `127.0.0.1:${portOf(taken.address())}`;
  const second = await start(t, ["-pidfile", "kapgate.pid", "-bind-address", address]);
  t.equal(await second.ended, 2);
  t.match(second.stderr(), /could not start: .*EADDRINUSE/);
  t.equal(existsSync(join(second.folder, "kapgate.pid")), false);
});
