import { connect, type Socket } from "node:net";
import t from "tap";
import { Client } from "undici";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic } from "../support/gateway.ts";
import { kapgateEntry, launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";

t.test("when there are no more files to open the process lives, and serves again when there are", async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin();
  await folder.write("kapgate.toml", `${liveBase}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`);
  await folder.write("few.sh", `ulimit -n 80\nexec "${process.execPath}" "${kapgateEntry}"\n`);
  const live = launch(["few.sh"], { cwd: folder.path, command: "sh" });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await standin.close();
    await folder.remove();
  });
  const port = await listeningPort(live);
  t.ok(
    live
      .records()
      .some(({ msg, level }) => level === "warn" && /this process may have 80.*LimitNOFILE/.test(String(msg))),
    "the start says so",
  );
  const kept = new Client(`https://127.0.0.1:${port}`, { connect: { ca: folder.ca } });
  t.teardown(() => kept.destroy());
  const ask = async (client: Client): Promise<number> => {
    const headers = { authorization: basic(admin) };
    const answer = await client.request({ method: "GET", path: "/kapacitor/v1/ping", headers });
    await answer.body.dump();
    return answer.statusCode;
  };
  t.equal(await ask(kept), 204);
  let closed = 0;
  const flood: Socket[] = Array.from({ length: 150 }, () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.once("close", () => {
      closed += 1;
    });
    socket.resume();
    return socket;
  });
  // What there is no descriptor for is closed by the system's own means.
  while (closed < 50) await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(await ask(kept), 204, "a connection that is there is served all the while");
  for (const socket of flood) socket.destroy();
  while (closed < flood.length) await new Promise((resolve) => setTimeout(resolve, 10));
  const later = new Client(`https://127.0.0.1:${port}`, { connect: { ca: folder.ca } });
  t.teardown(() => later.destroy());
  let status = 0;
  while (status !== 204) status = await ask(later).catch(() => 0);
  t.equal(status, 204);
  live.child.kill("SIGTERM");
  t.equal((await live.ended).code, 0);
});
