import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { openTls } from "../support/raw.ts";

/** nginx cut such streams after its 60 s read timeout, and Chronograf's log view stayed empty. */
t.setTimeout(90_000);
const silenceMs = 65_000;

t.test("a log stream that is silent for 65 s is still there for its first line", async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin();
  await folder.write("kapgate.toml", `${liveBase}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`);
  const live = launch([], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await standin.close();
    await folder.remove();
  });
  const socket = await openTls(await listeningPort(live), folder.ca);
  t.teardown(() => socket.destroy());
  let text = "";
  let closed = false;
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("close", () => {
    closed = true;
  });
  socket.write(
    `GET /kapacitor/v1preview/logs?task=cpu HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${basic(admin)}\r\nAccept: application/json\r\n\r\n`,
  );
  while (standin.logStreams === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, silenceMs));
  t.equal(text, "", "no invented header");
  t.equal(closed, false);
  standin.log("ts=1 lvl=info msg=finally");
  while (!text.includes("finally") && !closed) await new Promise((resolve) => setTimeout(resolve, 10));
  t.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*msg=finally/);
});
