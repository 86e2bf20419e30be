import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import pino from "pino";
import t from "tap";
import { createNotify } from "../../src/commands/notify.ts";
import { adminUser } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";

/** Stands for systemd-notify: takes its time for the first message, so that a later one could overtake it. */
const told = `#!/bin/sh
[ -e told ] || sleep 0.2
echo "$NOTIFY_SOCKET $*" >> told
`;

t.test("systemd is told when it is ready, reads again, and stops, in this order", async (t) => {
  const folder = await makeFolder();
  await chmod(await folder.write("systemd-notify", told), 0o700);
  await folder.write("kapgate.toml", liveBase + adminUser);
  const env = { NOTIFY_SOCKET: "/run/notify", PATH: `${folder.path}:${process.env.PATH}` };
  const live = launch([], { cwd: folder.path, env });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await folder.remove();
  });
  await listeningPort(live);
  const before = process.hrtime.bigint() / 1000n;
  live.child.kill("SIGHUP");
  await live.until(({ msg }) => msg === "reloaded");
  const after = process.hrtime.bigint() / 1000n;
  await folder.write("kapgate.toml", "nonsense");
  live.child.kill("SIGHUP");
  await live.until(({ msg }) => /reload refused/.test(String(msg)));
  live.child.kill("SIGTERM");
  t.equal((await live.ended).code, 0);
  const lines = (await readFile(join(folder.path, "told"), "utf8")).trim().split("\n");
  t.match(lines, [
    /^\/run\/notify READY=1 STATUS=serving on 127\.0\.0\.1:\d+$/,
    /^\/run\/notify RELOADING=1 MONOTONIC_USEC=\d+$/,
    /^\/run\/notify READY=1 STATUS=serving on 127\.0\.0\.1:\d+$/,
    /^\/run\/notify RELOADING=1 MONOTONIC_USEC=\d+$/,
    /^\/run\/notify READY=1 STATUS=.*; the last reload was refused, see the log$/,
    /^\/run\/notify STOPPING=1 STATUS=finishing requests$/,
  ]);
  t.equal(lines.length, 6);
  const at = BigInt(/MONOTONIC_USEC=(\d+)/.exec(lines[1] ?? "")?.[1] ?? 0);
  t.ok(before <= at && at <= after, "the time is that of the reload, on the clock that systemd compares with");
});

t.test("a service manager that cannot be told changes nothing, and is told of once", async (t) => {
  const records: unknown[] = [];
  const log = pino({}, { write: (line: string) => records.push(JSON.parse(line)) });
  const nowhere = createNotify({ NOTIFY_SOCKET: "/run/notify", PATH: t.testdir({}) }, log);
  nowhere.ready("here");
  nowhere.stopping();
  await nowhere.settled();
  t.match(records, [{ level: 40, msg: /needs systemd-notify and NotifyAccess=all/, cause: /ENOENT/ }]);
  t.equal(records.length, 1);
  const unasked = createNotify({ PATH: t.testdir({}) }, log);
  unasked.ready("here");
  await unasked.settled();
  t.equal(records.length, 1, "without NOTIFY_SOCKET nothing is tried");
});
