import { request as httpsRequest } from "node:https";
import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder, repository } from "../support/process.ts";

/** Starts a request and resolves with its status and body, or the code of the error that ended it. */
function ask(
  port: number,
  ca: string,
  path: string,
  onHead?: () => void,
): Promise<{ status: number; body: string; error?: string }> {
  return new Promise((resolve) => {
    let status = 0;
    let body = "";
    const outgoing = httpsRequest(
      {
        port,
        host: "127.0.0.1",
        servername: "localhost",
        ca,
        path,
        agent: false,
        headers: { authorization: basic(admin) },
      },
      (answer) => {
        status = answer.statusCode ?? 0;
        onHead?.();
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => {
          body += chunk;
        });
        answer.on("end", () => resolve({ status, body }));
        answer.on("error", (error: NodeJS.ErrnoException) => resolve({ status, body, error: error.code ?? "" }));
      },
    );
    outgoing.on("error", (error: NodeJS.ErrnoException) => resolve({ status, body, error: error.code ?? "" }));
    outgoing.end();
  });
}

t.test(
  "SIGTERM lets a request finish, cuts an endless stream at the deadline, loses no record, and ends with 0",
  async (t) => {
    const folder = await makeFolder();
    const standin = await startStandin({
      intercept: (request, response) => {
        if (!request.target.includes("slow")) return false;
        setTimeout(() => response.end("slow answer"), 700);
        return true;
      },
    });
    t.teardown(async () => {
      await standin.close();
      await folder.remove();
    });
    await folder.write("kapgate.toml", `${liveBase}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`);
    const live = launch([], { cwd: folder.path });
    t.teardown(() => live.child.kill("SIGKILL"));
    const port = await listeningPort(live);
    const headers = new Promise<void>((resolve) => {
      const stream = ask(port, folder.ca, "/kapacitor/v1preview/logs", resolve);
      void stream.then((end) => {
        t.equal(end.status, 200);
        t.ok(end.error !== undefined, "the stream's end does not look like a complete answer");
      });
    });
    const logging = setInterval(() => standin.log("ts=1 lvl=info msg=hello"), 50);
    t.teardown(() => clearInterval(logging));
    await headers;
    const slow = ask(port, folder.ca, "/kapacitor/v1/tasks/slow");
    while (!standin.requests.some((request) => request.target.includes("slow")))
      await new Promise((resolve) => setTimeout(resolve, 10));
    live.child.kill("SIGTERM");
    t.same(await slow, { status: 200, body: "slow answer" });
    const refused = await ask(port, folder.ca, "/kapacitor/v1/ping");
    t.equal(refused.error, "ECONNREFUSED", "the listener is closed while requests finish");
    const ended = await live.ended;
    t.equal(ended.code, 0);
    const paths = live
      .records()
      .filter((record) => record.msg === "request")
      .map((record) => [record.path, record.status, record.aborted]);
    t.same(paths, [
      ["/kapacitor/v1/tasks/slow", 200, undefined],
      ["/kapacitor/v1preview/logs", 200, true],
    ]);
    t.match(live.records().at(-1), { msg: "stopped" });
  },
);

t.test("a second signal ends at once", async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin({ intercept: (request) => request.target.includes("never") });
  t.teardown(async () => {
    await standin.close();
    await folder.remove();
  });
  await folder.write(
    "kapgate.toml",
    `${liveBase.replace('"2s"', '"60s"')}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`,
  );
  const live = launch([], { cwd: folder.path });
  t.teardown(() => live.child.kill("SIGKILL"));
  const port = await listeningPort(live);
  const hanging = ask(port, folder.ca, "/kapacitor/v1/tasks/never");
  while (standin.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const before = performance.now();
  live.child.kill("SIGTERM");
  await live.until((record) => record.msg === "stopping");
  live.child.kill("SIGTERM");
  t.equal((await live.ended).code, 2);
  t.ok(performance.now() - before < 5000);
  t.ok((await hanging).error !== undefined);
});

t.test("SIGTERM passes through npm run, and so does the exit code", async (t) => {
  const folder = await makeFolder();
  t.teardown(() => folder.remove());
  const file = await folder.write("kapgate.toml", `${liveBase}${adminUser}`);
  const live = launch(["-config", file], { cwd: repository, command: "npm run -s kapgate --" });
  t.teardown(() => live.child.kill("SIGKILL"));
  await listeningPort(live);
  live.child.kill("SIGTERM");
  t.equal((await live.ended).code, 0);
  t.match(live.records().at(-1), { msg: "stopped" });
  const wrong = launch(["frobnicate"], { cwd: repository, command: "npm run -s kapgate --" });
  t.equal((await wrong.ended).code, 1);
});
