import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { passedSocketProblem } from "../../src/server/listen.ts";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic, portOf } from "../support/gateway.ts";
import { kapgateEntry, launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { openTls } from "../support/raw.ts";
import { inOrder, numbersOf, startWriters } from "../support/writers.ts";

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
};

t.test("SIGTERM with 64 writers and an endless stream: every write is answered and stored, once", async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin({ requestLimit: 10 });
  await folder.write("kapgate.toml", `${liveBase}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`);
  const live = launch([], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await standin.close();
    await folder.remove();
  });
  const port = await listeningPort(live);
  const stream = await openTls(port, folder.ca);
  let seen = "";
  stream.setEncoding("latin1").on("data", (text: string) => {
    seen += text;
  });
  const streamEnded = new Promise((resolve) => stream.once("close", resolve));
  stream.on("error", () => {});
  stream.write(`GET /kapacitor/v1preview/logs HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${basic(admin)}\r\n\r\n`);
  await until(() => standin.logStreams > 0);
  standin.log("ts=1 lvl=info msg=early");
  const writers = startWriters({ port, ca: folder.ca, count: 64 });
  await until(() => writers.count() > 200);
  live.child.kill("SIGTERM");
  const { accepted, failures } = await writers.ended();
  t.strictSame(failures, [], "no write was cut off or refused");
  t.strictSame(numbersOf(standin.points), inOrder(accepted), "what was answered is stored once, and nothing else");
  t.equal(live.child.exitCode, null, "the stream may go on until the deadline");
  standin.log("ts=1 lvl=info msg=late");
  await until(() => seen.includes("msg=late"));
  await streamEnded;
  t.notMatch(seen, /\r\n0\r\n\r\n$/, "its end does not look like the end of an answer");
  t.equal((await live.ended).code, 0);
  t.equal(
    live.records().filter(({ msg, lane, status }) => msg === "request" && lane === "write" && status === 204).length,
    accepted.length,
    "every write has its record",
  );
});

t.test("restarted on a socket that somebody else holds, no write is lost and none is refused", async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin({ requestLimit: 10 });
  const config = liveBase.replace('"127.0.0.1:0"', '"fd:3"');
  await folder.write("kapgate.toml", `${config}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`);
  await folder.write(
    "manager.sh",
    // What systemd does with a socket and Restart=always: it holds the socket and starts whoever serves it.
    `for i in 1 2 3; do ( LISTEN_FDS=1 exec sh -c 'LISTEN_PID=$$ exec "$0" "$1" -pidfile pid' "${process.execPath}" "${kapgateEntry}" ); done\n`,
  );
  const socket = createServer();
  await new Promise<void>((resolve) => socket.listen(0, "127.0.0.1", resolve));
  const port = portOf(socket.address());
  const descriptor3: unknown = Reflect.get(Reflect.get(socket, "_handle"), "fd");
  const manager = launch([join(folder.path, "manager.sh")], {
    cwd: folder.path,
    command: "sh",
    descriptor3: Number(descriptor3),
  });
  // From here on this process does not hold it.
  socket.close();
  const pidOf = () => readFile(join(folder.path, "pid"), "utf8").then(Number, () => 0);
  t.teardown(async () => {
    manager.child.kill("SIGKILL");
    const pid = await pidOf();
    if (pid > 0) process.kill(pid, "SIGKILL");
    await standin.close();
    await folder.remove();
  });
  const writers = startWriters({ port, ca: folder.ca, count: 16 });
  for (const run of [1, 2, 3]) {
    await until(() => manager.records().filter(({ msg }) => msg === "listening").length === run);
    const enough = writers.count() + 100;
    await until(() => writers.count() > enough);
    const stopped = run === 3 ? writers.stop() : undefined;
    await stopped;
    process.kill(await pidOf(), "SIGTERM");
  }
  const { accepted, failures } = await writers.stop();
  t.strictSame(failures, []);
  t.strictSame(numbersOf(standin.points), inOrder(accepted));
  const { code } = await manager.ended;
  t.equal(code, 0);
  t.equal(manager.records().filter(({ msg }) => msg === "stopped").length, 3);
});

t.test("a socket that nobody passed is a mistake that a restart does not mend", async (t) => {
  const rows: readonly (readonly [env: Record<string, string>, text: RegExp | undefined])[] = [
    [{}, /fd:3 is for a socket that systemd passes, and none was passed/],
    [{ LISTEN_FDS: "1", LISTEN_PID: "1" }, /none was passed/],
    [{ LISTEN_FDS: "0", LISTEN_PID: "7" }, /fd:3 was not passed/],
    [{ LISTEN_FDS: "1", LISTEN_PID: "7" }, undefined],
    [{ LISTEN_FDS: "1" }, undefined],
  ];
  for (const [env, text] of rows) {
    const problem = passedSocketProblem({ fd: 3 }, env, 7);
    if (text === undefined) t.equal(problem, undefined, JSON.stringify(env));
    else t.match(problem, text);
  }
  t.match(passedSocketProblem({ fd: 5 }, { LISTEN_FDS: "2" }, 7), /fd:5 was not passed: there is fd:3 to fd:4/);
  t.equal(passedSocketProblem({ host: "", port: 1 }, {}, 7), undefined);

  const folder = await makeFolder();
  t.teardown(() => folder.remove());
  await folder.write("kapgate.toml", `${liveBase.replace('"127.0.0.1:0"', '"fd:3"')}${adminUser}`);
  const ended = await launch([], { cwd: folder.path }).ended;
  t.equal(ended.code, 1);
  t.match(ended.stderr, /^kapgate: bind-address fd:3 .*kapgate\.socket/m);
});
